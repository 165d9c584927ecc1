"""What zones used, and what flowed between them, hour by hour in versions: facts of documents A65 and A11."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.hours import HOUR_MS, Written
from energy.carbon.tables import GRID_AMOUNT
from energy.proof.turn import every_site, of_zone, take_turns
from runtime.clock import to_ms
from telemetry.frame import Floats

LOAD = ""
"""In the place of where an amount came from: what the zone used itself."""


async def write_amounts(
    connection: AsyncConnection, of: tuple[str, str], found: Mapping[int, float], at: datetime
) -> Written:
    """Add a version of every hour of ``found`` (MWh) that differs from its newest; tell what was written.

    ``of`` is the zone, and the one that it came from or :data:`LOAD`; what becomes known is stamped as hours
    are (:func:`energy.carbon.hours.write_hours`).
    """
    if not found:
        return Written()
    at = await take_turns(connection, [of_zone(of[0]), *await every_site(connection)], at)
    table, (zone, origin) = GRID_AMOUNT.c, of
    wanted = select(table.hour, table.version, table.mwh, table.known_at).where(
        table.zone == zone, table.origin == origin, table.hour >= min(found), table.hour <= max(found)
    )
    newest = {row.hour: row for row in await connection.execute(wanted.order_by(table.version))}
    rows, new, changed, provisional = [], 0, [], 0
    for hour, mwh in sorted(found.items()):
        before = newest.get(hour)
        if before is not None and before.mwh == mwh:
            continue
        if before is None:
            new += 1
        elif to_ms(before.known_at) >= (hour + 1) * HOUR_MS:
            changed.append(hour)
        else:
            provisional += 1
        version = 1 if before is None else before.version + 1
        row = {"zone": zone, "origin": origin, "hour": hour, "version": version, "mwh": mwh}
        rows.append({**row, "known_at": at})
    if rows:
        await connection.execute(insert(GRID_AMOUNT), rows)
    return Written(new, provisional, tuple(changed))


async def load_amounts(
    connection: AsyncConnection,
    zones: Sequence[str],
    span: tuple[int, int],
    as_of: datetime | None = None,
) -> tuple[dict[tuple[str, str], Floats], int]:
    """MWh of each hour of ``span`` (the first, and how many) by zone and origin, NaN where not known.

    Beside them the newest version of all of them, 0 if there is none.
    """
    first, count = span
    table = GRID_AMOUNT.c
    wanted = and_(table.zone.in_(zones), table.hour >= first, table.hour < first + count)
    if as_of is not None:
        wanted = and_(wanted, table.known_at <= as_of)
    key = (table.zone, table.origin, table.hour)
    kept = select(*key, func.max(table.version).label("version")).where(wanted).group_by(*key).subquery()
    same = and_(*(column == kept.c[column.name] for column in (*key, table.version)))
    found: dict[tuple[str, str], Floats] = {}
    newest = 0
    for row in await connection.execute(select(*key, table.version, table.mwh).join(kept, same)):
        of = row.zone, row.origin
        found.setdefault(of, np.full(count, np.nan))[row.hour - first] = row.mwh
        newest = max(newest, row.version)
    return found, newest
