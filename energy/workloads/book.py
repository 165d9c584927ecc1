"""Writes down what is told of jobs: each event once; and works out from them who ran on what."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.tables import FOLLOWED, insert_into
from energy.workloads.opened import open_again
from energy.workloads.rework import rework
from energy.workloads.seats import keep_counters, keep_seats
from energy.workloads.tables import EVENT
from runtime.clock import Clock, from_ms
from runtime.database import DATABASE_AWAY, Database, storable
from runtime.errors import BadPayload, StoreError
from telemetry import job
from telemetry.frame import Frame
from telemetry.job import JobEvent
from telemetry.rollup import HOUR_MS
from telemetry.share import EVERYTHING, Share

log = structlog.get_logger(__name__)

PLACE_EVERY = timedelta(seconds=10)
"""Least time between two writes of a place alone: batches without an event can be passed over again."""

_JSON = msgspec.json.Encoder(order="deterministic")
_EVENTS = 100
"""Events of one transaction at most: nobody else can write meanwhile."""

_Row = dict[str, Any]


class JobBook:
    """What jobs told, a :class:`telemetry.store.Sink` named ``workloads``.

    Each event is kept exactly once: the place in the journal moves on with the last of a batch, and one that
    is told again, by a crash, a broker or its publisher, is the one that is there. Late ones open what they
    change. Of mere signs of life one an hour is kept.
    """

    name = "workloads"
    measurements = (job.JOB.name,)
    """All that it needs of the journal."""

    def __init__(self, database: Database, clock: Clock, share: Share = EVERYTHING) -> None:
        self._database, self._clock = database, clock
        self._place = self.name if share.name is None else f"{self.name}:{share.name}"
        self._safe = 0
        self._written: timedelta | None = None

    @property
    def safe(self) -> int:
        """The place as it is written."""
        return self._safe

    async def open(self) -> int:
        """The position up to which events are kept; 0 at first. Raises StoreError."""
        try:
            async with self._database.read() as connection:
                place = select(FOLLOWED.c.position).where(FOLLOWED.c.name == self._place)
                self._safe = int(await connection.scalar(place) or 0)
        except DATABASE_AWAY as error:
            raise StoreError(f"the place of the job events cannot be read: {error}") from error
        return self._safe

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Keep the events of ``frames`` and remember ``position``, both or neither. Raises StoreError.

        A position without events is written now and then only.
        """
        told = [event for frame in frames if frame.measurement is job.JOB for event in _readable(frame)]
        now = self._clock.monotonic()
        if not told and self._written is not None and now - self._written < PLACE_EVERY:
            return
        last = len(told) // _EVENTS * _EVENTS
        try:
            for first in range(0, last, _EVENTS):  # each is kept once, whatever comes of the rest
                async with self._database.begin() as connection:
                    await keep(connection, told[first : first + _EVENTS], self._clock.now())
            async with self._database.begin() as connection:
                await keep(connection, told[last:], self._clock.now())
                await self._remember(connection, position)
        except DATABASE_AWAY as error:
            raise StoreError(f"job events of batch {position} could not be kept: {error}") from error
        self._safe, self._written = position, now

    async def write_place(self, position: int) -> None:
        """Remember ``position``, all events up to which are kept. Raises StoreError."""
        try:
            async with self._database.begin() as connection:
                await self._remember(connection, position)
        except DATABASE_AWAY as error:
            raise StoreError(f"the place of the job events could not be written: {error}") from error
        self._safe, self._written = position, self._clock.monotonic()

    async def close(self) -> None:
        """Nothing to release: the database is not ours."""

    async def _remember(self, connection: AsyncConnection, position: int) -> None:
        row = insert_into(connection, FOLLOWED).values(name=self._place, position=position)
        await connection.execute(
            row.on_conflict_do_update(index_elements=["name"], set_={"position": position})
        )


def _readable(frame: Frame) -> list[JobEvent]:
    try:
        return job.events(frame)
    except BadPayload as error:  # the journal has a checksum of its own: only an older version wrote it
        log.error("job_events_unreadable", error=str(error))
        return []


async def keep(connection: AsyncConnection, told: Sequence[JobEvent], at: datetime) -> None:
    """Keep events that are new at ``at``, with all that follows from them."""
    if not told:
        return
    known = await asyncio.to_thread(_rows, told, at)  # one may name all nodes of a site
    rows = [row for row, _ in known.values()]
    statement = insert_into(connection, EVENT).values(rows).on_conflict_do_nothing()
    new = set((await connection.execute(statement.returning(EVENT.c.digest))).scalars())
    fresh: dict[str, dict[str, list[JobEvent]]] = defaultdict(lambda: defaultdict(list))
    for digest, (row, event) in known.items():
        if digest in new:
            fresh[row["site"]][row["job"]].append(event)
    for site, jobs in sorted(fresh.items()):
        events = [event for _, found in sorted(jobs.items()) for event in found]
        changed = await keep_seats(connection, site, events)
        changed += await keep_counters(connection, site, events)
        await open_again(connection, site, changed, at)
        await rework(connection, site, jobs, at)


def _rows(told: Sequence[JobEvent], at: datetime) -> dict[str, tuple[_Row, JobEvent]]:
    """Each event once, by its digest, with its row."""
    found = {}
    for event in map(_sign_of_life, told):
        text = _JSON.encode(event).decode()
        digest = hashlib.sha256(text.encode()).hexdigest()
        key = {"site": storable(event.site), "job": storable(event.job), "digest": digest}
        found[digest] = {**key, "at": from_ms(event.at_ms), "known_at": at, "told": text}, event
    return found


def _sign_of_life(event: JobEvent) -> JobEvent:
    """``event`` itself; one that says only that the job is alive is of the hour's beginning."""
    bare = JobEvent(event.site, event.job, "update", event.at_ms)
    return replace(event, at_ms=event.at_ms // HOUR_MS * HOUR_MS) if event == bare else event
