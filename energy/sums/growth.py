"""How far a ledger that was read before tells the same: what follows from that is not worked out again."""

from __future__ import annotations

import numpy as np

from energy.sums.line import HOUR
from energy.sums.sheet import NO_ROW, Sheet

_LEAST = 2 * HOUR
"""Quarters before which there is nothing to keep: an hour of context and one that a gap may change."""


def unchanged(old: Sheet, new: Sheet) -> int:
    """The index, of a whole hour, before which all that follows from ``new`` follows from ``old`` as well.

    0 where nothing does, or nobody can tell. A gap changes what is known of the hour before it, so that is
    not among it; nor may a register have fallen silent before, as its beginning is then not seen from there.
    """
    if old.first != new.first or old.registers != new.registers:
        return 0
    quarters = min(old.quarters, new.quarters)
    amounts = old.amount[:, :quarters], new.amount[:, :quarters]
    same = (amounts[0] == amounts[1]) | (np.isnan(amounts[0]) & np.isnan(amounts[1]))
    same &= old.quality[:, :quarters] == new.quality[:, :quarters]
    same &= old.revision[:, :quarters] == new.revision[:, :quarters]
    found = np.flatnonzero(~same.all(axis=0))
    start = (int(found[0]) if len(found) else quarters) // HOUR * HOUR - HOUR
    if start < _LEAST:
        return 0
    begun = new.quality[:, : start - HOUR] != NO_ROW
    silent = begun.any(axis=1) & (new.quality[:, start - HOUR] == NO_ROW)
    return 0 if silent.any() else start
