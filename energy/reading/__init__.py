"""The ledger as it is read: one implementation of :class:`energy.figures.Figures`.

- ``reader``: asks all of the following; ``look``: one look, so that a page works nothing out twice.
- ``stand``, ``hindsight``: how a ledger stood, how settled it is, and what has changed in it.
- ``shelf``, ``view``, ``worked``: days kept in memory, and what is worked out of them.
- ``certified``: certificates by volume, in the sums of a period; ``closures``: how the meter tree closes.
- ``presence``: which sites count in which part of a period.
- ``rows``, ``entries``, ``statement``: rows of figures, of the ledger, and of completeness.
"""
