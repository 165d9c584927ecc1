"""Every revision of the ledger's rows in some intervals, each with what caused it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.figures import Quality
from energy.interval import QUARTER_MS
from energy.proof.tables import CAUSE
from energy.settlement.registers import QUALITIES
from energy.tables import LEDGER, REGISTER
from runtime.clock import from_ms


@dataclass(frozen=True)
class Entry:
    """One row of the ledger as it was written: ``amount`` in Wh, of water in litres, None where not known.

    ``measurement`` and ``meter`` name the device; ``kind``, ``who`` and ``why`` tell the cause, None where
    that was not kept yet. ``newest`` is the revision that counts.
    """

    site: str
    measurement: str
    meter: str
    channel: str
    start: datetime
    revision: int
    amount: int | None
    quality: Quality
    reason: str | None
    settled_at: datetime
    kind: str | None
    who: str | None
    why: str | None
    newest: bool


async def load_trail(
    connection: AsyncConnection,
    sites: Collection[str],
    quarters: tuple[int, int],
    as_of: datetime | None = None,
) -> list[Entry]:
    """By site, device, channel, time and revision; only what was known ``as_of``."""
    wanted = (
        select(REGISTER.c.site, REGISTER.c.measurement, REGISTER.c.meter, REGISTER.c.channel, LEDGER)
        .add_columns(CAUSE.c.kind, CAUSE.c.who, CAUSE.c.reason.label("why"))
        .join(LEDGER, LEDGER.c.register == REGISTER.c.id)
        .outerjoin(CAUSE, CAUSE.c.id == LEDGER.c.cause)
        .where(REGISTER.c.site.in_(sites))
        .where(LEDGER.c.quarter >= quarters[0], LEDGER.c.quarter < quarters[1])
        .order_by(REGISTER.c.site, REGISTER.c.measurement, REGISTER.c.meter, REGISTER.c.channel)
        .order_by(LEDGER.c.quarter, LEDGER.c.revision)
    )
    if as_of is not None:
        wanted = wanted.where(LEDGER.c.settled_at <= as_of)
    rows = list(await connection.execute(wanted))
    last = {(row.register, row.quarter): row.revision for row in rows}
    return [_entry(row, last[row.register, row.quarter]) for row in rows]


def _entry(row: Row[Any], newest: int) -> Entry:
    return Entry(
        site=row.site,
        measurement=row.measurement,
        meter=row.meter,
        channel=row.channel,
        start=from_ms(row.quarter * QUARTER_MS),
        revision=row.revision,
        amount=row.amount,
        quality=QUALITIES[row.quality],
        reason=row.reason,
        settled_at=row.settled_at,
        kind=row.kind,
        who=row.who,
        why=row.why,
        newest=row.revision == newest,
    )
