"""The rows of the ledger themselves, as people and auditors read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.device import VOLUME
from energy.figures import LedgerRow, State
from energy.interval import QUARTER_MS
from energy.proof.month_lock import Lock
from energy.proof.past import held, locked_by_site, past_window, state_of
from energy.proof.reach import Reach
from energy.settlement.registers import QUALITIES
from energy.tables import LEDGER, REGISTER
from runtime.clock import from_ms, to_ms


@dataclass(frozen=True)
class Standing:
    """The quarter to which each site is settled (None: not at all), the window in quarters, and locks."""

    settled: Mapping[str, int | None]
    window: int
    locks: Sequence[Lock] = ()

    @cached_property
    def _locked(self) -> Mapping[str, Reach]:
        return locked_by_site(self.locks)

    def state(self, row: Row[Any]) -> State:
        """Of one interval, by its newest revision; a row proves no claim, so it is never ``final``."""
        settled, until = self.settled.get(row.site), row.quarter + 1
        late = row.revision > 1 and past_window(row.quarter, to_ms(row.settled_at), self.window)
        locked = held(self._locked, row.site, row.quarter, until)
        return state_of(until, settled, (settled or 0) - self.window, locked=locked, again=late)


async def ledger_rows(
    connection: AsyncConnection,
    sites: Sequence[str],
    quarters: tuple[int, int],
    chosen: tuple[str | None, datetime | None],
    standing: Standing,
) -> list[LedgerRow]:
    """Rows of ``sites`` by site, meter, channel and time: the newest revision of each interval.

    ``chosen`` is the meter (None: all) and the time as of which to read (None: now); ``standing`` how the
    sites stood then.
    """
    meter, as_of = chosen
    wanted = (
        select(REGISTER.c.site, REGISTER.c.meter, REGISTER.c.channel, LEDGER)
        .join(LEDGER, LEDGER.c.register == REGISTER.c.id)
        .where(REGISTER.c.site.in_(sites))
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
    return [_row(r, standing) for r in newest.values()]


def _row(found: Row[Any], standing: Standing) -> LedgerRow:
    amount = None if found.amount is None else float(found.amount)
    water = found.channel == VOLUME
    return LedgerRow(
        site=found.site,
        meter=found.meter,
        channel=found.channel,
        start=from_ms(found.quarter * QUARTER_MS),
        energy_wh=None if water else amount,
        quality=QUALITIES[found.quality],
        revision=found.revision,
        reason=found.reason,
        volume_l=amount if water else None,
        state=standing.state(found),
        cause=found.cause,
    )
