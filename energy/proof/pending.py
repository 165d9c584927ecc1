"""What readings and corrections say of a locked month: kept until a restatement applies it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Select, Table, bindparam, delete, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.tables import CAUSE, PENDING, WAITED
from energy.settlement.registers import MISSING
from energy.sums.sheet import Sheet
from energy.tables import LEDGER, REGISTER, insert_into

_Row = Mapping[str, Any]

_KEPT = ("register", "quarter", "amount", "quality", "reason")

_ONE = (PENDING.c.register == bindparam("of_register"), PENDING.c.quarter == bindparam("of_quarter"))


@dataclass(frozen=True)
class Waiting:
    """One interval of a locked month that would change; amounts in Wh (of water litres), None is not known.

    ``why`` is what its cause says.
    """

    register: int
    quarter: int
    site: str
    measurement: str
    meter: str
    channel: str
    amount: int | None
    quality: int
    reason: str | None
    cause: int
    why: str
    known_at: datetime


async def load_pending(
    connection: AsyncConnection,
    sites: Collection[str],
    quarters: tuple[int, int] | None = None,
    as_of: datetime | None = None,
) -> Sequence[Waiting]:
    """What waits for ``sites``, or waited ``as_of`` a time, in some quarters or all, by register and time."""
    rows = list(await connection.execute(_wanted(PENDING, sites, quarters, as_of)))
    if as_of is not None:
        rows += await connection.execute(
            _wanted(WAITED, sites, quarters, as_of).where(WAITED.c.ended_at > as_of)
        )
    return sorted((Waiting(**row._mapping) for row in rows), key=lambda one: (one.register, one.quarter))


def _wanted(
    table: Table, sites: Collection[str], quarters: tuple[int, int] | None, as_of: datetime | None
) -> Select[Any]:
    wanted = (
        select(*(table.c[name] for name in (*_KEPT, "site", "cause")))
        .add_columns(REGISTER.c.measurement, REGISTER.c.meter, REGISTER.c.channel)
        .add_columns(CAUSE.c.reason.label("why"), CAUSE.c.at.label("known_at"))
        .join(REGISTER, REGISTER.c.id == table.c.register)
        .join(CAUSE, CAUSE.c.id == table.c.cause)
        .where(table.c.site.in_(sites))
    )
    if quarters is not None:
        wanted = wanted.where(table.c.quarter >= quarters[0], table.c.quarter < quarters[1])
    return wanted if as_of is None else wanted.where(CAUSE.c.at <= as_of)


async def with_pending(connection: AsyncConnection, known: Sheet, locked: Sequence[tuple[int, int]]) -> Sheet:
    """``known`` with what waits laid over its ``locked`` quarters: what a new finding is compared with."""
    if not locked:
        return known
    line = {register.id: number for number, register in enumerate(known.registers)}
    wanted = select(PENDING).where(
        PENDING.c.register.in_(list(line)),
        PENDING.c.quarter >= locked[0][0],
        PENDING.c.quarter < locked[-1][1],
    )
    laid = Sheet(known.first, known.registers, known.amount.copy(), known.quality.copy(), known.revision)
    for row in await connection.execute(wanted):
        where = line[row.register], row.quarter - known.first
        laid.amount[where] = np.nan if row.quality == MISSING or row.amount is None else row.amount
        laid.quality[where] = row.quality
    return laid


async def keep(
    connection: AsyncConnection, known: Sheet, site: str, rows: Sequence[_Row], at: datetime
) -> None:
    """Let ``rows`` of the ledger's form wait from ``at`` on; what is as the ledger says waits no longer."""
    line = {register.id: number for number, register in enumerate(known.registers)}
    back: list[_Row] = []
    new: list[_Row] = []
    for row in rows:
        where = line[row["register"]], row["quarter"] - known.first
        amount = None if np.isnan(known.amount[where]) else int(known.amount[where])
        same = (amount, int(known.quality[where])) == (row["amount"], row["quality"])
        (back if same else new).append(row)
    if new:
        await _end(connection, [(row["register"], row["quarter"]) for row in new], at)
        statement = insert_into(connection, PENDING)
        changed = {name: statement.excluded[name] for name in (*_KEPT[2:], "cause")}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["register", "quarter"], set_=changed),
            [{name: row[name] for name in (*_KEPT, "cause")} | {"site": site} for row in new],
        )
    if back:
        await forget(connection, [(row["register"], row["quarter"]) for row in back], at)


async def forget(connection: AsyncConnection, intervals: Sequence[tuple[int, int]], at: datetime) -> None:
    """Intervals, by register and quarter, that wait no longer from ``at`` on."""
    if intervals:
        await _end(connection, intervals, at)
        await connection.execute(delete(PENDING).where(*_ONE), _named(intervals))


async def _end(connection: AsyncConnection, intervals: Sequence[tuple[int, int]], at: datetime) -> None:
    """Note of what waits for the intervals, if anything does, that it did so until ``at``."""
    names = (*_KEPT, "site", "cause")
    found = select(*(PENDING.c[name] for name in names), literal(at, WAITED.c.ended_at.type)).where(*_ONE)
    await connection.execute(insert(WAITED).from_select([*names, "ended_at"], found), _named(intervals))


def _named(intervals: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"of_register": register, "of_quarter": quarter} for register, quarter in intervals]


def ledger_of(waiting: Waiting, revision: int, at: datetime, cause: int) -> dict[str, Any]:
    """The row of ``energy_ledger`` by which a restatement applies it."""
    names = {column.name for column in LEDGER.columns}
    row = {name: value for name, value in vars(waiting).items() if name in names}
    return row | {"revision": revision, "settled_at": at, "cause": cause}
