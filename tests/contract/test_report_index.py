"""The index of issued reports, in every database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from reports.archive import Archive
from reports.content import ReportState
from reports.report import ReportEntry
from reports.tables import report_revision
from runtime.database import Database

AT = datetime(2026, 11, 1, 6, tzinfo=UTC)


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> Archive:
    return Archive(database, tmp_path / "reports")


def entry(site: str = "gdansk", period: str = "2026-10", revision: int = 0) -> ReportEntry:
    """A draft, or the report of that revision."""
    state: ReportState = "final" if revision else "draft"
    return ReportEntry(site=site, period=period, state=state, revision=revision, issued_at=AT, sha256={})


async def test_a_draft_gives_way_to_the_next_and_to_the_report(archive: Archive, database: Database) -> None:
    for figures, content in (("a" * 64, b"one"), ("b" * 64, b"two")):
        await archive.add(entry(), figures, {"json": content})
    issue = await archive.newest("gdansk", "2026-10")
    assert issue is not None
    assert await archive.read(issue, "json") == b"two"
    await archive.add(entry(revision=1), "b" * 64, {"json": b"two", "csv": b"2"})
    await archive.add(entry(revision=2), "c" * 64, {"json": b"three"})
    async with database.read() as db:
        kept = (await db.scalars(select(report_revision.c.revision))).all()
    assert sorted(kept) == [1, 2]
    first = await archive.revision("gdansk", "2026-10", 1)
    assert first is not None
    assert await archive.read(first, "csv") == b"2"


async def test_the_newest_of_each_month_and_site_are_listed_and_once_announced(archive: Archive) -> None:
    for site in ("kaunas", "gdansk-2", "gdansk"):
        for period in ("2026-09", "2026-10"):
            await archive.add(entry(site, period, 1), "a" * 64, {"json": b"x"})
    found = [(one.period, one.site) for one in await archive.entries()]
    sites = ["gdansk", "gdansk-2", "kaunas"]
    assert found == [(period, site) for period in ("2026-10", "2026-09") for site in sites]
    later = replace(entry(revision=2), issued_at=AT + timedelta(hours=1))
    await archive.add(later, "b" * 64, {"json": b"y"})
    before, after = await archive.entries("gdansk", AT), await archive.entries("gdansk")
    assert [found[0].revision for found in (before, after)] == [1, 2]
    assert await archive.entries("gdansk", AT - timedelta(hours=1)) == []
    await archive.announced(entry(revision=1), AT)
    told = await archive.revision("gdansk", "2026-10", 1)
    assert told is not None
    assert told.announced


async def test_a_format_is_added_and_a_lost_one_put_back(archive: Archive) -> None:
    issue = await archive.add(entry(revision=1), "a" * 64, {"json": b"x"})
    await archive.put(issue, "csv", b"y")
    archive.path(issue, "json").unlink()
    await archive.put(issue, "json", b"x")
    mended = await archive.newest("gdansk", "2026-10")
    assert mended is not None
    assert [await archive.read(mended, one) for one in ("json", "csv")] == [b"x", b"y"]


async def test_of_two_that_issue_one_draft_at_once_one_stays_and_can_be_read(
    archive: Archive, database: Database
) -> None:
    await archive.add(entry(), "a" * 64, {"json": b"old"})
    await asyncio.gather(
        *(archive.add(entry(), figures * 64, {"json": figures.encode()}) for figures in "bc"),
        return_exceptions=True,
    )
    async with database.read() as db:
        assert await db.scalar(select(func.count()).select_from(report_revision)) == 1
    issue = await archive.newest("gdansk", "2026-10")
    assert issue is not None
    assert await archive.read(issue, "json") in (b"b", b"c")
