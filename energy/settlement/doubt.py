"""How far around a span the ledger names an error that reaches on: another unit, or a register that is stuck.

Of these a reading tells only where they began and ended. Reading from there makes the verdict on an interval
the same, wherever a settlement starts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.counting.frozen import FROZEN
from energy.counting.scale import ERROR
from energy.interval import QUARTER_MS
from energy.settlement.readings import REACH_MS, Span
from energy.sums.sheet import LedgerRegister
from energy.tables import LEDGER

_FARTHEST = REACH_MS // QUARTER_MS


async def doubts(
    connection: AsyncConnection, registers: Sequence[LedgerRegister], span: Span
) -> Mapping[str, Span]:
    """By meter, ``span`` widened over the neighbouring intervals that such an error reaches, if any."""
    names = {r.id: r.key[1] for r in registers if r.register_since is not None}
    beside = (span.first - 1, span.until)
    near = await _errors(connection, list(names), beside) if names else set()
    found: dict[str, Span] = {}
    for register in {register for register, _ in near}:
        far = span.first - _FARTHEST, span.until + _FARTHEST
        reached = {quarter for _, quarter in await _errors(connection, [register], far, between=True)}
        wide = found.get(names[register], span)
        first, until = _around(span, reached)
        found[names[register]] = Span(min(first, wide.first), max(until, wide.until))
    return found


def _around(span: Span, reached: Collection[int]) -> tuple[int, int]:
    """The ends of ``span`` moved on as long as the quarters beside them are ``reached``."""
    first, until = span.first, span.until
    while first - 1 in reached:
        first -= 1
    while until in reached:
        until += 1
    return first, until


async def _errors(
    connection: AsyncConnection, registers: Sequence[int], quarters: tuple[int, int], between: bool = False
) -> set[tuple[int, int]]:
    """Register and quarter of the intervals of which the newest revision names such an error.

    Of the two ``quarters``, or of all from the one ``between`` them and the other.
    """
    columns = LEDGER.c
    where = columns.quarter.between(*quarters) if between else columns.quarter.in_(quarters)
    wanted = select(columns.register, columns.quarter, columns.reason).where(
        columns.register.in_(registers), where
    )
    rows = await connection.execute(wanted.order_by(columns.revision))
    newest = {(row.register, row.quarter): row.reason or "" for row in rows}
    return {place for place, reason in newest.items() if ERROR in reason or FROZEN in reason}
