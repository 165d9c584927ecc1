"""The highest demand of a month so far: the quarter-hour that the grid operator will bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from energy.device import ENERGY
from energy.figures import Figures, LedgerRow
from energy.interval import QUARTER, Period, month_of
from energy.outlook.demand import inlet_terms

_GUESSED = ("estimated", "substituted", "reset")
"""Qualities of which the true energy may be another."""

_PER_HOUR = timedelta(hours=1) / QUARTER


@dataclass(frozen=True)
class Peak:
    """The month ``period`` of a site up to ``until``: its highest quarter-hour, from ``start``, in W.

    Both are None where nothing is known. ``unknown`` quarter-hours could be higher, ``estimated`` ones may
    have been.
    """

    period: Period
    until: datetime
    start: datetime | None
    demand_w: float | None
    unknown: int
    estimated: bool


class Peaks:
    """The highest demand of each site's month; what was read before is not read again for an hour."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[datetime, datetime | None, Peak]] = {}

    async def peak(self, figures: Figures, site: str, at: datetime) -> Peak:
        """The month that holds ``at``, up to what is settled of it."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        settled = await figures.settled_until(site)
        known = self._kept.get(site)
        if known is not None and known[:2] == (hour, settled):
            return known[2]
        found = await month_peak(figures, site, at, settled)
        self._kept[site] = hour, settled, found
        return found


async def month_peak(figures: Figures, site: str, at: datetime, settled: datetime | None) -> Peak:
    """Of the month of ``site`` that holds ``at``; ``settled`` is up to where its ledger is settled."""
    month = month_of(at, figures.sites[site].tz)
    until = max(month.start, min(month.end, at, settled or month.start))
    part = Period(month.start, until)
    if part.quarters == 0:
        return Peak(month, until, None, None, 0, False)
    terms = inlet_terms((await figures.configured(site, part)).get(site, figures.sites[site]))
    found = [(times, await figures.rows(site, part, meter)) for meter, times in terms.items()]
    sums: dict[datetime, float] = {}
    guessed: set[datetime] = set()
    unknown: set[datetime] = set()
    for times, rows in found:
        for row in _imports(rows):
            if row.energy_wh is None:
                unknown.add(row.start)
            else:
                sums[row.start] = sums.get(row.start, 0.0) + times * row.energy_wh
            if row.quality in _GUESSED:
                guessed.add(row.start)
    known = {start: wh for start, wh in sums.items() if start not in unknown}
    highest = max(known, key=lambda start: (known[start], -start.timestamp()), default=None)
    return Peak(
        period=month,
        until=until,
        start=highest,
        demand_w=None if highest is None else known[highest] * _PER_HOUR,
        unknown=part.quarters - len(known),
        estimated=highest in guessed,
    )


def _imports(rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    return [row for row in rows if row.channel == ENERGY]
