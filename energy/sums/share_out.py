"""Whole watt-hours: rounding down what adds up, and sharing out a sum among the quarters of its hour."""

from __future__ import annotations

import numpy as np

from telemetry.frame import Floats

DUST = 1e-6
"""Wh: what adding binary fractions up may lose."""


def reached(offered: Floats) -> Floats:
    """``offered`` up to here, rounded down: several that each give a fraction are not rounded one by one."""
    return np.floor(offered + DUST)


def in_proportion(given: Floats, parts: Floats) -> Floats:
    """``given`` to each row, shared out in proportion to its ``parts``, in whole Wh; NaN takes no part."""
    until = np.nan_to_num(parts).cumsum(axis=1)
    whole = until[:, -1:]
    part = np.divide(until, whole, out=np.zeros_like(until), where=whole > 0)
    shared: Floats = np.diff(np.rint(given[:, None] * part), axis=1, prepend=0.0)
    return shared
