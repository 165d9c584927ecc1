"""What is to be accounted for again: times in which events, or the ledger, say otherwise than before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.proof.knowledge import Frozen, load_frozen
from energy.proof.tables import CAUSE
from energy.workloads.tables import WORK

Stretch = tuple[int, int]
"""A time ``first <= t < until`` in ms since 1970."""

Quarters = tuple[int, int]
"""Quarters ``first <= q < until``, counted since 1970."""

FOREVER = 2**31 - 1
"""A quarter after every other."""

EVER_MS = FOREVER * QUARTER_MS
"""A time after every other."""

RECENT_CAUSES = 50
"""Causes so close before the newest that was seen are looked at again: they may have been written later."""


class Waiting(NamedTuple):
    """Quarters of a locked month of ``site`` of which events told otherwise after its lock."""

    site: str
    period: str
    first: int
    until: int
    at: datetime


@dataclass(frozen=True)
class Opened:
    """Quarters to account for again: ``surely``, and if their figures changed ``doubted`` ones.

    ``rows`` are those of the work that say so, in whose place ``waiting`` stays; ``cause`` is the newest
    cause that was seen, ``frozen`` the locked months.
    """

    surely: Sequence[Quarters]
    doubted: Sequence[Quarters]
    rows: Sequence[int]
    waiting: Sequence[Waiting]
    cause: int
    frozen: Sequence[Frozen]


async def open_again(connection: AsyncConnection, site: str, times: Iterable[Stretch], at: datetime) -> None:
    """Let the quarters of ``times`` be accounted for again, because of what became known ``at`` a time."""
    rows = [{"site": site, "first": first, "until": until, "at": at} for first, until in quarters(times)]
    if rows:
        await connection.execute(insert(WORK), rows)


async def load_opened(connection: AsyncConnection, site: str, inside: Quarters, cause: int) -> Opened:
    """What is opened of the quarters ``inside``; causes up to ``cause`` have been seen."""
    work = (await connection.execute(select(WORK).where(WORK.c.site == site).order_by(WORK.c.id))).all()
    frozen = await load_frozen(connection, [site])
    surely: list[Quarters] = []
    held: dict[str, list[tuple[int, bool, Waiting]]] = defaultdict(list)
    for row in work:
        for first, until, month in _parts(row, frozen):
            if month is None:
                surely.append((first, until))
            else:
                whole = (first, until) == (row.first, row.until)
                held[month].append((row.id, whole, Waiting(site, month, first, until, row.at)))
    # What waits of a month is one row; one that is alone and as it was stays.
    kept = {each[0][0] for each in held.values() if len(each) == 1 and each[0][1]}
    waiting = [_one(waits for *_, waits in each) for each in held.values() if each[0][0] not in kept]
    causes = (
        await connection.execute(
            select(CAUSE.c.id, CAUSE.c.first, CAUSE.c.until).where(
                CAUSE.c.site == site,
                CAUSE.c.id > cause - RECENT_CAUSES,
                CAUSE.c.first < inside[1],
                CAUSE.c.until > inside[0],
            )
        )
    ).all()
    doubted = [(row.first, row.until) for row in causes]
    newest = max((row.id for row in causes), default=cause)
    done = [row.id for row in work if row.id not in kept]
    return Opened(surely, doubted, done, waiting, max(newest, cause), frozen)


async def close_again(connection: AsyncConnection, opened: Opened) -> None:
    """All that could be accounted for of it is; the rest goes on waiting."""
    if opened.rows:
        await connection.execute(delete(WORK).where(WORK.c.id.in_(list(opened.rows))))
    rows = [
        {name: value for name, value in one._asdict().items() if name != "period"} for one in opened.waiting
    ]
    if rows:
        await connection.execute(insert(WORK), rows)


async def load_waiting(
    connection: AsyncConnection, sites: Sequence[str], span: Quarters, as_of: datetime | None = None
) -> Sequence[Waiting]:
    """What waits for the restatement of a locked month of ``sites``, in the quarters of ``span``."""
    query = select(WORK).where(WORK.c.site.in_(sites), WORK.c.first < span[1], WORK.c.until > span[0])
    work = (await connection.execute(query if as_of is None else query.where(WORK.c.at <= as_of))).all()
    if not work:
        return []
    frozen = await load_frozen(connection, sites, as_of)
    found: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for row in work:
        for first, until, month in _parts(row, [one for one in frozen if one.site == row.site]):
            if month is not None and first < span[1] and until > span[0]:
                found[row.site, month].append(Waiting(row.site, month, first, until, row.at))
    return [_one(each) for _, each in sorted(found.items())]


def _parts(row: Any, frozen: Sequence[Frozen]) -> Iterator[tuple[int, int, str | None]]:
    """The quarters of a row of work in parts, each with the month whose restatement it waits for, if any."""
    at = row.first
    for month in frozen:
        low, high = max(month.first, at), min(month.until, row.until)
        if low < high and row.at is not None and row.at > month.at:
            if at < low:
                yield at, low, None
            yield low, high, month.period
            at = high
    if at < row.until:
        yield at, row.until, None


def _one(waiting: Iterable[Waiting]) -> Waiting:
    every = list(waiting)
    return every[0]._replace(
        first=min(one.first for one in every),
        until=max(one.until for one in every),
        at=max(one.at for one in every),
    )


def locked(quarter: int, frozen: Sequence[Frozen]) -> bool:
    """Whether the quarter lies in one of the locked months."""
    return any(month.first <= quarter < month.until for month in frozen)


def quarters(times: Iterable[Stretch]) -> list[Quarters]:
    """The quarters that any of ``times`` touches, in their order, neighbours as one."""
    found: list[Quarters] = []
    for start, end in sorted(times):
        first, until = start // QUARTER_MS, min(FOREVER, -(-end // QUARTER_MS))
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(until, found[-1][1])
        else:
            found.append((first, until))
    return found
