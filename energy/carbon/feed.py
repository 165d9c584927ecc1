"""From telemetry to hours: what is told on ``dc/v1/grid/{zone}`` becomes versions of the hours it touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import structlog
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.hours import (
    FIELDS,
    HOUR_MS,
    Mix,
    Written,
    hour_of,
    start_of,
    write_hours,
    zones_with_hours,
)
from energy.carbon.tables import GRID_MARK
from energy.carbon.uses import load_use
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.proof.cause import SERVICE, record
from energy.tables import REGISTER, SETTLEMENT, insert_into
from runtime.database import Database
from telemetry.catalogue import GRID
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.store import AT, SeriesQuery, Store, WindowQuery

log = structlog.get_logger(__name__)

MQTT = "mqtt"
"""The source of what telemetry tells."""

QUARTERS = HOUR_MS // QUARTER_MS

_LONGEST = 31 * 24
"""Hours read from the store at once."""


class GridMark(NamedTuple):
    """An hour of a zone that was marked, ``touched`` so many times."""

    zone: str
    hour: int
    touched: int


def touched(frame: Frame, registry: SeriesRegistry) -> set[tuple[str, int]]:
    """Zone and hour of every row of a ``frame`` of :data:`telemetry.catalogue.GRID`."""
    pairs = np.unique(np.stack((frame.series.astype(np.int64), frame.at_ms // HOUR_MS)), axis=1)
    return {(registry.key(int(series))[1][0], int(hour)) for series, hour in pairs.T}


async def mark_hours(connection: AsyncConnection, hours: Iterable[tuple[str, int]]) -> None:
    """Note that readings touched ``hours`` of zones, in one order by all who do."""
    rows = [{"zone": zone, "hour": hour, "touched": 1} for zone, hour in sorted(hours)]
    if rows:
        statement = insert_into(connection, GRID_MARK)
        newer = {"touched": GRID_MARK.c.touched + 1}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["zone", "hour"], set_=newer), rows
        )


class GridFeed:
    """Turns marked hours into versions, as part of a settlement: the mean of what was told in each.

    The running hour is told too, by what came so far, and gets another version when there is more.
    """

    def __init__(self, database: Database, store: Store, sites: Mapping[str, SiteOptions]) -> None:
        self._database, self._store = database, store
        self._zones: dict[str, list[str]] = defaultdict(list)
        for key, site in sites.items():
            self._zones[site.grid].append(key)
        self._filled = False

    async def marks(self, connection: AsyncConnection, due: int) -> list[GridMark]:
        """What is marked of hours that began before quarter ``due``."""
        wanted = select(GRID_MARK).where(GRID_MARK.c.hour * QUARTERS < due)
        return [GridMark(row.zone, row.hour, row.touched) for row in await connection.execute(wanted)]

    async def settle(self, marks: Sequence[GridMark], at: datetime) -> Written:
        """Write what is known ``at`` a time of the hours of ``marks``, behind which the store must not be.

        Raises StoreError.
        """
        if not self._filled:
            await self._fill(at)
            self._filled = True
        by_zone: dict[str, list[int]] = defaultdict(list)
        for zone, hour, _ in marks:
            by_zone[zone].append(hour)
        written = Written()
        for zone, hours in by_zone.items():
            for run in _runs(sorted(hours)):
                written += await self._write(zone, await self._means(zone, run), at)
        if marks:
            async with self._database.begin() as connection:
                await _clear(connection, marks)
            log.debug("grid_hours", new=written.new, changed=len(written.changed))
        return written

    async def _write(self, zone: str, found: Mapping[int, Mix], at: datetime) -> Written:
        async with self._database.begin() as connection:
            written = await write_hours(connection, (zone, MQTT, "told"), found, at)
            await revise(connection, (zone, MQTT, self._zones.get(zone, ())), written.changed, at)
        return written

    async def _means(self, zone: str, hours: range) -> dict[int, Mix]:
        """The mean of what was told in each of ``hours``; hours of which nothing was told are not named."""
        start, end = start_of(hours.start), start_of(hours.stop)
        query = WindowQuery(
            SeriesQuery(GRID, start, end, {"zone": (zone,)}, FIELDS), timedelta(hours=1), "mean"
        )
        table = await self._store.window(query)
        columns = [table[name].to_numpy().tolist() for name in FIELDS]
        found = {}
        for at, *values in zip((table[AT].to_numpy() // HOUR_MS).tolist(), *columns, strict=True):
            renewable, carbon_free, carbon, consumption, lifecycle = (
                None if np.isnan(v) else float(v) for v in values
            )
            found[int(at)] = Mix(renewable, carbon_free, carbon, consumption, lifecycle)
        return found

    async def _fill(self, at: datetime) -> None:
        """Take over what the store was told before there were versions; known from ``at`` on."""
        async with self._database.read() as connection:
            known = await zones_with_hours(connection, MQTT, list(self._zones))
            since = {zone: await _settled_since(connection, self._zones[zone]) for zone in self._zones}
        for zone in self._zones.keys() - known:
            began = since[zone]
            if began is None:
                continue
            for first in range(hour_of(began), hour_of(at) + 1, _LONGEST):
                found = await self._means(zone, range(first, min(first + _LONGEST, hour_of(at) + 1)))
                async with self._database.begin() as connection:
                    await write_hours(connection, (zone, MQTT, "told"), found, at)


async def revise(
    connection: AsyncConnection,
    told: tuple[str, str, Sequence[str]],
    changed: Sequence[int],
    at: datetime,
) -> None:
    """Tell why figures are a new revision where hours have ``changed``.

    ``told`` is the zone, its source, and the sites in it; those that use another source are not touched.
    """
    zone, source, sites = told
    for site in sites if changed else ():
        if (await load_use(connection, site)).grid != source:
            continue
        hours = f"{len(changed)} hour{'s' if len(changed) > 1 else ''}"
        await record(
            connection, site=site, kind="factor", who=SERVICE, at=at,
            reason=f"the mix of the grid of {zone} was told anew for {hours}",
            first=min(changed) * QUARTERS, until=(max(changed) + 1) * QUARTERS,
        )  # fmt: skip


async def _settled_since(connection: AsyncConnection, sites: Sequence[str]) -> datetime | None:
    """The first reading of ``sites``, if any of them was ever settled."""
    settled = select(func.max(SETTLEMENT.c.until)).where(SETTLEMENT.c.site.in_(sites))
    if await connection.scalar(settled) is None:
        return None
    found: datetime | None = await connection.scalar(
        select(func.min(REGISTER.c.register_since)).where(REGISTER.c.site.in_(sites))
    )
    return found


async def _clear(connection: AsyncConnection, marks: Sequence[GridMark]) -> None:
    """Forget ``marks``, unless another row has touched them since."""
    await connection.execute(
        delete(GRID_MARK).where(
            GRID_MARK.c.zone == bindparam("old_zone"),
            GRID_MARK.c.hour == bindparam("old_hour"),
            GRID_MARK.c.touched == bindparam("old_touched"),
        ),
        [{"old_zone": zone, "old_hour": hour, "old_touched": touched} for zone, hour, touched in marks],
    )


def _runs(hours: Sequence[int]) -> Iterable[range]:
    """Consecutive ``hours`` together, never more than :data:`_LONGEST`."""
    start = 0
    for end in range(1, len(hours) + 1):
        if end == len(hours) or hours[end] != hours[end - 1] + 1 or end - start == _LONGEST:
            yield range(hours[start], hours[end - 1] + 1)
            start = end
