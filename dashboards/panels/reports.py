"""The monthly reports as people see them: one line a site and month, issued or to be issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from dashboards.house import House
from dashboards.view import View, month_name, zone_of
from energy.configuration.site import SiteOptions
from energy.figures import ALL, Figures
from energy.interval import Period, month_of
from energy.reading.statement import metered
from reports.report import ReportEntry

ONE_LIST = 12
"""Lines that a person still takes in; more are put together by month."""

RECENT_MONTHS = 3
"""Months offered for a report beside those that have one, if there are readings of them."""


@dataclass(frozen=True)
class ReportLine:
    """The report of ``site`` (a key, or ``all``) called ``name`` for one month; ``entry`` is None before
    the first issue. ``shown``: whether the site has pages of its own; one that has left has none. ``locked``:
    whether the month takes no more rows (None where that cannot be); ``waiting`` is what would change it."""

    site: str
    name: str
    month: str
    entry: ReportEntry | None
    shown: bool = True
    locked: bool | None = None
    waiting: str = ""


@dataclass(frozen=True)
class Beginning:
    """Since when there are readings of the site called ``name``; None: there are none."""

    name: str
    at: datetime | None


@dataclass(frozen=True)
class ReportPage:
    """``lines`` newest month first, all sites before each; ``beginnings`` of the sites shown."""

    lines: Sequence[ReportLine]
    beginnings: Sequence[Beginning]

    @property
    def by_month(self) -> list[tuple[str, list[ReportLine]]]:
        """The lines of each month, where they are too many for one list; empty where they are not."""
        if len(self.lines) <= ONE_LIST:
            return []
        return [(month, list(lines)) for month, lines in groupby(self.lines, lambda line: line.month)]


def reportable(house: House, view: View) -> list[str]:
    """Whose months can be issued here: the sites shown, after all of them as one if there are several."""
    keys = view.keys(house.sites)
    return [ALL, *keys] if view.every_site and len(keys) > 1 else keys


async def report_page(house: House, view: View, at: datetime) -> ReportPage:
    """Every month that has a report, and the recent ones of which there are readings."""
    entries = await house.reports.entries(None if view.every_site else view.site)
    known = {(entry.site, entry.period): entry for entry in entries}
    figures = house.figures.snapshot()
    wanted = set(known)
    for key in reportable(house, view):
        wanted |= {(key, month) for month in await _recent(figures, key, zone_of(key, house.sites), at)}
    ordered = sorted(wanted, key=lambda line: (line[0] != ALL, line[0]))
    ordered.sort(key=lambda line: line[1], reverse=True)
    names = {**{key: site.name for key, site in (await figures.departed()).items()}, **_names(house.sites)}
    lines = [
        ReportLine(site, names.get(site, site), month, known.get((site, month)), site in (ALL, *house.sites))
        for site, month in ordered
    ]
    lines = await _with_locks(house, lines)
    keys = view.keys(house.sites)
    return ReportPage(lines, [Beginning(house.sites[key].name, await figures.began(key)) for key in keys])


async def _with_locks(house: House, lines: Sequence[ReportLine]) -> list[ReportLine]:
    """``lines`` telling which months are locked, and what waits for them."""
    if house.proof is None:
        return list(lines)
    locked = {(lock.site, lock.period) for lock in await house.proof.locks(ALL)}
    waiting = {(one.site, one.period): one.in_words() for one in await house.proof.pending(ALL)}
    return [
        line
        if line.site == ALL
        else replace(
            line,
            locked=(line.site, line.month) in locked,
            waiting=waiting.get((line.site, line.month), ""),
        )
        for line in lines
    ]


def _names(sites: Mapping[str, SiteOptions]) -> dict[str, str]:
    return {ALL: "All sites", **{key: site.name for key, site in sites.items()}}


async def _recent(figures: Figures, site: str, zone: ZoneInfo, at: datetime) -> list[str]:
    """The running month and those before it, as far as they can be issued."""
    began, names, within = await figures.began(site), [], at
    for _ in range(RECENT_MONTHS):
        period = month_of(within, zone)
        if began is None or period.end <= began:
            break
        if await _can_be_issued(figures, site, period, at):
            names.append(month_name(period.start, zone))
        within = period.start - timedelta(days=1)
    return names


async def _can_be_issued(figures: Figures, site: str, period: Period, at: datetime) -> bool:
    """Whether a report of ``period`` would be made: of a month that is over, enough must be known."""
    return period.end > at or await metered(figures, site, period)
