"""Works out anew what all events of jobs come to, of many jobs with few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.tables import insert_into
from energy.workloads.spans import History, Owner, history
from energy.workloads.tables import EVENT, JOB, OWNER, SPAN, WORK
from runtime.clock import from_ms, to_ms
from runtime.database import storable
from telemetry.job import JobEvent

FOREVER = 2**31 - 1
"""A quarter after every other."""

_EVENT = msgspec.json.Decoder(JobEvent)

_ROWS = 400
"""Rows of one statement at most."""

_Row = Mapping[str, Any]


async def rework(connection: AsyncConnection, site: str, fresh: Mapping[str, Sequence[JobEvent]]) -> None:
    """Work out anew what those jobs of ``site`` did of which ``fresh`` events came, by name as it is kept.

    What that changes is opened, to be accounted for again.
    """
    names = sorted(fresh)
    told = await _events(connection, site, names)
    known = {name: history(told[name]) for name in names}
    numbers = await _write_jobs(connection, site, known, told)
    before = await _spans(connection, numbers.values())
    owners = await _owners(connection, {span.owner for one in known.values() for span in one.spans})
    after = {name: _lines((numbers[name], site), known[name], owners) for name in names}
    await connection.execute(delete(SPAN).where(SPAN.c.job.in_(list(numbers.values()))))
    await _insert(connection, SPAN, [line for name in names for line in after[name]])
    opened = []
    for name in names:
        ranges = [*_changed(before[numbers[name]], after[name]), *_told_late(known[name], fresh[name])]
        if ranges:
            first, until = min(one[0] for one in ranges), max(one[1] for one in ranges)
            opened.append({"site": site, "first": first, "until": until})
    await _insert(connection, WORK, opened)


async def _insert(connection: AsyncConnection, table: Any, rows: Sequence[_Row]) -> None:
    for first in range(0, len(rows), _ROWS):
        await connection.execute(insert(table), rows[first : first + _ROWS])


async def _events(
    connection: AsyncConnection, site: str, names: Sequence[str]
) -> Mapping[str, list[JobEvent]]:
    rows = await connection.execute(
        select(EVENT.c.job, EVENT.c.told)
        .where(EVENT.c.site == site, EVENT.c.job.in_(names))
        .order_by(EVENT.c.id)
    )
    found: dict[str, list[JobEvent]] = defaultdict(list)
    for row in rows:
        found[row.job].append(_EVENT.decode(row.told))
    return found


async def _write_jobs(
    connection: AsyncConnection,
    site: str,
    known: Mapping[str, History],
    told: Mapping[str, Sequence[JobEvent]],
) -> dict[str, int]:
    """Write what is known of each job by its name; their numbers."""
    rows = {
        name: {
            "tenant": one.owner.tenant,
            "project": one.owner.project,
            "name": one.name,
            "since": None if one.since_ms is None else from_ms(one.since_ms),
            "until": None if one.until_ms is None else from_ms(one.until_ms),
            "heard": from_ms(max(event.at_ms for event in told[name])),
            "flags": int(one.flags),
        }
        for name, one in known.items()
    }
    query = select(JOB.c.job, JOB.c.id).where(JOB.c.site == site, JOB.c.job.in_(list(rows)))
    numbers: dict[str, int] = {row.job: row.id for row in await connection.execute(query)}
    old = [{"number": numbers[name], **row} for name, row in rows.items() if name in numbers]
    if old:
        await connection.execute(update(JOB).where(JOB.c.id == bindparam("number")), old)
    new = [{"site": site, "job": name, **row} for name, row in rows.items() if name not in numbers]
    if new:
        made = await connection.execute(insert(JOB).values(new).returning(JOB.c.job, JOB.c.id))
        numbers |= {row.job: row.id for row in made}
    return numbers


async def _spans(connection: AsyncConnection, numbers: Iterable[int]) -> Mapping[int, list[_Row]]:
    rows = await connection.execute(select(SPAN).where(SPAN.c.job.in_(list(numbers))))
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in rows.mappings():
        found[row["job"]].append(dict(row))
    return found


async def _owners(connection: AsyncConnection, owners: Iterable[Owner]) -> Mapping[Owner, int]:
    """The numbers of ``owners``, who get one when they have none."""
    kept = {owner: Owner(*map(storable, owner)) for owner in owners}
    rows = [owner._asdict() for owner in sorted(set(kept.values()))]
    if not rows:
        return {}
    await connection.execute(insert_into(connection, OWNER).on_conflict_do_nothing(), rows)
    query = select(OWNER).where(OWNER.c.tenant.in_(sorted({row["tenant"] for row in rows})))
    numbers = {(row.tenant, row.project): row.id for row in await connection.execute(query)}
    return {owner: numbers[one] for owner, one in kept.items()}


def _lines(which: tuple[int, str], known: History, owners: Mapping[Owner, int]) -> list[_Row]:
    number, site = which
    return [
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


def _changed(before: Sequence[_Row], after: Sequence[_Row]) -> Iterable[tuple[int, int]]:
    """The quarters of every span that is only in one of both."""
    for one, others in ((before, after), (after, before)):
        for span in one:
            if not any(_same(span, other) for other in others):
                until = span["until"]
                last = to_ms(until) // QUARTER_MS + 1 if isinstance(until, datetime) else FOREVER
                yield to_ms(span["since"]) // QUARTER_MS, last


def _same(one: _Row, other: _Row) -> bool:
    return all(one[name] == other[name] for name in ("since", "until", "owner", "share", "members"))


def _told_late(known: History, fresh: Sequence[JobEvent]) -> Iterable[tuple[int, int]]:
    """The quarters whose energy counters and seats tell otherwise from now on."""
    for event in fresh:
        if event.seats:
            yield event.at_ms // QUARTER_MS, FOREVER
        if event.counters and known.since_ms is not None:
            yield known.since_ms // QUARTER_MS, FOREVER
