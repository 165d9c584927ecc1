"""Figures over twelve months: what a standard defines over a year, told anew at the end of every day.

A year is added up from blocks: what lies between two midnights, those of UTC and those of the site.

- ``block``: the blocks of a span, and what of each is kept.
- ``tables``: where that is.
- ``standing``: what tells whether a block is still what the ledger says.
- ``working``: works blocks out from the ledger.
- ``keeping``: the job that keeps them.
- ``window``: the twelve months before a moment, and whether they may be told.
- ``year``: the figures over them.
"""
