"""How far around an interval the ledger is not sure of a register: what happened there may reach on.

A register whose unit has slipped, or that is stuck, tells of it where that began. Reading from there makes
the verdict on an interval the same, wherever a settlement starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.readings import REACH_MS, Span
from energy.registers import INTEGRATED, OK
from energy.sheet import NO_ROW, LedgerRegister, load_sheet

_FARTHEST = REACH_MS // QUARTER_MS


async def doubts(
    connection: AsyncConnection, registers: Sequence[LedgerRegister], span: Span
) -> Mapping[str, Span]:
    """By meter, ``span`` widened over all neighbouring intervals that are not well known, if any are."""
    told = [r for r in registers if r.register_since is not None]
    if not told:
        return {}
    before = await _unsure(connection, told, span.first - 1)
    after = await _unsure(connection, told, span.until)
    found: dict[str, Span] = {}
    for register in told:
        first, until = span.first, span.until
        if register.id in before:
            first = await _back(connection, register, span.first)
        if register.id in after:
            until = await _on(connection, register, span.until)
        if (first, until) != (span.first, span.until):
            wide = found.get(register.key[1], span)
            found[register.key[1]] = Span(min(first, wide.first), max(until, wide.until))
    return found


async def _unsure(
    connection: AsyncConnection, registers: Sequence[LedgerRegister], quarter: int
) -> frozenset[int]:
    sheet = await load_sheet(connection, registers, quarter, 1)
    unsure = ~np.isin(sheet.quality[:, 0], (OK, INTEGRATED, NO_ROW))
    return frozenset(r.id for r, doubtful in zip(registers, unsure.tolist(), strict=True) if doubtful)


async def _back(connection: AsyncConnection, register: LedgerRegister, quarter: int) -> int:
    first = max(quarter - _FARTHEST, register.since or 0)
    sheet = await load_sheet(connection, [register], first, max(quarter - first, 1))
    sure = np.flatnonzero(np.isin(sheet.quality[0], (OK, INTEGRATED)))
    return first + int(sure[-1]) + 1 if len(sure) else min(first, quarter)


async def _on(connection: AsyncConnection, register: LedgerRegister, quarter: int) -> int:
    sheet = await load_sheet(connection, [register], quarter, _FARTHEST)
    sure = np.flatnonzero(np.isin(sheet.quality[0], (OK, INTEGRATED, NO_ROW)))
    return quarter + int(sure[0]) if len(sure) else quarter + _FARTHEST
