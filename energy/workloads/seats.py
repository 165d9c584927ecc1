"""Where GPUs are and what they counted, as events of jobs told; of a few GPUs and of a time, never of all."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Table, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.tables import insert_into
from energy.workloads.claims import Seats
from energy.workloads.opened import EVER_MS, Stretch
from energy.workloads.tables import COUNTER, SEAT
from runtime.clock import from_ms, to_ms
from runtime.database import Moment, storable
from telemetry.job import JobEvent

Counters = Mapping[str, Sequence[tuple[int, int]]]
"""UUID -> (time in ms, mJ), in time order."""

_GPUS = 400
"""GPUs that one statement names at most."""


async def keep_seats(connection: AsyncConnection, site: str, events: Iterable[JobEvent]) -> list[Stretch]:
    """Keep where ``events`` say that GPUs are; the times at which one is now elsewhere than before."""
    told = sorted(
        (event.at_ms, storable(seat.uuid), f"{seat.node}/{seat.i}")
        for event in events
        for seat in event.seats
    )
    if not told:
        return []
    known = await load_seats(connection, site, {uuid for _, uuid, _ in told}, (told[0][0], told[-1][0] + 1))
    kept = {uuid: list(rows) for uuid, rows in known.items()}
    moved = []
    for at_ms, uuid, place in told:
        rows = kept.setdefault(uuid, [])
        after = bisect_right(rows, at_ms, key=lambda row: row[0])
        if after == 0 or rows[after - 1][1] != place:
            moved.append((at_ms, rows[after][0] if after < len(rows) else EVER_MS))
        rows.insert(after, (at_ms, place))
    row = insert_into(connection, SEAT)
    newer = {"place": row.excluded.place}
    seats = [{"site": site, "uuid": uuid, "since": from_ms(at), "place": place} for at, uuid, place in told]
    keys = ["site", "uuid", "since"]
    await connection.execute(row.on_conflict_do_update(index_elements=keys, set_=newer), seats)
    return moved


async def keep_counters(connection: AsyncConnection, site: str, events: Iterable[JobEvent]) -> list[Stretch]:
    """Keep what ``events`` say that GPUs counted; the times of which the energy is another than before.

    Two rows of one moment are instances of one GPU: the greatest stands for it, as within an event.
    """
    told = sorted(
        (event.at_ms, storable(uuid), count) for event in events for uuid, count in event.counters.items()
    )
    if not told:
        return []
    known = await load_counters(
        connection, site, {uuid for _, uuid, _ in told}, (told[0][0], told[-1][0] + 1)
    )
    kept = {uuid: list(rows) for uuid, rows in known.items()}
    changed = []
    for at_ms, uuid, count in told:
        rows = kept.setdefault(uuid, [])
        after = bisect_right(rows, at_ms, key=lambda row: row[0])
        same = after > 0 and rows[after - 1][0] == at_ms
        if same and rows[after - 1][1] >= count:
            continue
        before = after - 1 - same
        changed.append(
            (rows[before][0] if before >= 0 else at_ms, rows[after][0] if after < len(rows) else at_ms)
        )
        rows[after - same : after] = [(at_ms, count)]
    line = insert_into(connection, COUNTER)
    most = func.max if connection.dialect.name == "sqlite" else func.greatest
    greatest = {"mj": most(COUNTER.c.mj, line.excluded.mj)}
    counts = [{"site": site, "uuid": uuid, "at": from_ms(at), "mj": count} for at, uuid, count in told]
    keys = ["site", "uuid", "at"]
    await connection.execute(line.on_conflict_do_update(index_elements=keys, set_=greatest), counts)
    return [one for one in changed if one[0] < one[1]]


async def load_seats(
    connection: AsyncConnection, site: str, uuids: Collection[str], span: tuple[int, int]
) -> Seats:
    """Where each of the GPUs was in ``first <= t < until``, in ms: from the last time before it was told."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in await _around(connection, SEAT, "since", (site, uuids, span)):
        found[row.uuid].append((to_ms(row.since), row.place))
    return found


async def load_counters(
    connection: AsyncConnection, site: str, uuids: Collection[str], span: tuple[int, int]
) -> Counters:
    """The counts of each of the GPUs in ``first <= t < until``, in ms, with those before and after it."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in await _around(connection, COUNTER, "at", (site, uuids, span)):
        found[row.uuid].append((to_ms(row.at), row.mj))
    return found


async def _around(
    connection: AsyncConnection, table: Table, when: str, what: tuple[str, Collection[str], tuple[int, int]]
) -> list[Row[Any]]:
    """The rows of each GPU in the span, with the one before it and the one after; by GPU and time."""
    site, uuids, (start, end) = what
    first, until = from_ms(start), from_ms(end)
    near = table.alias()
    mine = (near.c.site == site, near.c.uuid == table.c.uuid)
    before = select(func.max(near.c[when])).where(*mine, near.c[when] < first).scalar_subquery()
    after = select(func.min(near.c[when])).where(*mine, near.c[when] >= until).scalar_subquery()
    query = select(table).where(
        table.c.site == site,
        table.c[when] >= func.coalesce(before, literal(first, Moment)),
        table.c[when] <= func.coalesce(after, literal(until, Moment)),
    )
    names = sorted(uuids)
    rows: list[Row[Any]] = []
    for at in range(0, len(names), _GPUS):
        within = query.where(table.c.uuid.in_(names[at : at + _GPUS])).order_by(table.c.uuid, table.c[when])
        rows += (await connection.execute(within)).all()
    return rows
