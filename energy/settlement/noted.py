"""What the ledger already says of intervals whose energy is well known: decisions are written down once."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.tables import LEDGER

_AT_ONCE = 500
"""Intervals that one query asks for; databases bound the number of parameters."""

Told = Mapping[tuple[int, int], str]
"""Register and quarter -> what was decided there."""


async def unsaid(connection: AsyncConnection, told: Told) -> Told:
    """Those of ``told`` that the newest revision of their interval does not say."""
    if not told:
        return {}
    known: dict[tuple[int, int], str | None] = {}
    quarters = sorted({quarter for _, quarter in told})
    for start in range(0, len(quarters), _AT_ONCE):
        known |= await _reasons(
            connection, {register for register, _ in told}, quarters[start : start + _AT_ONCE]
        )
    return {place: words for place, words in told.items() if known.get(place) != words}


async def _reasons(
    connection: AsyncConnection, registers: Collection[int], quarters: Collection[int]
) -> dict[tuple[int, int], str | None]:
    wanted = (
        select(LEDGER.c.register, LEDGER.c.quarter, LEDGER.c.reason)
        .where(LEDGER.c.register.in_(sorted(registers)), LEDGER.c.quarter.in_(list(quarters)))
        .order_by(LEDGER.c.revision)
    )
    return {(row.register, row.quarter): row.reason for row in await connection.execute(wanted)}
