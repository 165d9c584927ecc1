"""The cause of a meter that turns out to have told earlier than was known what leaves its site.

From then on own plants may claim and exports are counted (:mod:`energy.tree.outward`), without any row of
the ledger that says so: the cause alone tells since when that is known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.device import ENERGY, EXPORT
from energy.interval import QUARTER_MS
from energy.proof.cause import record
from energy.proof.turn import take_turn
from energy.sums.held import source
from energy.sums.sheet import RegisterKey, load_registers, settled_until
from runtime.clock import to_ms
from telemetry.catalogue import METER

Dates = tuple[datetime | None, datetime | None]
"""Of the first reading of a register, and of the power that may stand in for it."""


async def note_beginnings(
    connection: AsyncConnection,
    found: Mapping[tuple[str, RegisterKey], Dates],
    generating: Collection[str],
    at: datetime,
) -> None:
    """Record a cause over what is settled wherever a register of ``found`` began earlier than is kept of it.

    By site and register; call it in the transaction that keeps them, before anything else is written. What
    power tells counts only at the sites that are ``generating``.
    """
    told = {name: tells(name[1], dates) for name, dates in found.items()}
    for site in sorted({site for (site, key), since in told.items() if since is not None}):
        mine = {key: since for (own, key), since in told.items() if own == site and since is not None}
        chosen = {key: since for key, since in mine.items() if key[2] == EXPORT or site in generating}
        if not chosen or await settled_until(connection, site) is None:
            continue
        await take_turn(connection, site, at)
        settled = await settled_until(connection, site) or 0
        kept = {
            r.key: tells(r.key, (r.register_since, r.power_since))
            for r in await load_registers(connection, site)
        }
        for key, since in sorted(chosen.items()):
            before = kept.get(key)
            until = settled if before is None else min(settled, _quarter(before))
            if _quarter(since) < until:
                await record(
                    connection, site=site, kind="register", who=source(key), at=at, first=_quarter(since),
                    until=until, reason=_reason(key, since),
                )  # fmt: skip


def tells(key: RegisterKey, dates: Dates) -> datetime | None:
    """Since when a register of these dates tells what leaves its site; None if it does not."""
    if key[0] != METER.name or key[2] not in (ENERGY, EXPORT):
        return None
    return dates[1] if key[2] == ENERGY else min(filter(None, dates), default=None)


def _quarter(at: datetime) -> int:
    return to_ms(at) // QUARTER_MS


def _reason(key: RegisterKey, since: datetime) -> str:
    what = "its power" if key[2] == ENERGY else "what leaves the site"
    return (
        f"meter {key[1]!r} told {what} from {since.isoformat(timespec='seconds')} on, which nobody had known"
    )
