"""Reports under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI

from dashboards.issuing import Issuing
from dashboards.pages import router
from reports.report import FORMATS, Format, Progress, ReportEntry
from tests.fakes.day import AT, SITES
from tests.fakes.desk import FolderDesk


class Held(FolderDesk):
    """A desk that waits at half of the work until it is let go, and may then fail."""

    def __init__(self, folder: Path, failure: Exception | None = None) -> None:
        super().__init__(folder, SITES, AT)
        self.go, self.begun = asyncio.Event(), asyncio.Event()
        self.failure, self.asked = failure, 0

    async def issue(
        self, site: str, period: str, *, formats: Sequence[Format] = FORMATS, progress: Progress | None = None
    ) -> ReportEntry:
        self.asked += 1
        if progress:
            progress("drawing", 0.5)
        self.begun.set()
        await self.go.wait()
        if self.failure:
            raise self.failure
        return await super().issue(site, period, formats=formats, progress=progress)


async def finished(issuing: Issuing) -> None:
    """Return when nothing is under way."""
    async with asyncio.timeout(5):
        while issuing.running:  # noqa: ASYNC110 - the page polls too: there is no event
            await asyncio.sleep(0)


async def test_one_report_at_a_time_and_its_progress(tmp_path: Path) -> None:
    desk = Held(tmp_path)
    issuing = Issuing(desk)
    first = issuing.start("gdansk", "2026-10")
    assert issuing.start("gdansk", "2026-10") is first
    await desk.begun.wait()
    assert (first.what, first.share, first.done) == ("drawing", 0.5, False)
    desk.go.set()
    await finished(issuing)
    assert (first.share, first.done, first.error, desk.asked) == (1.0, True, None, 1)
    assert issuing.start("gdansk", "2026-10") is not first
    await finished(issuing)


async def test_what_went_wrong_is_told_in_words(tmp_path: Path) -> None:
    desk = Held(tmp_path, ValueError("2027-01 has not begun"))
    desk.go.set()
    issuing = Issuing(desk)
    issue = issuing.start("gdansk", "2027-01")
    await finished(issuing)
    assert issue.error == "2027-01 has not begun"


async def test_a_failure_does_not_show_its_inside(tmp_path: Path) -> None:
    desk = Held(tmp_path, RuntimeError("/secret/path"))
    desk.go.set()
    issuing = Issuing(desk)
    issue = issuing.start("gdansk", "2026-10")
    await finished(issuing)
    assert issue.error is not None
    assert "secret" not in issue.error


async def test_closing_ends_what_is_under_way(tmp_path: Path) -> None:
    issuing = Issuing(Held(tmp_path))
    issue = issuing.start("gdansk", "2026-10")
    await asyncio.sleep(0)
    await issuing.close()
    assert issue.done


async def test_reports_under_way_end_with_the_application(tmp_path: Path) -> None:
    app, desk = FastAPI(), Held(tmp_path)
    app.include_router(router)
    app.state.issuing = Issuing(desk)
    async with app.router.lifespan_context(app):
        issue = app.state.issuing.start("gdansk", "2026-10")
        await desk.begun.wait()
    assert issue.done
