"""What readings and corrections say of a locked month: kept until a restatement applies it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.tables import CAUSE, PENDING
from energy.registers import MISSING
from energy.sheet import Sheet
from energy.tables import LEDGER, REGISTER, insert_into

_Row = Mapping[str, Any]

_KEPT = ("register", "quarter", "amount", "quality", "reason")


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
    connection: AsyncConnection, sites: Collection[str], quarters: tuple[int, int] | None = None
) -> Sequence[Waiting]:
    """What waits for ``sites``, in some quarters or in all, by register and time."""
    wanted = (
        select(PENDING, REGISTER.c.measurement, REGISTER.c.meter, REGISTER.c.channel)
        .add_columns(CAUSE.c.reason.label("why"), CAUSE.c.at.label("known_at"))
        .join(REGISTER, REGISTER.c.id == PENDING.c.register)
        .join(CAUSE, CAUSE.c.id == PENDING.c.cause)
        .where(PENDING.c.site.in_(sites))
        .order_by(PENDING.c.register, PENDING.c.quarter)
    )
    if quarters is not None:
        wanted = wanted.where(PENDING.c.quarter >= quarters[0], PENDING.c.quarter < quarters[1])
    return [Waiting(**row._mapping) for row in await connection.execute(wanted)]


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


async def keep(connection: AsyncConnection, known: Sheet, site: str, rows: Sequence[_Row]) -> None:
    """Let ``rows`` of the ledger's form wait; what is as the ledger says by now waits no longer."""
    line = {register.id: number for number, register in enumerate(known.registers)}
    back: list[_Row] = []
    new: list[_Row] = []
    for row in rows:
        where = line[row["register"]], row["quarter"] - known.first
        amount = None if np.isnan(known.amount[where]) else int(known.amount[where])
        same = (amount, int(known.quality[where])) == (row["amount"], row["quality"])
        (back if same else new).append(row)
    if new:
        statement = insert_into(connection, PENDING)
        changed = {name: statement.excluded[name] for name in (*_KEPT[2:], "cause")}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["register", "quarter"], set_=changed),
            [{name: row[name] for name in (*_KEPT, "cause")} | {"site": site} for row in new],
        )
    if back:
        await forget(connection, [(row["register"], row["quarter"]) for row in back])


async def forget(connection: AsyncConnection, intervals: Sequence[tuple[int, int]]) -> None:
    """Intervals, by register and quarter, that wait no longer."""
    gone = delete(PENDING).where(
        PENDING.c.register == bindparam("gone_register"), PENDING.c.quarter == bindparam("gone_quarter")
    )
    if intervals:
        await connection.execute(gone, [{"gone_register": r, "gone_quarter": q} for r, q in intervals])


def ledger_of(waiting: Waiting, revision: int, at: datetime, cause: int) -> dict[str, Any]:
    """The row of ``energy_ledger`` by which a restatement applies it."""
    names = {column.name for column in LEDGER.columns}
    row = {name: value for name, value in vars(waiting).items() if name in names}
    return row | {"revision": revision, "settled_at": at, "cause": cause}
