"""Days of the ledger kept in memory, read again when a settlement has changed them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.revisions import QUARTERS_A_DAY
from energy.sheet import LedgerRegister, Sheet, load_registers, load_sheet, settled_until
from energy.tables import CHANGE
from runtime.database import Database

KEPT_DAYS = 1500
"""Two sites for two years, about 100 MB with 20 meters each."""

_READ_DAYS = 31
"""Days read by one query."""


class Shelf:
    """Sheets of whole days; whoever asks gets a consistent view, never older than the last settlement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._days: OrderedDict[tuple[str, int], tuple[int, Sheet]] = OrderedDict()

    async def sheet(self, site: str, days: range, as_of: datetime | None = None) -> tuple[Sheet, int | None]:
        """The ledger of ``site`` on ``days`` (numbers since 1970), and the quarter up to which it is settled.

        What was known ``as_of`` a time is read from the database.
        """
        async with self._database.read() as connection:
            settled = await settled_until(connection, site, as_of)
            registers = await load_registers(connection, site)
            first, quarters = days.start * QUARTERS_A_DAY, len(days) * QUARTERS_A_DAY
            if as_of is not None:
                return await load_sheet(connection, registers, first, quarters, as_of), settled
            sheets = await self._fresh(connection, site, days, registers)
        while len(self._days) > KEPT_DAYS:
            self._days.popitem(last=False)
        return _joined(sheets, registers, first), settled

    async def _fresh(
        self, connection: AsyncConnection, site: str, days: range, registers: Sequence[LedgerRegister]
    ) -> list[Sheet]:
        """The sheet of each day, those that have changed read again."""
        changes = await _changes(connection, site, days)
        stale = [day for day in days if self._stamp(site, day) != changes.get(day, 0)]
        for run in _runs(stale):
            read = await load_sheet(
                connection, registers, run.start * QUARTERS_A_DAY, len(run) * QUARTERS_A_DAY
            )
            for day in run:
                self._days[site, day] = (changes.get(day, 0), _one_day(read, day))
        for day in days:
            self._days.move_to_end((site, day))
        return [self._days[site, day][1] for day in days]

    def _stamp(self, site: str, day: int) -> int | None:
        kept = self._days.get((site, day))
        return None if kept is None else kept[0]


def _joined(sheets: Sequence[Sheet], registers: Sequence[LedgerRegister], first: int) -> Sheet:
    """Days end to end; a register that a day does not know had nothing settled on it."""
    whole = Sheet.blank(registers, first, len(sheets) * QUARTERS_A_DAY)
    line = {register.id: number for number, register in enumerate(registers)}
    for number, sheet in enumerate(sheets):
        rows = [line[register.id] for register in sheet.registers]
        part = slice(number * QUARTERS_A_DAY, (number + 1) * QUARTERS_A_DAY)
        whole.amount[rows, part] = sheet.amount
        whole.quality[rows, part] = sheet.quality
        whole.revision[rows, part] = sheet.revision
    return whole


async def _changes(connection: AsyncConnection, site: str, days: range) -> Mapping[int, int]:
    wanted = select(CHANGE.c.day, CHANGE.c.changes).where(
        CHANGE.c.site == site, CHANGE.c.day >= days.start, CHANGE.c.day < days.stop
    )
    return {row.day: row.changes for row in await connection.execute(wanted)}


def _runs(days: Sequence[int]) -> Iterable[range]:
    start = 0
    for end in range(1, len(days) + 1):
        broken = end == len(days) or days[end] != days[end - 1] + 1
        if broken or end - start == _READ_DAYS:
            yield range(days[start], days[end - 1] + 1)
            start = end


def _one_day(sheet: Sheet, day: int) -> Sheet:
    first = day * QUARTERS_A_DAY
    part = slice(first - sheet.first, first - sheet.first + QUARTERS_A_DAY)
    return Sheet(
        first,
        sheet.registers,
        sheet.amount[:, part].copy(),
        sheet.quality[:, part].copy(),
        sheet.revision[:, part].copy(),
    )
