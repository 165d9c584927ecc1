"""Promises on figures: what may be promised, how it stands, and the hours that lacked most.

- ``aim``: what a figure may be promised to be; ``target``: the ``[[target]]`` tables and the verdict.
- ``judge``: where a target stands and whether it can still be kept (:mod:`energy.outlook` tells what comes).
- ``shortfall``: the hours in which most energy was not known to be covered.
"""
