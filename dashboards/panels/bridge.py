"""Readings that come seldom are no gaps: between two that are as far apart as usual lies a line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats

AROUND = 5
"""Distances whose median tells what is usual at one place: what speaks seldom at night may not by day."""

_Ints = npt.NDArray[np.int64]


def bridged(column: Floats, longest: int) -> Floats:
    """``column`` with its holes filled in a straight line where readings are usually so far apart there.

    ``longest`` is the greatest distance, in steps, that is ever usual. Where something spoke in every step, a
    step without a reading stays a hole.
    """
    told = np.flatnonzero(~np.isnan(column))
    apart = np.diff(told)
    if len(apart) < AROUND // 2 + 1 or not (apart > 1).any():
        return column
    usual = _usual(apart)
    regular = (usual > 1) & (apart > 1) & (apart <= usual + 1) & (apart <= longest)
    within = np.zeros(len(column), dtype=np.bool_)
    for first, until in zip(told[:-1][regular], told[1:][regular], strict=True):
        within[first + 1 : until] = True
    filled = column.copy()
    filled[within] = np.interp(np.flatnonzero(within), told, column[told])
    return filled


def _usual(apart: _Ints) -> npt.NDArray[np.float64]:
    """The median of the distances around each."""
    padded = np.pad(apart.astype(np.float64), AROUND // 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, AROUND)
    return np.asarray(np.nanmedian(windows, axis=1), np.float64)
