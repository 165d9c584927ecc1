"""What each settled hour cost a target: read once, and again only where late data have changed it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from energy.figures import Figures, KpiRow
from energy.interval import Period, Step
from energy.targets.aim import Aim
from runtime.clock import from_ms, to_ms
from telemetry.frame import Floats, Mask

HOUR = timedelta(hours=1)
KEPT = 24 * 7 * 8
"""Hours that are remembered: more than any question reaches back."""

_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Spent:
    """What one step cost: ``basis`` as the aim counts it, ``cost`` of it proven, ``doubt`` not known."""

    basis: float
    cost: float
    doubt: float


def spent(row: KpiRow, metric: str, aim: Aim) -> Spent | None:
    """What the step ``row`` cost; None where its basis or, without a doubt to hold it, its figure is unknown.

    Energy whose origin is unknown is neither green nor proven otherwise: it is the doubt.
    """
    basis, value = aim.over(row), row.value(metric)
    if basis is None:
        return None
    if metric == "hourly_matched":
        doubt = row.unknown_wh or 0.0
        return Spent(basis, max(0.0, basis - (row.green_wh or 0.0) - doubt), doubt)
    if value is None:
        return Spent(basis, 0.0, basis) if aim.origin else None
    cost = max(0.0, aim.cost(value)) * basis
    doubt = min(row.unknown_wh or 0.0, cost) if aim.origin else 0.0
    return Spent(basis, cost - doubt, doubt)


@dataclass(frozen=True)
class HourSeries:
    """Whole hours from number ``first`` since 1970 on; NaN in ``basis`` where an hour is not known.

    ``measured`` are those whose figure is known without estimates or doubt: a profile is made of these.
    """

    first: int
    basis: Floats
    cost: Floats
    doubt: Floats
    measured: Mask

    @property
    def until(self) -> int:
        """The number of the first hour after them."""
        return self.first + len(self.basis)

    def since(self, first: int) -> HourSeries:
        """The hours from number ``first`` on."""
        return self.between(first, self.until)

    def between(self, first: int, until: int) -> HourSeries:
        """The hours from number ``first`` up to ``until``, as far as there are any."""
        cut = slice(max(0, first - self.first), max(0, until - self.first))
        low = max(first, self.first)
        return HourSeries(low, self.basis[cut], self.cost[cut], self.doubt[cut], self.measured[cut])

    def sum(self) -> Spent:
        """All of them together; an hour that is not known adds nothing."""
        return Spent(*(float(np.nansum(column)) for column in (self.basis, self.cost, self.doubt)))


def hour_of(at: datetime) -> int:
    """The number of the hour that holds ``at``, counted from 1970 in UTC."""
    return to_ms(at) // _HOUR_MS


def hour_start(number: int) -> datetime:
    """When the hour of that number begins, UTC."""
    return from_ms(number * _HOUR_MS)


@dataclass(frozen=True)
class Measure:
    """What is measured: the figure ``metric`` of ``site``, and how it is promised."""

    site: str
    metric: str
    aim: Aim


@dataclass(frozen=True)
class _Seen:
    """What was read: the series, the energies that prove it unchanged, and on which day it was read."""

    series: HourSeries
    energies: Floats
    day: int

    def serves(self, first: int, until: int, measure: Measure) -> bool:
        """Whether the hours from ``first`` up to ``until`` can be told by these and some that follow."""
        begun = self.series.first <= first <= self.series.until
        return begun and (measure.aim.origin or self.day == until // 24)


class Hours:
    """The settled hours of each site and metric, as they are asked for again and again.

    An hour is read once. Where the energies of what was read no longer balance with the whole, late data
    have changed it and all of it is read anew; figures that also rest on other data are read anew each day.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}

    async def read(self, figures: Figures, measure: Measure, period: Period) -> HourSeries:
        """Every hour of ``period``, whose ends are whole hours."""
        first, until = hour_of(period.start), hour_of(period.end)
        key = measure.site, measure.metric
        seen = self._seen.get(key)
        if seen is not None and seen.serves(first, until, measure):
            seen = await _grown(seen, until, figures, measure)
            (whole,) = await figures.kpi(measure.site, period, only=())
            low = first - seen.series.first
            if not _balance(seen.energies[:, low : low + until - first], _energies([whole])):
                seen = None
        else:
            seen = None
        if seen is None:
            seen = await _read(figures, measure, period)
        self._seen[key] = seen
        return seen.series.between(first, until)


async def _read(figures: Figures, measure: Measure, period: Period) -> _Seen:
    first, until = hour_of(period.start), hour_of(period.end)
    if until <= first:
        none = np.empty(0)
        return _Seen(HourSeries(first, none, none, none, none > 0), np.empty((5, 0)), until // 24)
    rows = await figures.kpi(measure.site, period, Step.HOUR, only={measure.metric})
    parts = [spent(row, measure.metric, measure.aim) for row in rows]
    columns = np.array([(p.basis, p.cost, p.doubt) if p else (math.nan, 0.0, 0.0) for p in parts]).T
    whole = np.array([row.estimated == 0 and row.value(measure.metric) is not None for row in rows])
    measured = whole & ~np.isnan(columns[0]) & (columns[2] == 0)
    series = HourSeries(first, columns[0], columns[1], columns[2], measured)
    return _Seen(series, _energies(rows), until // 24)


async def _grown(seen: _Seen, until: int, figures: Figures, measure: Measure) -> _Seen:
    """``seen`` with the hours up to ``until``; what no longer counts after :data:`KEPT` is let go."""
    old = seen.series
    if until <= old.until:
        return seen
    new = await _read(figures, measure, Period(hour_start(old.until), hour_start(until)))
    drop = max(0, until - KEPT - old.first)
    basis, cost, doubt = (
        np.concatenate((before, after))[drop:]
        for before, after in (
            (old.basis, new.series.basis),
            (old.cost, new.series.cost),
            (old.doubt, new.series.doubt),
        )
    )
    measured = np.concatenate((old.measured, new.series.measured))[drop:]
    series = HourSeries(old.first + drop, basis, cost, doubt, measured)
    return _Seen(series, np.concatenate((seen.energies, new.energies), axis=1)[:, drop:], seen.day)


def _energies(rows: Sequence[KpiRow]) -> Floats:
    """Wh of E_DC, E_IT, load, green and unknown; what is not known adds nothing."""
    names = ("edc_wh", "eit_wh", "load_wh", "green_wh", "unknown_wh")
    return np.array([[getattr(row, name) or 0.0 for row in rows] for name in names])


def _balance(hours: Floats, whole: Floats) -> bool:
    """Whether both are the same but for what adding binary fractions in another order makes of them."""
    return bool(np.allclose(hours.sum(axis=1), whole.sum(axis=1), rtol=1e-9, atol=1e-3))
