"""Reports that are being issued at this moment, so that every page can show how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from reports.report import ReportDesk

log = structlog.get_logger(__name__)


@dataclass
class Issue:
    """One report under way or just finished: ``share`` done (0..1), ``error`` for people when it failed."""

    site: str
    period: str
    what: str = "waiting to start"
    share: float = 0.0
    done: bool = False
    error: str | None = None


class Issuing:
    """Starts reports as background tasks; one per site and month at a time."""

    def __init__(self, desk: ReportDesk) -> None:
        self._desk = desk
        self._issues: dict[tuple[str, str], Issue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def issues(self) -> Mapping[tuple[str, str], Issue]:
        """The newest issue of each site and month since the service started."""
        return self._issues

    @property
    def running(self) -> bool:
        """Whether any report is under way."""
        return any(not issue.done for issue in self._issues.values())

    def start(self, site: str, period: str) -> Issue:
        """Begin to issue, or return the one that is already under way."""
        found = self._issues.get((site, period))
        if found is not None and not found.done:
            return found
        issue = self._issues[site, period] = Issue(site, period)
        task = asyncio.create_task(self._issue(issue), name=f"report {site} {period}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return issue

    async def close(self) -> None:
        """Cancel what is under way; nothing half-written is archived."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _issue(self, issue: Issue) -> None:
        def progress(what: str, share: float) -> None:
            issue.what, issue.share = what, share

        try:
            entry = await self._desk.issue(issue.site, issue.period, progress=progress)
        except ValueError as wrong:
            issue.error = str(wrong)
        except Exception:  # the fence of a job: it must not take the page's task with it
            log.exception("report_failed", site=issue.site, period=issue.period)
            issue.error = "The report could not be made; the service's log says why."
        else:
            issue.what, issue.share = f"revision {entry.revision} issued", 1.0
        finally:
            issue.done = True
