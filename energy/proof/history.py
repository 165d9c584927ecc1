"""The revisions of a period: what changed its figures after they were first settled, and by how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.proof.cause import Cause, Kind, load_causes
from energy.proof.past import AGAIN
from energy.proof.tables import CAUSE
from energy.tables import LEDGER, REGISTER
from runtime.clock import from_ms

TOLD: tuple[Kind, ...] = (*AGAIN, "pending", "lock")
"""What a list of revisions names: all but first settlements."""


@dataclass(frozen=True)
class Change:
    """What a revision did to one register within the period: Wh (of water, litres) more or less.

    Intervals that were not known count as 0 before, those that are known no more as 0 after.
    """

    meter: str
    channel: str
    intervals: int
    difference: int


@dataclass(frozen=True)
class Revision:
    """One cause: ``start`` and ``end`` are what it touches, ``changes`` its rows in the period asked for."""

    cause: int
    site: str
    kind: Kind
    who: str
    reason: str
    at: datetime
    start: datetime
    end: datetime
    changes: Sequence[Change]


async def load_revisions(
    connection: AsyncConnection,
    sites: Collection[str],
    quarters: tuple[int, int],
    as_of: datetime | None = None,
    most: int | None = None,
) -> list[Revision]:
    """Those of ``sites`` that touch the quarters and were known ``as_of``, the newest first.

    What they changed is worked out for the newest ``most`` of them, or for all.
    """
    causes = await load_causes(connection, sites, quarters, TOLD, as_of)
    newest = causes[-most:] if most else causes
    changes: Mapping[int, list[Change]] = {}
    if newest:
        changes = await _changes(connection, sites, quarters, newest[0].id)
    return [_revision(cause, changes.get(cause.id, ())) for cause in reversed(causes)]


def _revision(cause: Cause, changes: Sequence[Change]) -> Revision:
    start, end = (from_ms(quarter * QUARTER_MS) for quarter in (cause.first, cause.until))
    return Revision(
        cause.id, cause.site, cause.kind, cause.who, cause.reason, cause.at, start, end, tuple(changes)
    )


async def _changes(
    connection: AsyncConnection, sites: Collection[str], quarters: tuple[int, int], first: int
) -> Mapping[int, list[Change]]:
    found: dict[int, list[Change]] = defaultdict(list)
    for row in await connection.execute(_differences(sites, quarters, first)):
        found[row.cause].append(Change(row.meter, row.channel, row.intervals, int(row.after - row.before)))
    return found


def _differences(sites: Collection[str], quarters: tuple[int, int], first: int) -> Select[Any]:
    """By cause and register: how many rows it wrote, and what they and the rows before them amount to.

    Causes numbered below ``first`` are not told.
    """
    new, old = LEDGER.alias("new"), LEDGER.alias("old")
    same = (old.c.register == new.c.register) & (old.c.quarter == new.c.quarter)
    return (
        select(
            new.c.cause, REGISTER.c.meter, REGISTER.c.channel, func.count().label("intervals"),
            func.coalesce(func.sum(new.c.amount), 0).label("after"),
            func.coalesce(func.sum(old.c.amount), 0).label("before"),
        )
        .select_from(new)
        .join(REGISTER, REGISTER.c.id == new.c.register)
        .join(CAUSE, CAUSE.c.id == new.c.cause)
        .outerjoin(old, same & (old.c.revision == new.c.revision - 1))
        .where(REGISTER.c.site.in_(sites), CAUSE.c.kind != "settlement", new.c.cause >= first)
        .where(new.c.quarter >= quarters[0], new.c.quarter < quarters[1])
        .group_by(new.c.cause, REGISTER.c.meter, REGISTER.c.channel)
        .order_by(new.c.cause, REGISTER.c.meter, REGISTER.c.channel)
    )  # fmt: skip
