"""Events of jobs as the database has them, each with where its job stood after the moment that it is of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
from sqlalchemy import CTE, bindparam, func, literal, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.workloads.spans import Standing, Turn, turned
from energy.workloads.tables import EVENT
from runtime.clock import from_ms, to_ms
from runtime.database import Moment, Words
from telemetry.job import JobEvent

_EVENT = msgspec.json.Decoder(JobEvent)
_EVER = from_ms(2**47)


class Heard(NamedTuple):
    """One event; ``mark`` is that of where the job stood after it, None if that is not worked out yet."""

    id: int
    at_ms: int
    mark: str | None
    told: str


class Retold(NamedTuple):
    """What some events of a job come to, moment by moment, and the ``marks`` that changed, by event.

    ``settled``: what comes after them stays as it is.
    """

    turns: Sequence[Turn]
    marks: Sequence[tuple[int, str]]
    settled: bool


def retell(before: Standing, page: Sequence[Heard]) -> Retold:
    """Hear the events of ``page`` (whole moments, in time order) one after the other.

    It ends where the job stands as it did, and none of what follows in the page is new.
    """
    newest = max((one.at_ms for one in page if one.mark is None), default=0)
    turns: list[Turn] = []
    marks: list[tuple[int, str]] = []
    now = before
    for at_ms, together in groupby(page, key=lambda one: one.at_ms):
        events = list(together)
        turn = turned(now, at_ms, [_EVENT.decode(one.told) for one in events])
        now, mark = turn.now, turn.now.mark
        turns.append(turn)
        marks += [(one.id, mark) for one in events if one.mark != mark]
        if at_ms >= newest and any(one.mark == mark for one in events):
            return Retold(turns, marks, settled=True)
    return Retold(turns, marks, settled=False)


async def load_before(
    connection: AsyncConnection, site: str, starts: Mapping[str, int]
) -> Mapping[str, tuple[int, str | None]]:
    """When each job was heard last before a moment, and the mark of where it stood; if it was heard.

    The mark is None where it was never worked out.
    """
    wanted, earlier = _wanted(starts), EVENT.alias()
    last = (
        select(func.max(earlier.c.at))
        .where(earlier.c.site == site, earlier.c.job == wanted.c.job, earlier.c.at < wanted.c.start)
        .scalar_subquery()
    )
    query = (
        select(EVENT.c.job, EVENT.c.at, EVENT.c.mark)
        .join(wanted, EVENT.c.job == wanted.c.job)
        .where(EVENT.c.site == site, EVENT.c.at == last)
    )
    found: dict[str, tuple[int, str | None]] = {}
    for row in await connection.execute(query):
        found[row.job] = (to_ms(row.at), row.mark)
    return found


async def load_page(
    connection: AsyncConnection, site: str, starts: Mapping[str, int], size: int
) -> Mapping[str, Sequence[Heard]]:
    """The first ``size`` events of each job from a moment on, and all others of the last of their moments."""
    wanted, later = _wanted(starts), EVENT.alias()
    last = (
        select(later.c.at)
        .where(later.c.site == site, later.c.job == wanted.c.job, later.c.at >= wanted.c.start)
        .order_by(later.c.at)
        .limit(1)
        .offset(size - 1)
        .scalar_subquery()
    )
    query = (
        select(EVENT.c.job, EVENT.c.id, EVENT.c.at, EVENT.c.mark, EVENT.c.told)
        .join(wanted, EVENT.c.job == wanted.c.job)
        .where(EVENT.c.site == site, EVENT.c.at >= wanted.c.start)
        .where(EVENT.c.at <= func.coalesce(last, literal(_EVER, Moment)))
        .order_by(EVENT.c.job, EVENT.c.at, EVENT.c.id)
    )
    found: dict[str, list[Heard]] = defaultdict(list)
    for row in await connection.execute(query):
        found[row.job].append(Heard(row.id, to_ms(row.at), row.mark, row.told))
    return found


async def save_marks(connection: AsyncConnection, marks: Sequence[tuple[int, str]]) -> None:
    """Keep the marks, by event."""
    if marks:
        one = update(EVENT).where(EVENT.c.id == bindparam("event")).values(mark=bindparam("now"))
        await connection.execute(one, [{"event": event, "now": mark} for event, mark in marks])


def _wanted(starts: Mapping[str, int]) -> CTE:
    rows = [
        select(literal(job, Words).label("job"), literal(from_ms(start), Moment).label("start"))
        for job, start in sorted(starts.items())
    ]
    return union_all(*rows).cte("wanted")
