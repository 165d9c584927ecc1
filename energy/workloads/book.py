"""Writes down what is told of jobs: each event once; and works out from them who ran on what."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.tables import FOLLOWED, insert_into
from energy.workloads.spans import History, Owner, history
from energy.workloads.tables import COUNTER, EVENT, JOB, OWNER, SEAT, SPAN, WORK
from runtime.clock import Clock, from_ms, to_ms
from runtime.database import DATABASE_AWAY, Database
from runtime.errors import BadPayload, StoreError
from telemetry import job
from telemetry.frame import Frame
from telemetry.job import JobEvent
from telemetry.rollup import HOUR_MS
from telemetry.share import EVERYTHING, Share

log = structlog.get_logger(__name__)

FOREVER = 2**31 - 1
"""A quarter after every other."""

PLACE_EVERY = timedelta(seconds=10)
"""Least time between two writes of a place alone: batches without an event can be passed over again."""

_JSON = msgspec.json.Encoder(order="deterministic")
_EVENT = msgspec.json.Decoder(JobEvent)
_EVENTS = 100
"""Events of one transaction at most: nobody else can write meanwhile."""

_LINES = 400
"""Rows of one statement at most."""


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
                row = insert_into(connection, FOLLOWED).values(name=self._place, position=position)
                await connection.execute(
                    row.on_conflict_do_update(index_elements=["name"], set_={"position": position})
                )
        except DATABASE_AWAY as error:
            raise StoreError(f"job events of batch {position} could not be kept: {error}") from error
        self._safe, self._written = position, now

    async def close(self) -> None:
        """Nothing to release: the database is not ours."""


def _readable(frame: Frame) -> list[JobEvent]:
    try:
        return job.events(frame)
    except BadPayload as error:  # the journal has a checksum of its own: only an older version wrote it
        log.error("job_events_unreadable", error=str(error))
        return []


async def keep(connection: AsyncConnection, told: Iterable[JobEvent], at: datetime) -> None:
    """Keep events that are new at ``at``, with all that follows from them."""
    fresh: dict[tuple[str, str], list[JobEvent]] = defaultdict(list)
    for event in map(_sign_of_life, told):
        text = _JSON.encode(event).decode()
        row = insert_into(connection, EVENT).values(
            site=event.site,
            job=event.job,
            at=from_ms(event.at_ms),
            known_at=at,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            told=text,
        )
        found = await connection.execute(row.on_conflict_do_nothing().returning(EVENT.c.id))
        if found.first() is not None:
            fresh[event.site, event.job].append(event)
    for (site, name), events in sorted(fresh.items()):
        await _keep_seats(connection, site, events)
        await _rework(connection, (site, name), events)


def _sign_of_life(event: JobEvent) -> JobEvent:
    """``event`` itself; one that says only that the job is alive is of the hour's beginning."""
    bare = JobEvent(event.site, event.job, "update", event.at_ms)
    return replace(event, at_ms=event.at_ms // HOUR_MS * HOUR_MS) if event == bare else event


async def _keep_seats(connection: AsyncConnection, site: str, events: Sequence[JobEvent]) -> None:
    for event in events:
        at = from_ms(event.at_ms)
        for seat in event.seats:
            place = f"{seat.node}/{seat.i}"
            row = insert_into(connection, SEAT).values(site=site, uuid=seat.uuid, since=at, place=place)
            keys = ["site", "uuid", "since"]
            await connection.execute(row.on_conflict_do_update(index_elements=keys, set_={"place": place}))
        for uuid, count in event.counters.items():
            line = insert_into(connection, COUNTER).values(site=site, uuid=uuid, at=at, mj=count)
            # Two rows of one moment are instances of one GPU: the greatest stands for it, as within an event.
            most = func.max if connection.dialect.name == "sqlite" else func.greatest
            await connection.execute(
                line.on_conflict_do_update(
                    index_elements=["site", "uuid", "at"], set_={"mj": most(COUNTER.c.mj, line.excluded.mj)}
                )
            )


async def _rework(connection: AsyncConnection, key: tuple[str, str], fresh: Sequence[JobEvent]) -> None:
    """Work out anew what all events of a job come to, and open what that changes."""
    site, name = key
    rows = await connection.execute(
        select(EVENT.c.told).where(EVENT.c.site == site, EVENT.c.job == name).order_by(EVENT.c.id)
    )
    events = [_EVENT.decode(row.told) for row in rows]
    known = history(events)
    number, before = await _spans_before(connection, key)
    owners = {owner: await _owner(connection, owner) for owner in {span.owner for span in known.spans}}
    heard = from_ms(max(event.at_ms for event in events))
    number = await _write_job(connection, (number, key), known, heard)
    await connection.execute(delete(SPAN).where(SPAN.c.job == number))
    lines = [
        {
            "job": number,
            "number": place,
            "site": site,
            "owner": owners[span.owner],
            "since": from_ms(span.since_ms),
            "until": None if span.until_ms is None else from_ms(span.until_ms),
            "share": span.share,
            "members": msgspec.json.encode(span.members).decode(),
        }
        for place, span in enumerate(known.spans)
    ]
    for first in range(0, len(lines), _LINES):
        await connection.execute(insert(SPAN), lines[first : first + _LINES])
    await _open(connection, site, [*_changed(before, lines), *_told_late(known, fresh)])


async def _spans_before(
    connection: AsyncConnection, key: tuple[str, str]
) -> tuple[int | None, list[Mapping[str, object]]]:
    number = await connection.scalar(select(JOB.c.id).where(JOB.c.site == key[0], JOB.c.job == key[1]))
    rows = await connection.execute(select(SPAN).where(SPAN.c.job == number))
    return number, [dict(row) for row in rows.mappings()]


async def _write_job(
    connection: AsyncConnection, which: tuple[int | None, tuple[str, str]], known: History, heard: datetime
) -> int:
    number, (site, name) = which
    values = {
        "tenant": known.owner.tenant,
        "project": known.owner.project,
        "name": known.name,
        "since": None if known.since_ms is None else from_ms(known.since_ms),
        "until": None if known.until_ms is None else from_ms(known.until_ms),
        "heard": heard,
        "flags": int(known.flags),
    }
    if number is None:
        made = await connection.execute(insert(JOB).values(site=site, job=name, **values).returning(JOB.c.id))
        return int(made.scalar_one())
    await connection.execute(JOB.update().where(JOB.c.id == number).values(**values))
    return number


async def _owner(connection: AsyncConnection, owner: Owner) -> int:
    row = insert_into(connection, OWNER).values(tenant=owner.tenant, project=owner.project)
    await connection.execute(row.on_conflict_do_nothing())
    found = select(OWNER.c.id).where(OWNER.c.tenant == owner.tenant, OWNER.c.project == owner.project)
    return int((await connection.execute(found)).scalar_one())


def _changed(
    before: Sequence[Mapping[str, object]], after: Sequence[Mapping[str, object]]
) -> Iterable[tuple[int, int]]:
    """The quarters of every span that is only in one of both."""
    for one, others in ((before, after), (after, before)):
        for span in one:
            if not any(_same(span, other) for other in others):
                until = span["until"]
                assert isinstance(span["since"], datetime)
                last = to_ms(until) // QUARTER_MS + 1 if isinstance(until, datetime) else FOREVER
                yield to_ms(span["since"]) // QUARTER_MS, last


def _same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    return all(one[name] == other[name] for name in ("since", "until", "owner", "share", "members"))


def _told_late(known: History, fresh: Sequence[JobEvent]) -> Iterable[tuple[int, int]]:
    """The quarters whose energy counters and seats tell otherwise from now on."""
    for event in fresh:
        if event.seats:
            yield event.at_ms // QUARTER_MS, FOREVER
        if event.counters and known.since_ms is not None:
            yield known.since_ms // QUARTER_MS, FOREVER


async def _open(connection: AsyncConnection, site: str, ranges: Sequence[tuple[int, int]]) -> None:
    if ranges:
        first, until = min(one[0] for one in ranges), max(one[1] for one in ranges)
        await connection.execute(insert(WORK).values(site=site, first=first, until=until))
