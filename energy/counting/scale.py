"""Readings that a device told in another unit for a while: a register is 1000 times too high or too low."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats

SLACK = 0.01
"""How far (share) a count may be from a thousandth of its neighbour and still pass for its unit's slip."""

LEAST = 10.0
"""A count below this is no evidence of a unit: anything is about a thousand times as much."""

ERROR = "an error of scale"
"""How the ledger names it, wherever one reaches: it is found again by these words."""

_FACTORS = ((1, 1e3), (2, 1e6))


def slipped(value: Floats, limit: Floats, glitch: int) -> npt.NDArray[np.int8]:
    """By which power of 1000 each count differs from the scale that the register has; 0 where it does not.

    ``limit`` is what may be gained from each count to the next, NaN where the meter was exchanged in between.
    A slip begins where a count falls to, or
    jumps implausibly to, a thousandth, a thousand times or the square of that, and ends where one comes
    back. The scale is that of the first ``glitch`` + 1 counts in a row that agree.
    """
    levels = np.zeros(len(value), dtype=np.int8)
    steps = np.where(np.isnan(limit), 0, _steps(value))
    state = 0
    for i in np.flatnonzero(steps).tolist():
        step = int(steps[i])
        plausible = step > 0 and value[i + 1] - value[i] <= limit[i]
        if (state == 0 and plausible) or abs(state + step) > 2:
            continue
        state += step
        levels[i + 1 :] = state
    if not levels.any():
        return levels
    result: npt.NDArray[np.int8] = levels - _scale(levels, glitch)
    return result


def _steps(value: Floats) -> npt.NDArray[np.int8]:
    """The power of 1000 that lies between each two neighbours, 0 where it is none."""
    found = np.zeros(max(len(value) - 1, 0), dtype=np.int8)
    low, high = np.minimum(value[:-1], value[1:]), np.maximum(value[:-1], value[1:])
    if not len(found) or not (high >= 900 * np.maximum(low, LEAST)).any():
        return found
    sign = np.where(value[1:] > value[:-1], 1, -1)
    for power, factor in _FACTORS:
        # A count in the larger unit has no digits for what is below one of it.
        near = np.abs(high - factor * low) <= np.maximum(SLACK * high, factor)
        found[near & (low >= LEAST)] = power
    return (found * sign).astype(np.int8)


def _scale(levels: npt.NDArray[np.int8], glitch: int) -> int:
    edges = np.flatnonzero(np.diff(levels)) + 1
    starts = np.concatenate(([0], edges))
    lengths = np.diff(np.append(starts, len(levels)))
    enough = np.flatnonzero(lengths > glitch)
    return int(levels[starts[enough[0] if len(enough) else 0]])


def words(power: int) -> str:
    """``1000 times too low``."""
    return f"{1000 ** abs(power)} times too {'high' if power > 0 else 'low'}"
