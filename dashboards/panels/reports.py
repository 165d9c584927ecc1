"""The monthly reports as people see them: one line a site and month, issued or not yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboards.house import House
from dashboards.view import View, month_name, zone_of
from energy.figures import ALL
from energy.interval import month_of
from reports.report import ReportEntry

RECENT_MONTHS = 3
"""Months offered for a report beside those that have one."""


@dataclass(frozen=True)
class ReportLine:
    """The report of ``site`` (a key, or ``all``) called ``name`` for one month; ``entry`` is None before
    the first issue."""

    site: str
    name: str
    month: str
    entry: ReportEntry | None


def reportable(house: House, view: View) -> list[str]:
    """Whose months can be issued here: the sites shown, after all of them as one if there are several."""
    keys = view.keys(house.sites)
    return [ALL, *keys] if view.every_site and len(keys) > 1 else keys


async def report_lines(house: House, view: View, at: datetime) -> list[ReportLine]:
    """Newest month first, all sites before each; recent months are there without a report."""
    entries = await house.reports.entries(None if view.every_site else view.site)
    known = {(entry.site, entry.period): entry for entry in entries}
    wanted = set(known)
    for key in reportable(house, view):
        wanted |= {(key, month) for month in _recent(house, key, at)}
    ordered = sorted(wanted, key=lambda line: (line[0] != ALL, line[0]))
    ordered.sort(key=lambda line: line[1], reverse=True)
    return [ReportLine(site, _name(house, site), month, known.get((site, month))) for site, month in ordered]


def _name(house: House, site: str) -> str:
    if site == ALL:
        return "All sites"
    return house.sites[site].name if site in house.sites else site


def _recent(house: House, site: str, at: datetime) -> list[str]:
    tz = zone_of(site, house.sites)
    names = []
    for _ in range(RECENT_MONTHS):
        names.append(month_name(at, tz))
        at = month_of(at, tz).start - timedelta(days=1)
    return names
