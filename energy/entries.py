"""The rows of the ledger themselves, as people and auditors read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.device import VOLUME
from energy.figures import LedgerRow
from energy.interval import QUARTER_MS
from energy.registers import QUALITIES
from energy.tables import LEDGER, REGISTER
from runtime.clock import from_ms


async def ledger_rows(
    connection: AsyncConnection,
    sites: Sequence[str],
    quarters: tuple[int, int],
    chosen: tuple[str | None, datetime | None],
) -> list[LedgerRow]:
    """Energy rows of ``sites`` by site, meter, channel and time: the newest revision of each interval.

    ``chosen`` is the meter (None: all) and the time as of which to read (None: now). Water is left out, as it
    is no energy.
    """
    meter, as_of = chosen
    wanted = (
        select(REGISTER.c.site, REGISTER.c.meter, REGISTER.c.channel, LEDGER)
        .join(LEDGER, LEDGER.c.register == REGISTER.c.id)
        .where(REGISTER.c.site.in_(sites), REGISTER.c.channel != VOLUME)
        .where(LEDGER.c.quarter >= quarters[0], LEDGER.c.quarter < quarters[1])
        .order_by(
            REGISTER.c.site, REGISTER.c.meter, REGISTER.c.channel, LEDGER.c.register, LEDGER.c.quarter,
            LEDGER.c.revision,
        )
    )  # fmt: skip
    if meter is not None:
        wanted = wanted.where(REGISTER.c.meter == meter)
    if as_of is not None:
        wanted = wanted.where(LEDGER.c.settled_at <= as_of)
    newest = {(r.register, r.quarter): r for r in await connection.execute(wanted)}
    return [
        LedgerRow(
            site=r.site,
            meter=r.meter,
            channel=r.channel,
            start=from_ms(r.quarter * QUARTER_MS),
            energy_wh=None if r.amount is None else float(r.amount),
            quality=QUALITIES[r.quality],
            revision=r.revision,
            reason=r.reason,
        )
        for r in newest.values()
    ]
