"""The roster of every site in the database: what it had from which quarter on; nothing is deleted.

A site that leaves the configuration stays in the roster, with the quarter from which it was not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.device import EXPORT, devices
from energy.interval import QUARTER_MS
from energy.plan import ABSENT, TABLES, Plan, described
from energy.sheet import load_registers, settled_until
from energy.site import SiteOptions
from energy.tables import DIRTY, ROSTER
from runtime.clock import to_ms

log = structlog.get_logger(__name__)


async def load_plans(connection: AsyncConnection, sites: Sequence[str]) -> dict[str, tuple[Plan, ...]]:
    """The plans of each of ``sites``, in the order in which they were recorded."""
    wanted = select(ROSTER).where(ROSTER.c.site.in_(sites)).order_by(ROSTER.c.site, ROSTER.c.number)
    found: dict[str, list[Plan]] = {site: [] for site in sites}
    for row in await connection.execute(wanted):
        found[row.site].append(Plan(row.since, row.known_at, row.tables))
    return {site: tuple(plans) for site, plans in found.items()}


async def record(connection: AsyncConnection, sites: Mapping[str, SiteOptions], at: datetime) -> None:
    """Note what has changed since the newest plan of each site; call it when registers are expected.

    The first plan is valid from the beginning, a later one from where its site is settled, or from the
    quarter of the last reading that waits to be settled: what was read before belongs to the devices that
    stood then. A site of the roster that is not among ``sites`` has left, by the same reckoning.
    """
    listed = (await connection.execute(select(ROSTER.c.site).distinct())).scalars()
    plans = await load_plans(connection, [*sites, *(key for key in listed if key not in sites)])
    for key, before in plans.items():
        tables = described(sites[key]) if key in sites else ABSENT
        if before and before[-1].tables == tables:
            continue
        if before:
            rows = [(await _since(connection, key, before, tables, at), tables)]
            log.info("roster_changed", site=key, since_quarter=rows[0][0], there=tables != ABSENT)
        else:
            rows = await _from_the_beginning(connection, key, sites[key])
        await connection.execute(
            insert(ROSTER),
            [
                {"site": key, "number": number, "since": since, "known_at": at, "tables": told}
                for number, (since, told) in enumerate(rows, start=len(before) + 1)
            ],
        )


async def _since(
    connection: AsyncConnection, key: str, before: Sequence[Plan], tables: str, at: datetime
) -> int:
    """The quarter from which ``tables`` are valid for a site that has plans already.

    One of which nothing was ever read was owed until it left, and one that comes back was not there in
    between: for both, what counts is when that is noted.
    """
    read = await _read_until(connection, key)
    unread = tables == ABSENT and not read
    noted = to_ms(max(at, before[0].known_at)) // QUARTER_MS if unread or before[-1].absent else 0
    return max(before[-1].since, read, noted)


async def _read_until(connection: AsyncConnection, site: str) -> int:
    """The quarter up to which ``site`` is settled, or in which its last reading stands; 0 if none."""
    marked = await connection.scalar(select(func.max(DIRTY.c.until)).where(DIRTY.c.site == site))
    return max(await settled_until(connection, site) or 0, int(marked or 1) - 1)


async def _from_the_beginning(
    connection: AsyncConnection, key: str, site: SiteOptions
) -> list[tuple[int, str]]:
    """The plans of a site that has none: as configured, each device from when its registers are expected.

    A ledger from before there was a roster knows of devices that were added, but not of removed ones.
    """
    began = {(d.measurement.name, d.id): 0 for d in devices(key, site)}
    for register in await load_registers(connection, key):
        measurement, meter, channel = register.key
        if (measurement, meter) in began and channel != EXPORT:
            began[measurement, meter] = max(began[measurement, meter], register.expected_from or 0)
    found = []
    for since in sorted({0, *began.values()}):
        there = {meter for (_, meter), first in began.items() if first <= since}
        tables = {table: tuple(d for d in getattr(site, table) if d.id in there) for table in TABLES}
        found.append((since, described(site.model_copy(update=tables))))
    return found
