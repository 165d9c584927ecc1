"""Signs of life: the newest of each process, with its age by the clock of the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.beats import SILENT, Beats, Process, Pulse
from runtime.database import Database
from runtime.database_clock import database_now
from runtime.tables import process
from tests.eventually import eventually
from tests.fakes.database import RestartingDatabase

STARTED = datetime(2026, 10, 5, 10, tzinfo=UTC)
WEB = Process("web/one", "web", "1.2.3", STARTED, "http://127.0.0.1:8080")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[RestartingDatabase]:
    """With its tables."""
    database = RestartingDatabase(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await database.create_all()
    yield database
    await database.close()


async def moved(database: Database, name: str, by: timedelta) -> None:
    """Let the last sign of ``name`` be older."""
    async with database.begin() as db:
        older = await database_now(db) - by
        await db.execute(process.update().where(process.c.name == name).values(at=older))


async def test_the_newest_sign_of_each_process_is_read(database: RestartingDatabase) -> None:
    beats = Beats(database)
    before = await beats.now()
    await beats.write(Process("ingest/a", "ingest", "1.2.3", STARTED), "{}")
    await beats.write(WEB, "first")
    at = await beats.write(WEB, "second")
    shard, web = await beats.read()
    assert (web.process, web.told, web.at) == (WEB, "second", at)
    assert before <= web.at <= await beats.now()
    assert shard.process.name == "ingest/a"
    assert not shard.silent


async def test_one_without_a_sign_is_silent_and_can_be_forgotten(database: RestartingDatabase) -> None:
    beats = Beats(database)
    for name, role in (("ingest/a", "ingest"), ("web/one", "web"), ("web/two", "web")):
        await beats.write(Process(name, role, "1.2.3", STARTED), "")
    for name in ("ingest/a", "web/one"):
        await moved(database, name, SILENT + timedelta(seconds=1))
    assert [beat.process.name for beat in await beats.read() if beat.silent] == ["ingest/a", "web/one"]
    await beats.forget(["web", "jobs"], SILENT)
    assert [beat.process.name for beat in await beats.read()] == ["ingest/a", "web/two"]
    await beats.remove("web/two")
    assert [beat.process.name for beat in await beats.read()] == ["ingest/a"]


async def test_a_pulse_goes_on_after_the_database_was_away(database: RestartingDatabase) -> None:
    told = iter(range(1_000))

    async def tell() -> str:
        return str(next(told))

    pulse = Pulse(Beats(database), WEB, tell, every=timedelta(milliseconds=10))
    pulse.answers_at("http://127.0.0.1:1234")
    running = asyncio.create_task(pulse.run())

    async def given() -> bool:
        return pulse.at is not None and pulse.problem is None

    async def missed() -> bool:
        return pulse.problem is not None

    await eventually(given)
    database.away = True
    await eventually(missed)
    database.away = False
    await eventually(given)
    running.cancel()
    (beat,) = await Beats(database).read()
    assert beat.process.address == "http://127.0.0.1:1234"
    assert int(beat.told) >= 1


async def test_the_last_sign_tells_how_it_stood_in_the_end(database: RestartingDatabase) -> None:
    told = iter(("busy", "done", "unheard"))

    async def tell() -> str:
        return next(told)

    pulse = Pulse(Beats(database), WEB, tell)
    running = asyncio.create_task(pulse.run())

    async def given() -> bool:
        return pulse.at is not None

    await eventually(given)
    running.cancel()
    await pulse.last()
    (beat,) = await Beats(database).read()
    assert beat.told == "done"
    database.away = True
    await pulse.last()
    database.away = False
    (beat,) = await Beats(database).read()
    assert beat.told == "done"
