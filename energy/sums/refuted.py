"""Where the inlet's meter cannot be right, as the IT equipment alone took more in that hour."""

from __future__ import annotations

import numpy as np

from energy.sums.line import HOUR, Flags
from telemetry.frame import Floats

AGREEING = 0.98
"""Share of one energy below which that of a meter above contradicts it: two of class 1 differ by no more."""


def refuted(used: Floats, eit: Floats, firm: Flags, measured: Flags) -> Flags:
    """Where what a site ``used`` (NaN where not known, or its hour is a guess) lies below E_IT in its hour.

    Where ``eit`` is not ``firm`` it is taken to be as high as the highest quarter that was ``measured`` in
    that hour and the ones beside it, so that losing E_IT makes nobody believe an inlet that it refuted.
    """
    sound = ~np.isnan(used)
    told = np.where(firm, eit, _beside(np.where(measured, np.nan_to_num(eit), 0.0)))
    excess = np.where(sound, AGREEING * told - used, 0.0).reshape(-1, HOUR).sum(axis=1)
    found: Flags = sound & (excess > 0).repeat(HOUR)
    return found


def _beside(measured: Floats) -> Floats:
    """The highest quarter of each hour and the two beside it."""
    own = measured.reshape(-1, HOUR).max(axis=1)
    around = np.concatenate([[0.0], own, [0.0]])
    highest: Floats = np.maximum(np.maximum(around[:-2], own), around[2:]).repeat(HOUR)
    return highest
