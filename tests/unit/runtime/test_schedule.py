from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.date import DateTrigger
from sqlalchemy import func, select

from runtime.clock import ManualClock, ReplayClock
from runtime.database import Database
from runtime.runs import Claim, RunState, RunTable
from runtime.schedule import CatchUp, Job, Schedule, every
from runtime.tables import job as job_table
from tests.eventually import eventually

START = datetime(2026, 10, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


class Diary:
    """Notes every run, and lets a test wait for the n-th."""

    def __init__(self) -> None:
        self.dues: list[datetime] = []
        self._changed = asyncio.Condition()

    async def write(self, due: datetime) -> None:
        async with self._changed:
            self.dues.append(due)
            self._changed.notify_all()

    async def length(self, count: int) -> list[datetime]:
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: len(self.dues) >= count)
        return self.dues


@asynccontextmanager
async def running(*schedules: Schedule) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(s.run()) for s in schedules]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def finished(schedule: Schedule, count: int) -> None:
    """Until ``count`` runs have ended."""

    async def ended() -> bool:
        return sum(r.state != RunState.RUNNING for r in await schedule.history(limit=10_000)) >= count

    await eventually(ended)


def test_intervals_are_anchored_in_1970_not_in_the_start_of_the_process() -> None:
    job = Job("check", every(timedelta(seconds=10)), Diary().write)
    assert job.next_after(START + timedelta(seconds=3.2)) == START + timedelta(seconds=10)
    assert job.next_after(START + timedelta(seconds=10)) == START + timedelta(seconds=20)


def test_a_broken_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number"):
        every(timedelta(seconds=1.5))


def test_catch_up_chooses() -> None:
    now = START + timedelta(days=30, minutes=1)

    def chosen(catch_up: CatchUp) -> datetime | None:
        return Job("j", every(QUARTER), Diary().write, catch_up).choose(START, now)

    assert chosen("each") == START + QUARTER
    assert chosen("latest") == START + timedelta(days=30)
    assert Job("j", every(QUARTER), Diary().write, "latest").choose(now, now) == now + timedelta(minutes=14)


async def test_due_times_are_handed_over_in_order_and_without_drift(database: Database) -> None:
    diary, clock = Diary(), ManualClock(START)
    schedule = Schedule([Job("settle", every(QUARTER), diary.write)], database, clock, epoch=START)
    async with running(schedule):
        for n in range(1, 5):
            clock.set(START + n * QUARTER + timedelta(seconds=7))
            assert (await diary.length(n))[-1] == START + n * QUARTER
        await finished(schedule, 4)
    assert {run.state for run in await schedule.history()} == {RunState.DONE}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # two thousand transactions
async def test_a_recorded_week_is_caught_up_each_and_once(database: Database) -> None:
    diary, clock = Diary(), ReplayClock(START)
    async with running(Schedule([Job("settle", every(QUARTER), diary.write)], database, clock, epoch=START)):
        for day in range(1, 8):
            clock.observe(START + timedelta(days=day))
            await asyncio.sleep(0)
        await diary.length(7 * 96)
    assert diary.dues == [START + n * QUARTER for n in range(1, 7 * 96 + 1)]


async def test_after_a_restart_it_goes_on_where_it_was_even_before_the_first_run(database: Database) -> None:
    diary = Diary()
    monthly = Job("report", every(timedelta(days=30)), diary.write)
    clock = ManualClock(START + timedelta(days=20))
    first = Schedule([monthly], database, clock)
    async with running(first):
        await eventually(lambda: _known(database))
    async with running(Schedule([monthly], database, ManualClock(START + timedelta(days=40)))):
        await diary.length(1)
    assert diary.dues == [START + timedelta(days=33)]


async def _known(database: Database) -> int:
    async with database.read() as db:
        return int(await db.scalar(select(func.count()).select_from(job_table)) or 0)


async def test_latest_runs_only_the_newest_of_many_missed(database: Database) -> None:
    diary, clock = Diary(), ManualClock(START + timedelta(days=30))
    job = Job("watch", every(timedelta(seconds=10)), diary.write, "latest")
    async with running(Schedule([job], database, clock, epoch=START)):
        await diary.length(1)
        clock.advance(timedelta(seconds=45))
        await diary.length(2)
    assert diary.dues == [START + timedelta(days=30), START + timedelta(days=30, seconds=40)]


