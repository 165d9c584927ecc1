"""The step after settlement: writes what stands in for consumption that no register tells.

Only consumption is estimated, never what would make a figure greener: no supply, export, battery or heat.
An estimate is made from measured intervals alone and is made anew when those change, so that the end does not
depend on the order in which readings came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.device import ENERGY, Device
from energy.configuration.era import Tenure
from energy.estimation.estimate import SHORT, WEEK, WEEKS, Backup, Estimate, Measured, estimate
from energy.estimation.reach import PATIENCE, SHIFT, merged, waiting
from energy.proof.cause import SERVICE
from energy.proof.writing import Order, Writing
from energy.settlement.readings import Span
from energy.settlement.registers import INTEGRATED, MISSING, OK, SUBSTITUTED, Intervals
from energy.settlement.revisions import Entry, Written, write
from energy.sums.sheet import LedgerRegister, load_sheet
from energy.tables import LEDGER
from telemetry.catalogue import COOLING, METER

Meter = tuple[LedgerRegister, Tenure]
"""A consumption meter's register, and when it was configured."""


def consuming(device: Device) -> bool:
    """Whether a device's energy is consumption, which may be estimated."""
    return device.measurement in (METER, COOLING)


@dataclass(frozen=True)
class Substitution:
    """Estimates for the ``meters`` of one site, by id; ``tz`` is where its weekdays begin."""

    meters: Mapping[str, Meter]
    tz: ZoneInfo

    async def entries(self, connection: AsyncConnection, wanted: Mapping[str, Sequence[Span]]) -> list[Entry]:
        """What to write: estimates that are new or differ, and gaps of which none can be made any more."""
        found: list[Entry] = []
        for name, quarters in (await self._gaps(connection, wanted)).items():
            found += await self._of(connection, name, quarters)
        return found

    async def _gaps(
        self, connection: AsyncConnection, wanted: Mapping[str, Sequence[Span]]
    ) -> dict[str, list[int]]:
        """The quarters of each meter, among ``wanted``, that ever were missing: few."""
        spans = merged(span for found in wanted.values() for span in found)
        names = {
            register.id: name for name, (register, _) in self.meters.items() if register.since is not None
        }
        gaps: dict[str, list[int]] = {}
        for span in spans if names else ():
            query = (
                select(LEDGER.c.register, LEDGER.c.quarter)
                .where(LEDGER.c.register.in_(list(names)), LEDGER.c.quality.in_((MISSING, SUBSTITUTED)))
                .where(LEDGER.c.quarter >= span.first, LEDGER.c.quarter < span.until)
                .distinct()
                .order_by(LEDGER.c.register, LEDGER.c.quarter)
            )
            for row in await connection.execute(query):
                name = names[row.register]
                if self._due(name, row.quarter, wanted[name]):
                    gaps.setdefault(name, []).append(row.quarter)
        return gaps

    def _due(self, name: str, quarter: int, spans: Iterable[Span]) -> bool:
        here = any(span.holds(quarter) for span in self.meters[name][1].spans)
        return here and any(span.holds(quarter) for span in spans)

    async def _of(self, connection: AsyncConnection, name: str, quarters: list[int]) -> list[Entry]:
        register, tenure = self.meters[name]
        span = Span(quarters[0] - WEEKS * WEEK - SHIFT, quarters[-1] + SHORT + 1)
        now, measured = await _read(connection, register, span)
        backup = await self._backup(connection, tenure.device, span)
        changes: dict[int, Estimate | None] = {}
        for quarter in quarters:
            if quarter in now:
                made = estimate(quarter, measured, self.tz, backup)
                if (None if made is None else made.wh) != now[quarter]:
                    changes[quarter] = made
        why = await _missing_for(connection, register, changes)
        return [_entry(register, quarter, made, why.get(quarter)) for quarter, made in changes.items()]

    async def _backup(self, connection: AsyncConnection, device: Device, span: Span) -> Backup | None:
        if device.backup is None or device.backup not in self.meters:
            return None
        _, measured = await _read(connection, self.meters[device.backup][0], span)
        return Backup(device.backup, measured)


async def _read(
    connection: AsyncConnection, register: LedgerRegister, span: Span
) -> tuple[dict[int, float | None], Measured]:
    """What stands in for each interval that is not known (None: nothing), and those that were measured."""
    sheet = await load_sheet(connection, [register], span.first, span.until - span.first)
    amount, quality = sheet.amount[0], sheet.quality[0]
    open_, known = (
        np.flatnonzero((quality == MISSING) | (quality == SUBSTITUTED)),
        (np.flatnonzero((quality == OK) | (quality == INTEGRATED))),
    )
    now = {span.first + i: None if np.isnan(amount[i]) else float(amount[i]) for i in open_.tolist()}
    return now, {span.first + i: float(amount[i]) for i in known.tolist()}


async def _missing_for(
    connection: AsyncConnection, register: LedgerRegister, quarters: Iterable[int]
) -> dict[int, str | None]:
    """Why each interval was missing, by its newest revision that says so."""
    chosen = list(quarters)
    if not chosen:
        return {}
    wanted = (
        select(LEDGER.c.quarter, LEDGER.c.reason)
        .where(LEDGER.c.register == register.id, LEDGER.c.quality == MISSING)
        .where(LEDGER.c.quarter >= min(chosen), LEDGER.c.quarter <= max(chosen))
        .order_by(LEDGER.c.revision)
    )
    return {row.quarter: row.reason for row in await connection.execute(wanted)}


def _entry(register: LedgerRegister, quarter: int, made: Estimate | None, why: str | None) -> Entry:
    """One interval with its estimate, or missing again."""
    lacking = why or "no reading arrived"
    wh, quality, reason = (
        (np.nan, MISSING, lacking)
        if made is None
        else (made.wh, SUBSTITUTED, f"{made.reason}; in place of: {lacking}")
    )
    intervals = Intervals(
        np.array([wh]), np.array([quality], dtype=np.int8), np.zeros(1, dtype=np.bool_), {0: reason}
    )
    return Entry(register, Span(quarter, quarter + 1), intervals, estimated=True)


async def estimate_anew(
    connection: AsyncConnection,
    substitution: Substitution,
    touched: Mapping[str, Sequence[Span]],
    writing: Writing,
) -> Written:
    """Write the estimates that are due after ``touched`` was settled, by meter, and by time alone."""
    line = writing.due - PATIENCE
    newly = Span(line if writing.watermark is None else writing.watermark - PATIENCE, line)
    devices = {name: tenure.device for name, (_, tenure) in substitution.meters.items()}
    own = {name: spans for name, spans in touched.items() if name in devices}
    entries = await substitution.entries(connection, waiting(devices, own, newly))
    told = replace(writing, late={}, order=writing.order or Order(SERVICE, "estimated as documented"))
    return await write(connection, entries, told)


def meters_of(
    tenures: Iterable[Tenure], registers: Mapping[tuple[str, str], Mapping[str, LedgerRegister]]
) -> dict[str, Meter]:
    """The consumption meters among ``tenures`` that have a register, by id."""
    found = {}
    for tenure in tenures:
        device = tenure.device
        register = registers.get((device.measurement.name, device.id), {}).get(ENERGY)
        if register is not None and consuming(device):
            found[device.id] = register, tenure
    return found
