"""Days of the ledger kept in memory; the hours that a settlement has changed are read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.claims import load_stamps
from energy.configuration.estate import Estate, load_departed
from energy.configuration.recorded import Recorded, load_recorded
from energy.configuration.site import SiteOptions
from energy.proof.knowledge import Restated
from energy.reading.stand import Stand, load_changes, load_stands
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.line import HOUR
from energy.sums.sheet import LedgerRegister, Sheet, load_registers_of, load_sheet, settled_until
from energy.tables import LEDGER
from runtime.database import Database

KEPT_DAYS = 1500
"""Two sites for two years, about 100 MB with 20 meters each."""

_READ_DAYS = 8
"""Days read by one query; others have their turn between two."""


@dataclass(frozen=True)
class _Day:
    """One day as it was after so many ``changes``."""

    changes: int
    sheet: Sheet


class Shelf:
    """Sheets of whole days, never older than the :class:`Stand` that they are asked for with.

    ``but`` one locked month is known as if it were restated.
    """

    def __init__(self, database: Database, but: Restated | None = None) -> None:
        self._database, self._but = database, but
        self._days: OrderedDict[tuple[str, int], _Day] = OrderedDict()

    async def stands(self, sites: Sequence[str]) -> dict[str, Stand]:
        """How each of ``sites`` stands now."""
        async with self._database.read() as connection:
            return await load_stands(connection, sites, self._but)

    async def estate(self, configured: Mapping[str, SiteOptions]) -> Estate:
        """The ``configured`` sites and those that have left."""
        async with self._database.read() as connection:
            return Estate(configured, await load_departed(connection, configured))

    async def glance(
        self, configured: Mapping[str, SiteOptions]
    ) -> tuple[Estate, dict[str, Stand], Mapping[str, int]]:
        """All at one time: every site, how each stands, and the stamps of what they claim."""
        async with self._database.read() as connection:
            estate = Estate(configured, await load_departed(connection, configured))
            stands = await load_stands(connection, list(estate.sites), self._but)
            return estate, stands, await load_stamps(connection)

    async def look(self, stand: Stand, days: range) -> None:
        """Let ``stand`` know the changes of ``days`` (numbers since 1970)."""
        if days.start < stand.known_from:
            async with self._database.read() as connection:
                await load_changes(connection, {stand.site: stand}, days.start)

    async def sheet(self, stand: Stand, days: range) -> Sheet:
        """The ledger on ``days``, with the registers of ``stand``."""
        await self.look(stand, days)
        found = {day: kept.sheet for day in days if (kept := self._held(stand, day)) is not None}
        stale = [day for day in days if day not in found]
        if stale:
            async with self._database.read() as connection:
                for run in _runs(stale):
                    found |= await self._read(connection, stand, run)
        while len(self._days) > KEPT_DAYS:
            self._days.popitem(last=False)
        return _joined([found[day] for day in days], stand.registers, days.start * QUARTERS_A_DAY)

    async def recorded(self, site: str, as_of: datetime) -> tuple[int | None, Recorded]:
        """The quarter up to which a site was settled ``as_of`` a time, and what was recorded of it."""
        async with self._database.read() as connection:
            settled = await settled_until(connection, site, as_of)
            return settled, (await load_recorded(connection, [site], as_of))[site]

    async def sheet_as_of(
        self, site: str, days: range, as_of: datetime
    ) -> tuple[Sheet, int | None, Recorded]:
        """What was known ``as_of`` a time, from the database, and the quarter up to which it was settled."""
        async with self._database.read() as connection:
            recorded = (await load_recorded(connection, [site], as_of))[site]
            settled = await settled_until(connection, site, as_of)
            registers = (await load_registers_of(connection, {site: recorded.frozen}, as_of))[site]
            first, quarters = days.start * QUARTERS_A_DAY, len(days) * QUARTERS_A_DAY
            return await load_sheet(connection, registers, first, quarters, as_of), settled, recorded

    def _held(self, stand: Stand, day: int) -> _Day | None:
        """The day if it has not changed since it was read."""
        kept = self._days.get((stand.site, day))
        if (
            kept is None
            or kept.changes != stand.changes.get(day, 0)
            or not _same(kept.sheet, stand.registers)
        ):
            return None
        self._days.move_to_end((stand.site, day))
        return kept

    async def _read(self, connection: AsyncConnection, stand: Stand, days: range) -> dict[int, Sheet]:
        """Bring ``days`` up to date: an append-only hour that has as many rows as before has not changed."""
        kept = [self._days.get((stand.site, day)) for day in days]
        blank = Sheet.blank(stand.registers, 0, QUARTERS_A_DAY)
        known = [day.sheet if day and _same(day.sheet, stand.registers) else blank for day in kept]
        whole = _joined(known, stand.registers, days.start * QUARTERS_A_DAY)
        held = _revisions_by_hour(whole)
        hours = np.arange(len(held))
        if held.any():
            hours = np.flatnonzero(await _rows_by_hour(connection, whole) != held)
        if len(hours):
            first, until = HOUR * int(hours[0]), HOUR * (int(hours[-1]) + 1)
            read = await load_sheet(connection, stand.registers, whole.first + first, until - first)
            whole.amount[:, first:until] = read.amount
            whole.quality[:, first:until] = read.quality
            whole.revision[:, first:until] = read.revision
        sheets = {day: _one_day(whole, day) for day in days}
        for day, sheet in sheets.items():
            self._days[stand.site, day] = _Day(stand.changes.get(day, 0), sheet)
            self._days.move_to_end((stand.site, day))
        return sheets


def _same(sheet: Sheet, registers: Sequence[LedgerRegister]) -> bool:
    """Whether ``sheet`` was read with all of ``registers``: their rows tell nothing of a later one."""
    return len(sheet.registers) == len(registers)


def _joined(sheets: Sequence[Sheet], registers: Sequence[LedgerRegister], first: int) -> Sheet:
    """Days end to end, all of the same registers, which are told as they are now."""
    if not sheets:
        return Sheet.blank(registers, first, 0)
    return Sheet(
        first,
        tuple(registers),
        np.concatenate([sheet.amount for sheet in sheets], axis=1),
        np.concatenate([sheet.quality for sheet in sheets], axis=1),
        np.concatenate([sheet.revision for sheet in sheets], axis=1),
    )


async def _rows_by_hour(connection: AsyncConnection, sheet: Sheet) -> npt.NDArray[np.int64]:
    """How many rows the ledger has for each hour of ``sheet``."""
    hour, rows = (LEDGER.c.quarter // HOUR).label("hour"), func.count().label("rows")
    wanted = (
        select(hour, rows)
        .where(
            LEDGER.c.register.in_([r.id for r in sheet.registers]),
            LEDGER.c.quarter >= sheet.first,
            LEDGER.c.quarter < sheet.first + sheet.quarters,
        )
        .group_by(hour)
    )
    found = np.zeros(sheet.quarters // HOUR, dtype=np.int64)
    for row in await connection.execute(wanted):
        found[row.hour - sheet.first // HOUR] = row.rows
    return found


def _revisions_by_hour(sheet: Sheet) -> npt.NDArray[np.int64]:
    """How many rows were read: revisions of an interval are numbered 1, 2, 3 without a gap."""
    found: npt.NDArray[np.int64] = (
        sheet.revision.sum(axis=0, dtype=np.int64).reshape(-1, HOUR).sum(axis=1, dtype=np.int64)
    )
    return found


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
