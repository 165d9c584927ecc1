"""Why the ledger says what it says: causes, seals, locks, what waits for a restatement, and their check.

In the order in which they build on one another:

``turn``         one writer at a time; what becomes known is stamped there, later than all before it
``cause``        every write to the ledger, and every other fact that changes a figure, has one;
                 ``writing`` gives them to the rows of one run, ``options`` the window for corrections
``line``         the canonical form of rows and causes, and their digests
``seal``         a chain of hashes over the rows of closed days
``key``          the secret that locks and restatements are signed with
``month_lock``   a month that takes no more rows; ``knowledge`` tells as of when its other facts are read
``past``         state and revision of figures, by the causes and locks that ``reach`` them
``pending``      what readings would have changed in a locked month, ``beside`` what other facts would;
                 ``disturbed`` finds the months of which there is any
``proposal``     what a locked month would read with all of that, line by line
``basis``        digests of what a month rests on beside the rows
``document``     what is signed; ``locking`` makes a lock, ``restating`` a restatement, each by an ``act``
``check``        recomputes a site: seals and rows; ``paper`` its documents; ``difference`` is what
                 differs, ``checking`` does all sites and keeps what was found
``history``      the revisions of a period, ``trail`` those of single rows
``desk``         all of it behind one door
"""
