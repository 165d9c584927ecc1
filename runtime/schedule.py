"""Jobs by due time: nothing due is forgotten over a restart, nothing is run twice.

APScheduler's triggers only tell *when*; the run table (:mod:`runtime.runs`) tells *what has been*. A job is
handed its due time, never "now", so catching up is the same code as running on time.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NoReturn

import structlog
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from runtime.backoff import Backoff
from runtime.clock import EPOCH, MILLISECOND, Clock, SystemClock
from runtime.database import DATABASE_AWAY, Database
from runtime.runs import Claim, JobRun, RunTable

log = structlog.get_logger(__name__)

CatchUp = Literal["each", "latest"]
LEASE = timedelta(seconds=60)
KEEP = timedelta(days=60)
HELD_PAUSE = timedelta(seconds=1)


def every(interval: timedelta) -> IntervalTrigger:
    """Due at every multiple of ``interval`` (whole seconds) since 1970, so a restart never shifts it."""
    seconds = int(interval.total_seconds())
    if seconds < 1 or timedelta(seconds=seconds) != interval:
        raise ValueError(f"{interval} is no whole number of seconds")
    return IntervalTrigger(seconds=seconds, start_date=EPOCH, timezone=UTC)


@dataclass(frozen=True)
class Job:
    """What is to be done, and when: ``trigger`` is :func:`every` or another of APScheduler's.

    ``catch_up`` says what becomes of due times that passed while nobody ran: ``each`` runs all in order,
    ``latest`` only the newest.
    """

    name: str
    trigger: BaseTrigger
    run: Callable[[datetime], Awaitable[None]]
    catch_up: CatchUp = "each"

    def next_after(self, at: datetime) -> datetime | None:
        """The first due time after ``at``, UTC; None when there is none any more."""
        due = self.trigger.get_next_fire_time(None, at + MILLISECOND)
        return None if due is None else due.astimezone(UTC)

    def choose(self, after: datetime, now: datetime) -> datetime | None:
        """Which due time comes next when all up to ``after`` are decided; it may lie beyond ``now``."""
        if self.catch_up == "each":
            return self.next_after(after)
        return self._newest(after, now) or self.next_after(after)

    def _newest(self, after: datetime, now: datetime) -> datetime | None:
        # Looks back in doubling steps: months of ten-second dues cost some thirty questions.
        back = timedelta(minutes=1)
        while True:
            floor = max(after, now - back)
            due = self.next_after(floor)
            if due is not None and due <= now:
                break
            if floor <= after:
                return None
            back *= 2
        while (later := self.next_after(due)) is not None and later <= now:
            due = later
        return due


class History:
    """The runs of ``jobs`` that another process schedules, from the table that all share."""

    def __init__(self, database: Database, jobs: Sequence[str]) -> None:
        self.jobs: Sequence[str] = tuple(jobs)
        self._table = RunTable(database, "", SystemClock(), LEASE)

    async def history(self, job: str | None = None, limit: int = 50) -> list[JobRun]:
        """The newest runs first."""
        return await self._table.history(job, limit)

    async def decided(self, job: str) -> datetime | None:
        """Up to which due time ``job`` has been asked; None if nobody has ever scheduled it."""
        return await self._table.decided(job)


class Schedule:
    """Runs ``jobs`` by ``clock``, each in its own task, one due time at a time.

    Several processes may share the database. ``owner`` names this instance over restarts, so that what it
    left running when it was killed is run again at once; unnamed, that waits for the lease to end. The first
    start of a job begins after ``epoch``, or after the clock's now. Leases are kept on the machine's clock,
    whatever ``clock`` replays.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        database: Database,
        clock: Clock,
        *,
        epoch: datetime | None = None,
        owner: str | None = None,
    ) -> None:  # fmt: skip
        names = [job.name for job in jobs]
        if len(set(names)) != len(names):
            raise ValueError(f"two jobs have one name: {sorted(names)}")
        self._jobs, self._clock, self._epoch = tuple(jobs), clock, epoch
        self._wall = SystemClock()
        owner = owner or f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        self._table = RunTable(database, owner, self._wall, LEASE)
        self._running: set[tuple[str, datetime]] = set()

    async def run(self) -> None:
        """Run until cancelled; a run that is cancelled on the way is run again at the next start."""
        await self._quietly(self._table.orphan(), "schedule_orphan_failed")
        async with asyncio.TaskGroup() as tasks:
            for job in self._jobs:
                tasks.create_task(self._guard(job), name=f"job {job.name}")
            tasks.create_task(self._keep_leases(), name="job leases")
            tasks.create_task(self._prune(), name="job history")

    @property
    def jobs(self) -> Sequence[str]:
        """The names of all jobs, in the order given."""
        return [job.name for job in self._jobs]

    async def history(self, job: str | None = None, limit: int = 50) -> list[JobRun]:
        """The newest runs first, for the System page."""
        return await self._table.history(job, limit)

    async def _guard(self, job: Job) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._follow(job, backoff)
                return
            except DATABASE_AWAY as error:
                log.warning("schedule_database_failed", job=job.name, error=str(error))
                await self._pause(timedelta(seconds=backoff.next()))

    async def _follow(self, job: Job, backoff: Backoff) -> None:
        await self._table.begin(job.name, self._epoch or self._clock.now())
        decided: datetime | None = None
        while True:
            due = await self._next(job, decided)
            if due is None:
                return
            await self._clock.sleep_until(due)
            due = self._newest(job, due, decided)
            claim = await self._table.claim(job.name, due)
            backoff.reset()
            if claim is Claim.MINE:
                await self._run(job, due)
                decided = due
                continue
            decided = None  # another process is at work: believe only the table
            if claim is Claim.HELD:
                await self._pause(HELD_PAUSE)

    async def _next(self, job: Job, decided: datetime | None) -> datetime | None:
        """The due time to run next. While it catches up (all up to ``decided`` is done) it asks no table."""
        if decided is not None:
            due = job.choose(decided, self._clock.now())
            if due is not None and due <= self._clock.now():
                return due
        due = await self._table.interrupted(job.name)
        if due is not None:
            log.info("job_interrupted", job=job.name, due=due.isoformat())
            return due
        return job.choose(await self._table.mark(job.name), self._clock.now())

    def _newest(self, job: Job, due: datetime, decided: datetime | None) -> datetime:
        """``due``, or a newer one when the clock jumped over several and only the newest counts."""
        if job.catch_up != "latest" or decided is None or due <= decided:
            return due
        return job.choose(due - MILLISECOND, self._clock.now()) or due

    async def _run(self, job: Job, due: datetime) -> None:
        began, error = self._wall.now(), None
        self._running.add((job.name, due))
        try:
            await job.run(due)
        except asyncio.CancelledError:
            await asyncio.shield(self._table.give_up(job.name, due))
            raise
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
            log.exception("job_failed", job=job.name, due=due.isoformat())
        finally:
            self._running.discard((job.name, due))
        await self._table.finish(job.name, due, error)
        took = (self._wall.now() - began).total_seconds()
        if error is None:
            log.debug("job_done", job=job.name, due=due.isoformat(), s=round(took, 3))

    async def _keep_leases(self) -> NoReturn:
        while True:
            await self._pause(LEASE / 3)
            if self._running:
                await self._quietly(self._table.renew(sorted(self._running)), "schedule_lease_failed")

    async def _prune(self) -> NoReturn:
        while True:
            await self._quietly(self._table.prune(self._wall.now() - KEEP), "schedule_prune_failed")
            await self._pause(timedelta(hours=6))

    async def _quietly(self, work: Awaitable[None], event: str) -> None:
        try:
            await work
        except DATABASE_AWAY as error:
            log.warning(event, error=str(error))

    async def _pause(self, span: timedelta) -> None:
        await self._wall.sleep_until(self._wall.now() + span)
