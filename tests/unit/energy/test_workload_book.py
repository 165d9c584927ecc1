"""What a batch of job events costs whoever else wants to write, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.event import listen

from energy.workloads.book import JobBook
from energy.workloads.tables import JOB, OWNER, SPAN
from runtime.clock import ManualClock, to_ms
from runtime.database import Database
from telemetry import job
from telemetry.job import JobEvent, Kind

START = datetime(2026, 10, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def event(name: str, kind: Kind, minute: int, tenant: str | None = None) -> JobEvent:
    """Of a job on one node, so many minutes after the start."""
    members = ("a/r1/n01",) if kind == "start" else None
    return JobEvent("gdansk", name, kind, to_ms(START + minute * MINUTE), tenant, members=members)


async def test_a_hundred_events_are_written_with_few_statements(database: Database) -> None:
    book = JobBook(database, ManualClock(START))
    starts = [event(f"train-{n}", "start", n, f"tenant-{n % 3}") for n in range(50)]
    stops = [event(f"train-{n}", "stop", n + 1) for n in range(50)]
    said: list[object] = []
    listen(database.engine.sync_engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    await book.append([job.frame([*starts, *stops, starts[0]])], 1)
    assert len(said) <= 30  # nobody else writes an SQLite database meanwhile
    async with database.read() as connection:
        rows = (await connection.execute(select(SPAN.c.since, SPAN.c.until))).all()
        assert await connection.scalar(select(func.count()).select_from(JOB)) == len(rows) == 50
    assert {row.until - row.since for row in rows} == {MINUTE}


async def test_an_owner_with_words_that_no_database_keeps_is_an_owner(database: Database) -> None:
    book = JobBook(database, ManualClock(START))
    await book.append([job.frame([event("train", "start", 0, "a\x00b")])], 1)
    await book.append([job.frame([event("train", "stop", 60)])], 2)
    async with database.read() as connection:
        assert (await connection.scalars(select(OWNER.c.tenant))).all() == ["a\ufffdb"]
        assert await connection.scalar(select(SPAN.c.until)) == START + 60 * MINUTE


async def test_a_job_was_heard_when_its_last_event_was_whatever_came_late(database: Database) -> None:
    book = JobBook(database, ManualClock(START))
    await book.append([job.frame([event("train", "stop", 60)])], 1)
    await book.append([job.frame([event("train", "start", 0)])], 2)
    async with database.read() as connection:
        assert await connection.scalar(select(JOB.c.heard)) == START + 60 * MINUTE
