"""The highest demand of a month so far: the quarter-hour that the grid operator will bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from energy.configuration.device import ENERGY
from energy.figures import Figures, LedgerRow
from energy.interval import QUARTER, Period, month_of
from energy.outlook.demand import inlet_terms

_GUESSED = ("estimated", "substituted", "reset")
"""Qualities of which the true energy may be another."""

_PER_HOUR = timedelta(hours=1) / QUARTER


@dataclass(frozen=True)
class Peak:
    """The month ``period``, by clocks in ``zone``, up to ``until``: its highest quarter-hour and its W.

    Both are None where nothing is known. ``unknown`` quarter-hours could be higher, ``estimated`` ones may
    have been.
    """

    period: Period
    zone: ZoneInfo
    until: datetime
    start: datetime | None
    demand_w: float | None
    unknown: int
    estimated: bool


class Peaks:
    """The highest demand of each site's month; what was read before is read anew once an hour."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[datetime, Peak]] = {}

    async def peak(self, figures: Figures, site: str, at: datetime) -> Peak:
        """The month that holds ``at``, up to what is settled of it."""
        zone = figures.sites[site].tz
        month = month_of(at, zone)
        settled = await figures.settled_until(site) or month.start
        until = max(month.start, min(month.end, at, settled))
        hour, known = self._kept.get(site, (None, None))
        fresh = at.replace(minute=0, second=0, microsecond=0)
        if known is None or hour != fresh or known.period != month or known.until > until:
            known = Peak(month, zone, month.start, None, None, 0, False)
        found = await _grown(known, until, figures, site)
        self._kept[site] = fresh, found
        return found


async def _grown(known: Peak, until: datetime, figures: Figures, site: str) -> Peak:
    """``known`` with the quarter-hours up to ``until``."""
    part = Period(known.until, until)
    if part.quarters == 0:
        return known
    terms = inlet_terms((await figures.configured(site, part)).get(site, figures.sites[site]))
    demands = _Quarters()
    for meter, times in terms.items():
        demands.add(await figures.rows(site, part, meter), times)
    start, demand_w = demands.highest()
    found = replace(known, until=until, unknown=known.unknown + part.quarters - len(demands.known))
    if demand_w is None or (known.demand_w is not None and known.demand_w >= demand_w):
        return found
    return replace(found, start=start, demand_w=demand_w, estimated=start in demands.guessed)


class _Quarters:
    """The energy imported in each quarter-hour, summed over the meters at the inlet."""

    def __init__(self) -> None:
        self._wh: dict[datetime, float] = {}
        self._unknown: set[datetime] = set()
        self.guessed: set[datetime] = set()

    def add(self, rows: Sequence[LedgerRow], times: int) -> None:
        """One meter's ``rows``, which count ``times``."""
        for row in rows:
            if row.channel != ENERGY:
                continue
            if row.energy_wh is None:
                self._unknown.add(row.start)
            else:
                self._wh[row.start] = self._wh.get(row.start, 0.0) + times * row.energy_wh
            if row.quality in _GUESSED:
                self.guessed.add(row.start)

    @property
    def known(self) -> dict[datetime, float]:
        """Wh by the start of each quarter-hour in which every meter is known."""
        return {start: wh for start, wh in self._wh.items() if start not in self._unknown}

    def highest(self) -> tuple[datetime | None, float | None]:
        """The first of the highest quarter-hours, and its demand in W."""
        known = self.known
        start = max(known, key=lambda at: (known[at], -at.timestamp()), default=None)
        return start, None if start is None else known[start] * _PER_HOUR
