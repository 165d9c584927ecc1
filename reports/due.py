"""The scheduled job that issues last month's report of every site."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog

from energy.interval import month, month_of
from energy.reading.statement import metered
from reports.desk import Announce, Desk
from reports.monthly import Material

_log = structlog.get_logger(__name__)


class MonthlyIssue:
    """Issues on the first of the month in each site's zone, ``after`` so much time, and announces it."""

    def __init__(self, desk: Desk, material: Material, announce: Announce, after: timedelta) -> None:
        self._desk, self._material, self._announce, self._after = desk, material, announce, after
        self._told: set[tuple[str, str, str]] = set()

    async def issue_due(self, due: datetime) -> None:
        """Issue and announce what is due at ``due``; safe to run every hour, and again.

        What stands is not issued twice, and an announcement that a crash cut off is made up for. A month
        that is not settled waits for the next run.
        """
        for site, options in self._material.sites.items():
            ended = month_of(due - self._after, options.tz).start
            name = f"{(ended - timedelta(hours=1)).astimezone(options.tz):%Y-%m}"
            if await self._desk.issued(site, name) or await self._issue(site, name, ended):
                await self._desk.announce_once(site, name, due, self._announce)

    async def _issue(self, site: str, name: str, ended: datetime) -> bool:
        settled = await self._material.figures.settled_until(site)
        if settled is None or settled < ended:
            self._tell("report_waits", site, name, settled_until=settled and settled.isoformat())
            return False
        period = month(name, self._material.sites[site].tz)
        if not await metered(self._material.figures, site, period):
            self._tell("report_without_data", site, name)  # the month before we were installed
            return False
        await self._desk.issue(site, name)
        return True

    def _tell(self, event: str, site: str, name: str, **more: Any) -> None:
        """Log ``event`` once for each month of a site: the job asks again every hour."""
        if (event, site, name) not in self._told:
            self._told.add((event, site, name))
            _log.info(event, site=site, period=name, **more)
