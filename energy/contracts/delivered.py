"""Rows of the ledger from delivered volumes: what no file tells of is missing, never 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.device import ENERGY
from energy.configuration.era import Tenure
from energy.contracts.tables import FILE, VOLUME
from energy.proof.writing import Order
from energy.settlement.readings import Span
from energy.settlement.registers import OK, Intervals
from energy.settlement.revisions import Entry
from energy.sums.sheet import LedgerRegister

UNTOLD = "no file tells of it"

Registers = Mapping[tuple[str, str], Mapping[str, LedgerRegister]]
"""All of a site: measurement and id of a device -> channel name -> its register."""


async def delivered(
    connection: AsyncConnection, tenure: Tenure, registers: Registers, span: Span
) -> tuple[list[Entry], Order | None]:
    """The intervals of a device in ``span``, and by whom and why: as the newest file tells of it.

    None of nobody, where no file tells of the span. Before the first reading of its site nothing is: by
    volume, it would cover the load of later days.
    """
    device = tenure.device
    since = [one.since for own in registers.values() for one in own.values() if one.since is not None]
    span = Span(max(span.first, min(since, default=span.until)), span.until)
    wanted = (
        select(VOLUME, FILE.c.name, FILE.c.who, FILE.c.reason, FILE.c.sha256)
        .join(FILE, FILE.c.id == VOLUME.c.file)
        .where(VOLUME.c.site == device.site, VOLUME.c.supply == device.id)
        .where(VOLUME.c.quarter >= span.first, VOLUME.c.quarter < span.until)
        .order_by(VOLUME.c.version)
    )
    newest = {row.quarter: row for row in await connection.execute(wanted)}
    register = registers[device.measurement.name, device.id][ENERGY]
    entries = [Entry(register, part, _intervals(part, newest)) for part in tenure.within(span)]
    return entries, _order(device.id, list(newest.values()))


def _intervals(span: Span, newest: Mapping[int, Row[Any]]) -> Intervals:
    found = Intervals.empty(span.until - span.first, UNTOLD)
    for place in range(len(found.amount)):
        row = newest.get(span.first + place)
        if row is not None:
            found.amount[place], found.quality[place], found.absent[place] = row.amount, OK, False
            version = "" if row.version == 1 else f", version {row.version}"
            found.reasons[place] = f"{row.name}, line {row.line}{version}"
    return found


def _order(supply: str, rows: Sequence[Row[Any]]) -> Order | None:
    if not rows:
        return None
    last = max(rows, key=lambda row: row.file)
    because = f": {last.reason}" if last.reason else ""
    return Order(last.who, f"{supply}: {last.name} (SHA-256 {last.sha256[:12]}){because}")
