"""Who writes an SQLite database when many of one process want to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime import database as house
from runtime.clock import ManualClock
from runtime.database import Database
from runtime.runs import Claim, RunTable

START = datetime(2026, 10, 1, tzinfo=UTC)
MANY = 20


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """One of SQLite's that waits for nobody by itself."""
    monkeypatch.setattr(house, "BUSY_MS", 0)
    made = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await made.create_all()
    yield made
    await made.close()


async def test_no_job_is_refused_its_run_because_others_write(database: Database) -> None:
    runs = RunTable(database, "me", ManualClock(START), timedelta(minutes=1))
    names = [f"job-{n}" for n in range(MANY)]
    await asyncio.gather(*(runs.begin(name, START - timedelta(hours=1)) for name in names))
    assert await asyncio.gather(*(runs.claim(name, START) for name in names)) == [Claim.MINE] * MANY


async def test_writers_take_turns_in_the_order_in_which_they_asked(database: Database) -> None:
    asked, written = list(range(MANY)), []
    running, go = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with database.begin():
            running.set()
            await go.wait()

    async def write(number: int) -> None:
        async with database.begin():
            written.append(number)

    async def busy() -> None:
        while len(written) < MANY:  # one that asks again at once stands at the end again
            async with database.begin():
                written.append(-1)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(first())
        await running.wait()
        for number in asked:
            tasks.create_task(write(number))
        tasks.create_task(busy())
        go.set()
    assert [number for number in written if number >= 0] == asked
    assert written.index(-1) == MANY


async def test_one_that_was_cancelled_while_it_waited_keeps_nobody(database: Database) -> None:
    async def write() -> None:
        async with database.begin():
            pass

    async with database.begin():
        waiting = asyncio.create_task(write())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await write()


async def test_a_transaction_within_another_is_refused_at_once(database: Database) -> None:
    async with database.begin():
        with pytest.raises(RuntimeError, match="within another"):
            async with database.begin():
                pass
