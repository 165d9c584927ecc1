"""One works, another stands by: over SQLite and PostgreSQL, in one process and between two."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from runtime.database import Database
from runtime.database_clock import database_now
from runtime.lease import Lease, Terms
from runtime.tables import lease as table
from tests.eventually import eventually
from tests.fakes.database import RestartingDatabase

ROOT = Path(__file__).parents[2]
QUICK = Terms(valid=2.0, renew=0.05, stopping=0.5)


class Work:
    """What is done under a lease; ``at_work`` while it is."""

    def __init__(self) -> None:
        self.at_work = False
        self.fate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        self.at_work = True
        try:
            await asyncio.shield(self.fate)
        finally:
            self.at_work = False

    async def begun(self) -> bool:
        return self.at_work

    async def ended(self) -> bool:
        return not self.at_work


class Standing:
    """A lease at work in a task of its own, until the end of the block."""

    def __init__(self, lease: Lease) -> None:
        self.lease, self.work = lease, Work()

    async def __aenter__(self) -> Standing:
        self.task = asyncio.create_task(self.lease.run(self.work.run))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert not self.work.at_work


async def test_who_stands_by_takes_over_as_soon_as_the_other_has_ended(database: Database) -> None:
    async with Standing(Lease(database, "jobs", "b", QUICK)) as second:
        async with Standing(Lease(database, "jobs", "a", QUICK)) as first:
            await eventually(lambda: _either(first, second))
            assert first.work.at_work != second.work.at_work
            assert (first.lease.held, second.lease.held) == (first.work.at_work, second.work.at_work)
        await eventually(second.work.begun)


async def _either(first: Standing, second: Standing) -> bool:
    return first.work.at_work or second.work.at_work


async def test_two_leases_know_nothing_of_each_other(database: Database) -> None:
    async with (
        Standing(Lease(database, "jobs", "a", QUICK)) as first,
        Standing(Lease(database, "else", "b", QUICK)) as second,
    ):
        await eventually(first.work.begun)
        await eventually(second.work.begun)


async def test_whoever_finds_that_another_has_the_lease_stops_at_once(database: Database) -> None:
    async with Standing(Lease(database, "jobs", "a", QUICK)) as first:
        await eventually(first.work.begun)
        async with database.begin() as db:
            until = await database_now(db) + timedelta(minutes=1)
            await db.execute(table.update().values(owner="a stranger", until=until))
        await eventually(first.work.ended)
        assert not first.lease.held


async def test_what_the_work_ends_in_is_told_and_the_lease_is_free(database: Database) -> None:
    async with Standing(Lease(database, "jobs", "a", QUICK)) as first:
        await eventually(first.work.begun)
        first.work.fate.set_exception(ValueError("the work is wrong"))
        with pytest.raises(ValueError, match="the work is wrong"):
            await first.task
    async with Standing(Lease(database, "jobs", "b", QUICK)) as second:
        await eventually(second.work.begun)


async def test_without_a_database_it_stops_before_another_may_begin(tmp_path: Path) -> None:
    database = RestartingDatabase(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await database.create_all()
    async with Standing(Lease(database, "jobs", "a", QUICK)) as first:
        await eventually(first.work.begun)
        database.away = True
        await eventually(first.work.ended)
        assert first.lease.problem is not None
        database.away = False
        await eventually(first.work.begun)
        assert first.lease.problem is None
    await database.close()


class Workers:
    """Processes that share a lease, and the file in which they say when they begin and end."""

    def __init__(self, url: str, log: Path) -> None:
        self._url, self._log = url, log
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, owner: str) -> None:
        command = [sys.executable, "-m", "tests.integration.leasing", self._url, owner, str(self._log)]
        self._processes[owner] = subprocess.Popen(command, cwd=ROOT)

    def send(self, owner: str, number: signal.Signals) -> None:
        self._processes[owner].send_signal(number)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def told(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    async def until(self, *lines: str) -> None:
        async def probe() -> bool:
            return self.told() == list(lines)

        await eventually(probe, 30.0)


@pytest.fixture
def workers(database: Database, tmp_path: Path) -> Iterator[Workers]:
    """Nobody works yet."""
    found = Workers(database.url, tmp_path / "told.log")
    yield found
    found.close()


async def test_another_process_takes_over_from_one_that_was_killed(workers: Workers) -> None:
    workers.start("a")
    await workers.until("a begins")
    workers.start("b")
    workers.send("a", signal.SIGKILL)
    await workers.until("a begins", "b begins")


async def test_a_process_that_hung_stops_when_it_wakes_and_finds_another_at_work(workers: Workers) -> None:
    workers.start("a")
    await workers.until("a begins")
    workers.send("a", signal.SIGSTOP)
    workers.start("b")
    await workers.until("a begins", "b begins")
    workers.send("a", signal.SIGCONT)
    await workers.until("a begins", "b begins", "a ends")