async def test_a_failing_job_is_recorded_and_stops_no_other(database: Database) -> None:
    async def fail(due: datetime) -> None:
        raise ValueError("meter main-1 is on fire")

    diary, clock = Diary(), ManualClock(START)
    jobs = [Job("bad", every(QUARTER), fail), Job("good", every(QUARTER), diary.write)]
    schedule = Schedule(jobs, database, clock, epoch=START)
    async with running(schedule):
        clock.advance(3 * QUARTER)
        await diary.length(3)
        await finished(schedule, 6)
    failures = await schedule.history("bad")
    assert [run.due for run in failures] == [START + n * QUARTER for n in (3, 2, 1)]
    assert {(run.state, run.error) for run in failures} == {
        (RunState.FAILED, "ValueError: meter main-1 is on fire")
    }


async def test_two_processes_on_one_database_never_run_one_twice(database: Database) -> None:
    diary, clock = Diary(), ManualClock(START)
    other = Database(database.url)
    jobs = [Job("settle", every(QUARTER), diary.write)]
    pair = [Schedule(jobs, db, clock, epoch=START) for db in (database, other)]
    async with running(*pair):
        for n in range(1, 21):
            clock.set(START + n * QUARTER)
            await diary.length(n)
        await finished(pair[0], 20)
    await other.close()
    assert diary.dues == [START + n * QUARTER for n in range(1, 21)]


async def test_a_cancelled_run_is_run_again(database: Database) -> None:
    began = asyncio.Event()

    async def hang(due: datetime) -> None:
        began.set()
        await asyncio.Event().wait()

    clock, diary = ManualClock(START + QUARTER), Diary()
    async with running(Schedule([Job("settle", every(QUARTER), hang)], database, clock, epoch=START)):
        await asyncio.wait_for(began.wait(), 10)
    async with running(Schedule([Job("settle", every(QUARTER), diary.write)], database, clock)):
        await diary.length(1)
    assert diary.dues == [START + QUARTER]


async def test_a_trigger_that_ends_ends_its_job_and_no_other(database: Database) -> None:
    diary, clock = Diary(), ManualClock(START)
    once = Job("once", DateTrigger(START - QUARTER, UTC), diary.write)
    more = Job("more", every(QUARTER), diary.write)
    async with running(Schedule([once, more], database, clock, epoch=START)):
        clock.advance(QUARTER)
        await diary.length(1)
    assert diary.dues == [START + QUARTER]


async def test_the_run_of_a_dead_process_waits_for_its_lease(database: Database) -> None:
    wall = ManualClock(START)
    dead, heir = (RunTable(database, name, wall, timedelta(seconds=60)) for name in ("a", "b"))
    await dead.begin("settle", START)
    assert await dead.claim("settle", START + QUARTER) is Claim.MINE
    assert await heir.claim("settle", START + QUARTER) is Claim.HELD
    assert await heir.claim("settle", START + 2 * QUARTER) is Claim.HELD
    assert await heir.interrupted("settle") is None
    wall.advance(timedelta(seconds=30))
    await dead.renew([("settle", START + QUARTER)])
    wall.advance(timedelta(seconds=59))
    assert await heir.interrupted("settle") is None
    wall.advance(timedelta(seconds=1))
    assert await heir.interrupted("settle") == START + QUARTER
    assert await heir.claim("settle", START + QUARTER) is Claim.MINE
    await dead.finish("settle", START + QUARTER, "too late to count")
    await heir.finish("settle", START + QUARTER, None)
    assert [(r.state, r.error) for r in await heir.history()] == [(RunState.DONE, None)]
    assert await heir.claim("settle", START + QUARTER) is Claim.DECIDED


async def test_the_next_process_of_the_same_name_takes_over_at_once(database: Database) -> None:
    wall = ManualClock(START)
    await RunTable(database, "main", wall, timedelta(seconds=60)).begin("settle", START)
    killed = RunTable(database, "main", wall, timedelta(seconds=60))
    await killed.claim("settle", START + QUARTER)
    restarted = RunTable(database, "main", wall, timedelta(seconds=60))
    await restarted.orphan()
    assert await restarted.interrupted("settle") == START + QUARTER


async def test_old_runs_are_forgotten_but_stay_decided(database: Database) -> None:
    wall = ManualClock(START)
    table = RunTable(database, "main", wall, timedelta(seconds=60))
    await table.begin("settle", START)
    await table.claim("settle", START + QUARTER)
    await table.finish("settle", START + QUARTER, None)
    await table.prune(START + timedelta(days=1))
    assert await table.history() == []
    assert await table.claim("settle", START + QUARTER) is Claim.DECIDED


def test_two_jobs_of_one_name_are_refused() -> None:
    job = Job("settle", every(QUARTER), Diary().write)
    with pytest.raises(ValueError, match="settle"):
        Schedule([job, job], Database("sqlite+aiosqlite://"), ManualClock(START))
