"""Why the ledger says what it says: causes, seals, locks, what waits for a restatement, and their check.

In the order in which they build on one another:

``cause``        every write to the ledger, and every other fact that changes a figure, has one
``line``         the canonical form of rows and causes, and their digests
``seal``         a chain of hashes over the rows of closed days
``key``          the secret that locks and restatements are signed with
``month_lock``   a month that takes no more rows; ``pending`` keeps what would have changed it
``restatement``  applies what is pending, as a signed document
``check``        recomputes all of it and names what differs
"""
