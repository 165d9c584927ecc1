"""The meter tree: what hangs below what, which meters a figure counts, and how it all closes to the inlet.

``members`` takes virtual meters apart, ``ancestry`` says what hangs below what. ``boundary`` tells which
meters make E_DC and E_IT, ``formula`` says it in words. ``faults`` is what a configuration gets wrong,
``virtual`` adds up lines of the ledger, ``closure`` compares each meter with those below it.
"""
