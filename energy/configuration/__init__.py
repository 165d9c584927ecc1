"""What a site consists of, and did at any time: the configuration as a fact, of which a change has a cause.

- ``site``, ``metering``, ``supply``, ``zone``: the ``[sites.*]`` tables.
- ``device``: what the ledger accounts for.
- ``plan``, ``roster``: what a site consisted of, as it is kept; nothing is deleted.
- ``recorded``: a site's plans, and as of when each of its quarters is known: what its eras follow from.
- ``era``, ``estate``: which devices a site had when, and which sites there ever were.
- ``altered``, ``noting``, ``rejudged``: where two accounts of one site differ, the cause of that, and what
  it lets
  registers tell otherwise.
"""
