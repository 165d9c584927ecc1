"""The hours in which a site used most energy that nothing is known to cover."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from energy.figures import Figures, KpiRow, MixRow
from energy.interval import Period, Step

Row = TypeVar("Row", KpiRow, MixRow)

Sums = tuple[float, float, float]
"""Wh of the load, of what was other and of what was unknown; what is not known adds nothing."""


def uncovered_wh(row: KpiRow | MixRow) -> float:
    """What was other or unknown, in Wh: both count as not green."""
    return (row.other_wh or 0.0) + (row.unknown_wh or 0.0)


def worst_hours(hours: Iterable[Row], most: int) -> list[Row]:
    """The ``most`` hours with the most uncovered energy, largest first; none that is covered."""
    short = [row for row in hours if uncovered_wh(row) > 0]
    return sorted(short, key=lambda row: (-uncovered_wh(row), row.start))[:most]


@dataclass(frozen=True)
class _Seen:
    period: Period
    worst: Sequence[MixRow]
    sums: Sums


class GrowingPeriod:
    """The ``most`` worst hours of a period of ``site`` that is asked for again as it grows.

    Each hour is read once. When the sums of what was read before no longer balance with the whole, late data
    have changed it and all of it is read anew.
    """

    def __init__(self, site: str, most: int) -> None:
        self._site, self._most = site, most
        self._seen: _Seen | None = None

    async def worst(self, period: Period, figures: Figures) -> Sequence[MixRow]:
        """The worst hours of ``period``, which ends on a whole hour, largest loss first."""
        (whole,) = await figures.mix(self._site, period)
        seen = self._seen
        if seen is not None and seen.period.start == period.start and seen.period.end <= period.end:
            seen = await self._grown(seen, period, figures)
        if seen is None or seen.period != period or not _balance(seen.sums, _sums([whole])):
            seen = await self._grown(
                _Seen(Period(period.start, period.start), (), (0, 0, 0)), period, figures
            )
        self._seen = seen
        return seen.worst

    async def _grown(self, seen: _Seen, period: Period, figures: Figures) -> _Seen:
        if seen.period.end == period.end:
            return seen
        hours = await figures.mix(self._site, Period(seen.period.end, period.end), Step.HOUR)
        load, other, unknown = (a + b for a, b in zip(seen.sums, _sums(hours), strict=True))
        return _Seen(period, worst_hours([*seen.worst, *hours], self._most), (load, other, unknown))


def _sums(rows: Iterable[MixRow]) -> Sums:
    told = list(rows)
    return (
        math.fsum(row.load_wh or 0.0 for row in told),
        math.fsum(row.other_wh or 0.0 for row in told),
        math.fsum(row.unknown_wh or 0.0 for row in told),
    )


def _balance(some: Sums, others: Sums) -> bool:
    """Whether both are the same but for what adding binary fractions in another order makes of them."""
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-3) for a, b in zip(some, others, strict=True))
