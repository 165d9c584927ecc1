"""The ledger of one site over a range of quarter-hours, in arrays: what figures are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.device import EXPORT, Device
from energy.interval import QUARTER_MS
from energy.proof.knowledge import Frozen
from energy.settlement.registers import MISSING
from energy.sums.held import Quarters, load_held, source
from energy.tables import LEDGER, REGISTER, SETTLEMENT, insert_into
from runtime.clock import to_ms
from telemetry.frame import Floats

RegisterKey = tuple[str, str, str]
"""Measurement, meter, channel."""

_QUALITY, _PLACE = 1 << 20, 1 << 24
"""Up to a million revisions are below the quality of an interval, and both below its place in a sheet."""

NO_ROW = -1
"""Quality of an interval that was never settled."""


@dataclass(frozen=True)
class LedgerRegister:
    """One register that the ledger keeps.

    ``expected_from`` is the quarter up to which its site was settled when it was first configured: before
    that the site was accounted without it. None: it was there from the first. In the quarters ``held`` it is
    not known yet that it told what leaves the site.
    """

    id: int
    key: RegisterKey
    register_since: datetime | None
    power_since: datetime | None
    expected_from: int | None = None
    held: tuple[Quarters, ...] = ()

    @property
    def since(self) -> int | None:
        """The quarter of its first reading."""
        known = [at for at in (self.register_since, self.power_since) if at is not None]
        return to_ms(min(known)) // QUARTER_MS if known else None

    @property
    def begins(self) -> int:
        """The quarter from which it is expected; an export register is from its first reading on."""
        own = (self.since or 0) if self.key[2] == EXPORT else 0
        return max(own, self.expected_from or 0)

    def begun(self, at: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        """Whether it is expected, in each of the quarters ``at``."""
        begun: npt.NDArray[np.bool_] = at >= self.begins
        return begun & self._known(at) if self.key[2] == EXPORT else begun

    def exporting(self, at: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        """Whether it tells what leaves the site, itself or by power, in each of the quarters ``at``."""
        if self.key[2] == EXPORT:
            return self.begun(at)
        if self.power_since is None:
            return np.zeros(len(at), dtype=np.bool_)
        return (at >= to_ms(self.power_since) // QUARTER_MS) & self._known(at)

    def _known(self, at: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        known = np.ones(len(at), dtype=np.bool_)
        for first, until in self.held:
            known &= (at < first) | (until <= at)
        return known


@dataclass(frozen=True)
class Sheet:
    """``n`` quarters from number ``first`` on; one row of arrays per register.

    Attributes:
        amount: float64[registers, n], Wh (water: litres), NaN where not known.
        quality: int8[registers, n], index into :data:`energy.settlement.registers.QUALITIES` or
            :data:`NO_ROW`.
        revision: int32[registers, n], 0 where nothing was settled.
    """

    first: int
    registers: tuple[LedgerRegister, ...]
    amount: Floats
    quality: npt.NDArray[np.int8]
    revision: npt.NDArray[np.int32]

    @property
    def quarters(self) -> int:
        """How many quarters it spans."""
        return int(self.amount.shape[1])

    def part(self, first: int, until: int) -> Sheet:
        """Its quarters ``first <= q < until``, which it holds; nothing is copied."""
        own = slice(first - self.first, until - self.first)
        amount, quality, revision = self.amount[:, own], self.quality[:, own], self.revision[:, own]
        return Sheet(first, self.registers, amount, quality, revision)

    @cached_property
    def lines(self) -> Mapping[RegisterKey, int]:
        """In which row each register is."""
        return {register.key: number for number, register in enumerate(self.registers)}

    @classmethod
    def blank(cls, registers: Sequence[LedgerRegister], first: int, quarters: int) -> Sheet:
        """Nothing settled yet."""
        shape = (len(registers), quarters)
        return cls(
            first,
            tuple(registers),
            np.full(shape, np.nan),
            np.full(shape, NO_ROW, dtype=np.int8),
            np.zeros(shape, dtype=np.int32),
        )


async def load_registers(connection: AsyncConnection, site: str) -> list[LedgerRegister]:
    """Every register of ``site`` that the ledger ever kept, also of meters no longer configured."""
    return (await load_registers_of(connection, {site: ()}))[site]


async def load_registers_of(
    connection: AsyncConnection, frozen: Mapping[str, Sequence[Frozen]], as_of: datetime | None = None
) -> dict[str, list[LedgerRegister]]:
    """Those of each site, ``held`` as its ``frozen`` months are, or ``as_of`` a time."""
    wanted = select(REGISTER).where(REGISTER.c.site.in_(list(frozen))).order_by(REGISTER.c.id)
    found: dict[str, list[LedgerRegister]] = {site: [] for site in frozen}
    held = await load_held(connection, frozen, as_of)
    for r in await connection.execute(wanted):
        key = r.measurement, r.meter, r.channel
        dates, own = (r.register_since, r.power_since, r.expected_from), held.get((r.site, source(key)), ())
        found[r.site].append(LedgerRegister(r.id, key, *dates, own))
    return found


async def expect(connection: AsyncConnection, found: Sequence[Device]) -> None:
    """Keep every register of ``found`` that is required, from where its site is settled now."""
    known = set()
    for site in {device.site for device in found}:
        known |= {(site, *register.key) for register in await load_registers(connection, site)}
    rows = [
        {"site": d.site, "measurement": d.measurement.name, "meter": d.id, "channel": c.name}
        for d in found
        for c in d.channels
        if c.required and (d.site, d.measurement.name, d.id, c.name) not in known
    ]
    until = {site: await settled_until(connection, site) for site in {row["site"] for row in rows}}
    if rows:
        await connection.execute(
            insert_into(connection, REGISTER).on_conflict_do_nothing(),
            [{**row, "expected_from": until[row["site"]]} for row in rows],
        )


async def settled_until(connection: AsyncConnection, site: str, as_of: datetime | None = None) -> int | None:
    """The quarter before which every interval of ``site`` was settled (by ``as_of``); None at first."""
    wanted = select(func.max(SETTLEMENT.c.until)).where(SETTLEMENT.c.site == site)
    if as_of is not None:
        wanted = wanted.where(SETTLEMENT.c.settled_at <= as_of)
    found = await connection.scalar(wanted)
    return None if found is None else int(found)


async def load_sheet(
    connection: AsyncConnection,
    registers: Sequence[LedgerRegister],
    first: int,
    quarters: int,
    as_of: datetime | None = None,
) -> Sheet:
    """The newest revisions, or those that were the newest at ``as_of``."""
    sheet = Sheet.blank(registers, first, quarters)
    columns = LEDGER.c
    place = cast(columns.quarter - first, BigInteger) * _PLACE + cast(columns.quality, BigInteger) * _QUALITY
    packed = cast(place + columns.revision, Text), func.coalesce(cast(columns.amount, Text), "nan")
    # One row for each register, in text, is read in a quarter of the time that one for each interval takes.
    wanted = (
        select(columns.register, *(func.aggregate_strings(column, " ") for column in packed))
        .where(
            columns.register.in_([r.id for r in registers]),
            columns.quarter >= first,
            columns.quarter < first + quarters,
        )
        .group_by(columns.register)
    )
    if as_of is not None:
        wanted = wanted.where(columns.settled_at <= as_of)
    line = {r.id: number for number, r in enumerate(registers)}
    for register, told, amounts in await connection.execute(wanted):
        _lay(sheet, line[register], np.fromstring(told, sep=" "), np.fromstring(amounts, sep=" "))
    return sheet


def _lay(sheet: Sheet, line: int, packed: Floats, amount: Floats) -> None:
    """Write the rows of one register into its ``line``, in any order: place, quality and revision, packed."""
    told = packed.astype(np.int64)
    revision = told % _QUALITY
    if revision.max() > 1:
        # Assignment in order of revision: the newest of an interval comes last and stays.
        order = np.argsort(revision, kind="stable")
        told, revision, amount = told[order], revision[order], amount[order]
    where, quality = told // _PLACE, told % _PLACE // _QUALITY
    sheet.amount[line, where] = np.where(quality == MISSING, np.nan, amount)
    sheet.quality[line, where] = quality
    sheet.revision[line, where] = revision
