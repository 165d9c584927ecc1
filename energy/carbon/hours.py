"""The mix of every hour of a bidding zone in versions: written once, read as known at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.tables import GRID_HOUR
from energy.proof.turn import every_site, of_zone, take_turns
from runtime.clock import from_ms, to_ms
from telemetry.frame import Floats

HourMethod = Literal["told", "production", "consumption"]
"""How the intensity came about: ``told`` as it is by whoever published it, who knows how he made it; of
what was generated in the zone; or of that and what was imported. Never mixed."""

HOUR_MS = 3_600_000

FIELDS = ("renewable_share", "carbon_free_share", "carbon_g_per_kwh", "consumption_based", "lifecycle")


class Mix(NamedTuple):
    """What one hour holds: shares of 0..1 and g CO2e/kWh, or the MWh by psrType that they follow from.

    ``consumption_based`` and ``lifecycle`` say what the told ones are: 1 or 0, None if nobody said; between
    the two, if it was told both ways within the hour.
    """

    renewable_share: float | None = None
    carbon_free_share: float | None = None
    carbon_g_per_kwh: float | None = None
    consumption_based: float | None = None
    lifecycle: float | None = None
    generation: str | None = None


@dataclass(frozen=True)
class Hours:
    """The newest known version of each of consecutive hours; ``version`` is 0 where there is none.

    ``fields`` and ``generation`` are NaN and None where the version does not hold them.
    """

    first: int
    fields: Floats
    generation: tuple[str | None, ...]
    version: npt.NDArray[np.int64]
    method: str | None


@dataclass(frozen=True)
class Written:
    """How many hours were written for the first time, and which got another version after they had ended."""

    new: int = 0
    provisional: int = 0
    changed: tuple[int, ...] = ()

    def __add__(self, other: Written) -> Written:
        return Written(
            self.new + other.new, self.provisional + other.provisional, (*self.changed, *other.changed)
        )


async def load_hours(
    connection: AsyncConnection,
    of: tuple[str, str],
    span: tuple[int, int],
    as_of: datetime | None = None,
) -> Hours:
    """The hours of zone and source ``of``; ``span`` is the first hour and how many."""
    first, count = span
    fields = np.full((len(FIELDS), count), np.nan)
    version = np.zeros(count, dtype=np.int64)
    generation: list[str | None] = [None] * count
    method = None
    for row in await connection.execute(_newest(of, (first, first + count), as_of)):
        at = row.hour - first
        fields[:, at] = [np.nan if value is None else value for value in row[1 : 1 + len(FIELDS)]]
        generation[at], version[at], method = row.generation, row.version, row.method
    return Hours(first, fields, tuple(generation), version, method)


async def write_hours(
    connection: AsyncConnection,
    of: tuple[str, str, HourMethod],
    found: Mapping[int, Mix],
    at: datetime,
) -> Written:
    """Add a version of every hour of ``found`` that differs from its newest one; tell what was written.

    ``of`` is zone, source and method; it became known ``at`` that time, as the turns of the zone and of every
    site stamp it: any of them may stand in the zone, or have stood. An hour that was known after it had ended
    and is different now has changed; before, it was provisional.
    """
    zone, source, method = of
    if not found:
        return Written()
    at = await take_turns(connection, [of_zone(zone), *await every_site(connection)], at)
    newest = {
        row.hour: row
        for row in await connection.execute(_newest((zone, source), (min(found), max(found) + 1), None))
    }
    rows, new, changed, provisional = [], 0, [], 0
    for hour, mix in sorted(found.items()):
        before = newest.get(hour)
        if before is not None and (tuple(before[1 : 2 + len(FIELDS)]), before.method) == (tuple(mix), method):
            continue
        if before is None:
            new += 1
        elif to_ms(before.known_at) >= (hour + 1) * HOUR_MS:
            changed.append(hour)
        else:
            provisional += 1
        version = 1 if before is None else before.version + 1
        rows.append(
            {"zone": zone, "source": source, "hour": hour, "version": version, "method": method,
             **mix._asdict(), "known_at": at}
        )  # fmt: skip
    if rows:
        await connection.execute(insert(GRID_HOUR), rows)
    return Written(new, provisional, tuple(changed))


async def zones_with_hours(connection: AsyncConnection, source: str, zones: Sequence[str]) -> set[str]:
    """Those of ``zones`` of which ``source`` ever told an hour."""
    found = set()
    for zone in zones:
        one = select(GRID_HOUR.c.hour).where(GRID_HOUR.c.zone == zone, GRID_HOUR.c.source == source).limit(1)
        if await connection.scalar(one) is not None:
            found.add(zone)
    return found


def hour_of(at: datetime) -> int:
    """The number of the hour that holds ``at``."""
    return to_ms(at) // HOUR_MS


def start_of(hour: int) -> datetime:
    """When hour number ``hour`` begins."""
    return from_ms(hour * HOUR_MS)


def _newest(of: tuple[str, str], hours: tuple[int, int], as_of: datetime | None) -> Select[Any]:
    """The newest version of each hour: hour, what a :class:`Mix` holds, version, method, known_at."""
    table = GRID_HOUR.c
    wanted = and_(table.zone == of[0], table.source == of[1], table.hour >= hours[0], table.hour < hours[1])
    if as_of is not None:
        wanted = and_(wanted, table.known_at <= as_of)
    last = select(table.hour, func.max(table.version).label("version")).where(wanted).group_by(table.hour)
    kept = last.subquery()
    joined = and_(
        table.zone == of[0],
        table.source == of[1],
        table.hour == kept.c.hour,
        table.version == kept.c.version,
    )
    columns = (table.hour, *(table[name] for name in FIELDS), table.generation)
    return select(*columns, table.version, table.method, table.known_at).join(kept, joined)
