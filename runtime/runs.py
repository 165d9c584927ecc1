"""Reads and writes of the run table; every verb is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.clock import Clock
from runtime.database import Database
from runtime.tables import job, job_run


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Claim(StrEnum):
    """What came of asking for a due time."""

    MINE = "mine"  # run it
    DECIDED = "decided"  # somebody ran it already
    HELD = "held"  # another process runs it, or an earlier one of the same job: ask again later


@dataclass(frozen=True)
class JobRun:
    """One line of the run table; ``error`` tells why it failed. Times but ``due`` are the machine's."""

    job: str
    due: datetime
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    error: str | None


class RunTable:
    """The run table as one process (``owner``) uses it; leases are kept on the machine's clock."""

    def __init__(self, database: Database, owner: str, wall: Clock, lease: timedelta) -> None:
        self._database, self._owner, self._wall, self._lease = database, owner, wall, lease

    async def begin(self, name: str, since: datetime) -> None:
        """Remember that ``name`` exists since then; does nothing when it is known already."""
        async with self._database.begin() as db:
            if await _mark(db, name) is not None:
                return
            try:
                async with db.begin_nested():
                    await db.execute(insert(job).values(name=name, until=since))
            except IntegrityError:
                return

    async def mark(self, name: str) -> datetime:
        """Every due time up to this one has been decided."""
        async with self._database.read() as db:
            found = await _mark(db, name)
        assert found is not None, f"begin({name!r}) comes first"
        return found

    async def decided(self, name: str) -> datetime | None:
        """As :meth:`mark`; None for a job that nobody has begun."""
        async with self._database.read() as db:
            return await _mark(db, name)

    async def interrupted(self, name: str) -> datetime | None:
        """The earliest due time whose process died while running it, or None."""
        orphaned = and_(job_run.c.state == RunState.RUNNING, job_run.c.lease_until <= self._wall.now())
        query = select(job_run.c.due).where(job_run.c.job == name, orphaned).order_by(job_run.c.due)
        async with self._database.read() as db:
            found: datetime | None = await db.scalar(query.limit(1))
        return found

    async def claim(self, name: str, due: datetime) -> Claim:
        """Take the run of ``name`` that is ``due``; only one process ever gets it, and in order of time."""
        try:
            async with self._database.begin() as db:
                return await self._claim(db, name, due)
        except IntegrityError:  # two processes inserted at once, on a database that lets them
            return Claim.HELD

    async def finish(self, name: str, due: datetime, error: str | None) -> None:
        """Record the outcome of a claimed run."""
        outcome = {
            "state": RunState.DONE if error is None else RunState.FAILED,
            "finished_at": self._wall.now(),
            "error": error,
        }
        async with self._database.begin() as db:
            await db.execute(update(job_run).where(*self._own(name, due)).values(outcome))

    async def give_up(self, name: str, due: datetime) -> None:
        """Let go of a claimed run that was cancelled, so that it is run again at once."""
        async with self._database.begin() as db:
            await db.execute(
                update(job_run).where(*self._own(name, due)).values(lease_until=self._wall.now())
            )

    async def orphan(self) -> None:
        """Let go of everything that an earlier process of this owner's name left running."""
        mine = and_(job_run.c.state == RunState.RUNNING, job_run.c.owner == self._owner)
        async with self._database.begin() as db:
            await db.execute(update(job_run).where(mine).values(lease_until=self._wall.now()))

    async def renew(self, running: Sequence[tuple[str, datetime]]) -> None:
        """Extend the leases of these runs."""
        async with self._database.begin() as db:
            for name, due in running:
                until = self._wall.now() + self._lease
                await db.execute(update(job_run).where(*self._own(name, due)).values(lease_until=until))

    async def prune(self, before: datetime) -> None:
        """Forget runs that ended before then; what has been decided stays decided."""
        async with self._database.begin() as db:
            await db.execute(delete(job_run).where(job_run.c.finished_at < before))

    async def history(self, name: str | None = None, limit: int = 50) -> list[JobRun]:
        """The newest runs first, of one job or of all."""
        query = select(job_run).order_by(job_run.c.started_at.desc(), job_run.c.due.desc()).limit(limit)
        if name is not None:
            query = query.where(job_run.c.job == name)
        async with self._database.read() as db:
            rows = (await db.execute(query)).all()
        return [JobRun(r.job, r.due, RunState(r.state), r.started_at, r.finished_at, r.error) for r in rows]

    def _own(self, name: str, due: datetime) -> tuple[Any, ...]:
        running = job_run.c.state == RunState.RUNNING
        return (job_run.c.job == name, job_run.c.due == due, running, job_run.c.owner == self._owner)

    async def _claim(self, db: AsyncConnection, name: str, due: datetime) -> Claim:
        # One claim of a job at a time: of two at once the later due time could otherwise begin first.
        mark = await _mark(db, name, to_write=True)
        now = self._wall.now()
        running = and_(job_run.c.job == name, job_run.c.state == RunState.RUNNING, job_run.c.due <= due)
        rows = (await db.execute(select(job_run).where(running).with_for_update())).all()
        if any(row.lease_until > now for row in rows):
            return Claim.HELD
        ours = {"started_at": now, "owner": self._owner, "lease_until": now + self._lease}
        if any(row.due == due for row in rows):
            await db.execute(update(job_run).where(job_run.c.job == name, job_run.c.due == due).values(ours))
            return Claim.MINE
        if mark is not None and due <= mark:
            return Claim.DECIDED
        await db.execute(insert(job_run).values(job=name, due=due, state=RunState.RUNNING, **ours))
        await _advance(db, name, due)
        return Claim.MINE


async def _mark(db: AsyncConnection, name: str, *, to_write: bool = False) -> datetime | None:
    query = select(job.c.until).where(job.c.name == name)
    found: datetime | None = await db.scalar(query.with_for_update() if to_write else query)
    return found


async def _advance(db: AsyncConnection, name: str, until: datetime) -> None:
    await db.execute(update(job).where(job.c.name == name, job.c.until < until).values(until=until))
