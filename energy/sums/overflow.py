"""What batteries took beyond what their declared losses and capacity explain: it cannot be in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from energy.sums.battery import Batteries
from energy.sums.line import Flags
from telemetry.frame import Floats

_DUST = 1.0
"""Wh: what rounding to whole watt-hours may add to a content."""


@dataclass(frozen=True)
class Overflow:
    """``spilt``: Wh per quarter that no store had room for, so that they were lost beyond what is declared.

    ``broken``: from such a quarter on, up to the end of its month of UTC, the declaration of a battery is
    contradicted by its registers.
    """

    spilt: Floats
    broken: Flags


class _Flow(NamedTuple):
    """One battery in one month; ``lost`` is where its charge is not known, ``loose`` where only in total."""

    charge: Floats
    drawn: Floats
    holds: Floats
    lost: Flags
    loose: Flags

    def part(self, at: slice) -> _Flow:
        """Its quarters ``at``."""
        return _Flow(self.charge[at], self.drawn[at], self.holds[at], self.lost[at], self.loose[at])


def overflow(found: Batteries, name: str, first: int) -> Overflow:
    """That of the battery ``name``, whose first quarter is number ``first``; month by month of UTC.

    A store begins the month empty and never holds less than nothing, so that its content by declaration is no
    higher than the true one, as long as no more is declared than it gives back. A charge that is not known
    may have filled it; a discharge that is not known took nothing out.
    """
    took, left = found.took[name], found.left[name]
    lost = np.isnan(took)
    loose = (np.isnan(found.charge[name]) & ~lost) | (np.isnan(found.discharge[name]) & ~np.isnan(left))
    charge = np.where(lost, found.most[name], took)
    flow = _Flow(charge, np.nan_to_num(left), found.holds[name], lost, loose)
    spilt, broken = np.zeros(len(took)), np.zeros(len(took), dtype=np.bool_)
    for low, high in months(first, len(took), "15m"):
        part = flow.part(slice(low, high))
        if _too_full(part):
            spilt[low:high], broken[low:high] = _spilt(part)
    return Overflow(spilt, broken)


def _too_full(flow: _Flow) -> bool:
    """Whether the store may ever hold more than it can; most never do."""
    level = (flow.charge - flow.drawn).cumsum()
    content = level - np.minimum(np.minimum.accumulate(level), 0.0)
    return bool(((content > flow.holds + _DUST) & (flow.charge > 0)).any())


def _spilt(flow: _Flow) -> tuple[Floats, Flags]:
    spilt, broken = np.zeros(len(flow.charge)), np.zeros(len(flow.charge), dtype=np.bool_)
    content, contradicted = 0.0, False
    columns = (column.tolist() for column in flow)
    for at, (charge, drawn, holds, lost, loose) in enumerate(zip(*columns, strict=True)):
        content = max(0.0, content + charge - drawn)
        if content > holds + _DUST and charge > 0 and not loose:
            over = min(content - holds, charge)
            content -= over
            if not lost:
                spilt[at], contradicted = over, True
        broken[at] = contradicted
    return spilt, broken


def months(first: int, count: int, unit: str = "h") -> Iterable[tuple[int, int]]:
    """The parts of ``count`` units of time from number ``first`` (since 1970) on, a month of UTC each."""
    month = (first + np.arange(count)).astype(f"datetime64[{unit}]").astype("datetime64[M]")
    turns = np.flatnonzero(month[1:] != month[:-1]) + 1
    return pairwise([0, *turns.tolist(), count])
