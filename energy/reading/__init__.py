"""The ledger as it is read: one implementation of :class:`energy.figures.Figures`.

- ``reader``: asks all of the following; ``look``: one look, so that a page works nothing out twice.
- ``stand``, ``hindsight``: how a ledger stood, how settled it is, and what has changed in it.
- ``shelf``, ``view``: days kept in memory, and what is worked out of them.
- ``rows``, ``entries``, ``statement``: rows of figures, of the ledger, and of completeness.
"""
