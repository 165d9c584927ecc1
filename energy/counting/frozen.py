"""A register that stands still while the power of its own meter tells that it should not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy.counting.register import HOUR_MS, Register
from telemetry.frame import Floats, Millis

STEPS = 2.0
"""So many of its own steps must be due, by its power, before a register that stands still is stuck."""

CAUGHT_UP = 0.5
"""A register that was stuck has caught up if it then tells at least this share of what its power told."""

FROZEN = "frozen:"
"""How the ledger names it, wherever it reaches: it is found again by these words."""

_NOISE = 1e-3, 100.0, 1000.0
"""Share of the rated power, within these bounds (W), that a meter may tell without load: its zero wanders."""

_COARSEST = 1e6
"""No register counts in larger steps (Wh)."""


@dataclass(frozen=True)
class Stand:
    """Counts ``first`` to ``last`` (indices) are one and the same; ``wh`` is what power told meanwhile."""

    first: int
    last: int
    wh: float


def still(at: Millis, value: Floats, how: Register) -> list[tuple[int, int]]:
    """First and last index of every run of one and the same count that is longer than ``how.frozen_ms``."""
    if len(at) < 2 or at[-1] - at[0] <= how.frozen_ms:
        return []
    edges = np.flatnonzero(np.diff(value) != 0) + 1
    starts = np.concatenate(([0], edges))
    ends = np.append(edges, len(value)) - 1
    long = at[ends] - at[starts] > how.frozen_ms
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


def stuck(at: Millis, value: Floats, how: Register, power: tuple[Millis, Floats]) -> list[Stand]:
    """Those runs in which ``power`` (times, W in the register's direction) tells of more than nothing.

    A register with coarse steps stands still for long with a small load: :data:`STEPS` of them must be due.
    What power told reaches up to the first other count, if there is one.
    """
    found, ratio = [], how.ratio_at(at)
    for first, last in still(at, value, how):
        due = told(power, int(at[first]), int(at[last]), how)
        if due is not None and due >= STEPS * float(ratio[first]) * _step(float(value[first])):
            end = int(at[min(last + 1, len(at) - 1)])
            found.append(Stand(first, last, told(power, int(at[first]), end, how) or due))
    return found


def told(power: tuple[Millis, Floats], start_ms: int, end_ms: int, how: Register) -> float | None:
    """Wh of positive power from one time to another; None where samples cover less than half of it."""
    at, watts = power
    inside = slice(
        max(0, int(np.searchsorted(at, start_ms, side="right")) - 1),
        int(np.searchsorted(at, end_ms, side="left")) + 1,
    )
    share, least, most = _NOISE
    at, watts = at[inside], watts[inside]
    watts = np.where(watts > min(max(share * how.rated, least), most), watts, 0.0)
    if len(at) < 2:
        return None
    low, high = np.clip(at[:-1], start_ms, end_ms), np.clip(at[1:], start_ms, end_ms)
    width = np.where(np.diff(at) <= how.bracket_ms, high - low, 0)
    if 2 * width.sum() < end_ms - start_ms:
        return None
    return float((width * (watts[:-1] + watts[1:]) / 2).sum() / HOUR_MS)


def _step(count: float) -> float:
    """The coarsest step that can have led to a count: the largest power of ten that divides it."""
    step = 1.0
    while step < _COARSEST and count % (10 * step) == 0:
        step *= 10
    return step
