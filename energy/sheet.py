"""The ledger of one site over a range of quarter-hours, in arrays: what figures are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.registers import MISSING
from energy.tables import LEDGER, REGISTER
from runtime.clock import to_ms
from telemetry.frame import Floats

RegisterKey = tuple[str, str, str]
"""Measurement, meter, channel."""

NO_ROW = -1
"""Quality of an interval that was never settled."""


@dataclass(frozen=True)
class LedgerRegister:
    """One register that the ledger keeps; it is expected from quarter ``since`` on, None is from ever."""

    id: int
    key: RegisterKey
    register_since: datetime | None
    power_since: datetime | None

    @property
    def since(self) -> int | None:
        """The quarter of its first reading."""
        known = [at for at in (self.register_since, self.power_since) if at is not None]
        return to_ms(min(known)) // QUARTER_MS if known else None


@dataclass(frozen=True)
class Sheet:
    """``n`` quarters from number ``first`` on; one row of arrays per register.

    Attributes:
        amount: float64[registers, n], Wh (water: litres), NaN where not known.
        quality: int8[registers, n], index into :data:`energy.registers.QUALITIES` or :data:`NO_ROW`.
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
    found = await connection.execute(select(REGISTER).where(REGISTER.c.site == site).order_by(REGISTER.c.id))
    return [
        LedgerRegister(r.id, (r.measurement, r.meter, r.channel), r.register_since, r.power_since)
        for r in found
    ]


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
    wanted = select(columns.register, columns.quarter, columns.revision, columns.amount, columns.quality)
    wanted = wanted.where(
        columns.register.in_([r.id for r in registers]),
        columns.quarter >= first,
        columns.quarter < first + quarters,
    ).order_by(columns.register, columns.quarter, columns.revision)
    if as_of is not None:
        wanted = wanted.where(columns.settled_at <= as_of)
    rows = (await connection.execute(wanted)).all()
    if not rows:
        return sheet
    register, quarter, revision, amount, quality = (
        np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)
    )
    line = {r.id: number for number, r in enumerate(registers)}
    where = np.array([line[int(r)] for r in register]), quarter.astype(np.int64) - first
    # Assignment in order of revision: the newest of an interval comes last and stays.
    sheet.amount[where] = np.where(quality == MISSING, np.nan, amount)
    sheet.quality[where] = quality.astype(np.int8)
    sheet.revision[where] = revision.astype(np.int32)
    return sheet
