"""Follows the journal and remembers which intervals each arriving reading opens for settlement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.feed import mark_hours, touched
from energy.configuration.device import ACCOUNTED, POWER, Device, devices
from energy.configuration.era import FOREVER, eras, tenures
from energy.configuration.estate import load_departed, remember
from energy.configuration.roster import load_plans, record
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.settlement.beginnings import note_beginnings
from energy.settlement.due import add_marks
from energy.sums.sheet import expect
from energy.tables import FOLLOWED, REGISTER, insert_into
from energy.tree.outward import generates
from runtime.clock import Clock, SystemClock, from_ms
from runtime.database import DATABASE_AWAY, Database
from runtime.errors import StoreError
from telemetry.catalogue import GRID
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry

_NOTING = "roster"
"""A row among the places that is no place: whoever writes it is alone with the roster."""

DeviceKey = tuple[str, str, str]
"""Site, measurement, id."""

_Touched = tuple[DeviceKey, int, int, int]
"""A device, the first quarter that readings touched and the one after the last, and how many they are."""

AFTERWARDS = 4
"""Quarters in which a removed meter is still heard: a later reading ends its last interval."""

PLACE_EVERY = timedelta(seconds=10)
"""Least time between two writes of a place alone: what holds nothing to mark can be passed over again."""

NOISE_W = 100.0
"""What a meter may tell against its direction without exporting: the zero of a large one wanders."""


class _First(NamedTuple):
    """Time of the first reading of a channel's register, and of the power that may stand in for it."""

    register: datetime | None
    power: datetime | None


class Marker:
    """The ledger's place in the journal, a :class:`telemetry.store.Sink` named ``ledger``.

    It keeps no readings: only ranges of quarter-hours per device, written in one transaction with the
    position, so that a crash neither loses a late reading's correction nor the place. Devices that are not
    configured are passed over, but for late readings of those that once were. Each process that follows a
    journal of its own has a place of its own; what is configured all of them expect, whoever hears of it.
    """

    name = "ledger"
    measurements = (*(one.name for one in ACCOUNTED), GRID.name)
    """All that it needs of the journal."""

    def __init__(
        self,
        database: Database,
        registry: SeriesRegistry,
        sites: Mapping[str, SiteOptions],
        clock: Clock | None = None,
    ) -> None:
        self._database, self._registry = database, registry
        part = registry.share.name
        self._place = self.name if part is None else f"{self.name}:{part}"
        self._sites, self._clock = sites, clock or SystemClock()
        self._until: dict[DeviceKey, int] = {}
        self._generating: set[str] = set()
        found = [device for key, site in sites.items() for device in devices(key, site)]
        self._devices = {(d.site, d.measurement.name, d.id): d for d in found}
        self._measurements = {d.measurement.name for d in found}
        self._first: dict[tuple[DeviceKey, str], _First] = {}
        self._safe = 0
        self._written: timedelta | None = None

    @property
    def safe(self) -> int:
        """The place as it is written."""
        return self._safe

    async def open(self) -> int:
        """The position up to which intervals are marked; 0 at first. Raises StoreError.

        A meter that is new in the configuration is expected from where its site is settled now; what has
        changed is noted in the roster.
        """
        try:
            async with self._database.begin() as connection:
                await _one_at_a_time(connection)
                configured = [d for name, d in self._devices.items() if name not in self._until]
                await expect(connection, configured)
                await record(connection, self._sites, self._clock.now())
                await remember(connection, self._sites)
                sites = {**self._sites, **await load_departed(connection, self._sites)}
                plans = await load_plans(connection, list(sites))
                place = select(FOLLOWED.c.position).where(FOLLOWED.c.name == self._place)
                position = await connection.scalar(place)
                registers = (await connection.execute(select(REGISTER))).all()
        except DATABASE_AWAY as error:
            raise StoreError(f"the ledger's place in the journal cannot be read: {error}") from error
        for site, options in sites.items():
            found = eras(options, plans[site])
            if any(generates(era.site) for era in found):
                self._generating.add(site)
            for name, tenure in tenures(site, found).items():
                if tenure.until < FOREVER:
                    self._devices[site, *name], self._until[site, *name] = tenure.device, tenure.until
                    self._measurements.add(name[0])
        for row in registers:
            key = ((row.site, row.measurement, row.meter), row.channel)
            self._first[key] = _First(row.register_since, row.power_since)
        self._safe = int(position or 0)
        return self._safe

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Mark what ``frames`` touch and remember ``position``, both or neither. Raises StoreError.

        A position without marks is written now and then only.
        """
        ranges: list[_Touched] = []
        firsts: dict[tuple[DeviceKey, str], _First] = {}
        hours: set[tuple[str, int]] = set()
        for frame in frames:
            if frame.measurement.name == GRID.name and len(frame):
                hours |= touched(frame, self._registry)
            if frame.measurement.name in self._measurements and len(frame):
                for device, rows in self._by_device(frame):
                    key = (device.site, device.measurement.name, device.id)
                    ranges += [(key, *run) for run in _runs(rows.at_ms) if self._heard(key, run[0])]
                    self._note_firsts(device, rows, firsts)
        now = self._clock.monotonic()
        marked = ranges or firsts or hours
        if not marked and self._written is not None and now - self._written < PLACE_EVERY:
            return
        try:
            async with self._database.begin() as connection:
                dates = {(k[0], (k[1], k[2], channel)): one for (k, channel), one in firsts.items()}
                await note_beginnings(connection, dates, self._generating, self._clock.now())
                await _mark(connection, ranges)
                await _save_firsts(connection, firsts)
                await mark_hours(connection, hours)
                await _remember(connection, self._place, position)
        except DATABASE_AWAY as error:
            raise StoreError(f"the ledger could not mark batch {position}: {error}") from error
        self._first.update(firsts)
        self._safe, self._written = position, now

    async def write_place(self, position: int) -> None:
        """Remember ``position``, up to which there was nothing to mark. Raises StoreError."""
        try:
            async with self._database.begin() as connection:
                await _remember(connection, self._place, position)
        except DATABASE_AWAY as error:
            raise StoreError(f"the ledger could not write down its place {position}: {error}") from error
        self._safe, self._written = position, self._clock.monotonic()

    async def close(self) -> None:
        """Nothing to release: the database is not ours."""

    def _by_device(self, frame: Frame) -> Iterable[tuple[Device, Frame]]:
        order = np.argsort(frame.series, kind="stable")
        ids, starts = np.unique(frame.series[order], return_index=True)
        for series, rows in zip(ids, np.split(order, starts[1:]), strict=True):
            name, labels = self._registry.key(int(series))
            device = self._devices.get((labels[0], name, labels[1]))
            if device is not None:
                yield device, frame.take(rows)

    def _heard(self, device: DeviceKey, quarter: int) -> bool:
        """Whether readings of ``quarter`` count: of a removed device, those of when it was configured."""
        return device not in self._until or quarter < self._until[device] + AFTERWARDS

    def _note_firsts(self, device: Device, rows: Frame, firsts: dict[tuple[DeviceKey, str], _First]) -> None:
        """Put into ``firsts`` what begins earlier than was known.

        Power stands in for a required register whatever its sign, for another one once it runs that way
        beyond noise: a meter that counts no exports and yet tells of them must not pass for one without.
        """
        for channel in device.channels:
            key = ((device.site, device.measurement.name, device.id), channel.name)
            known = firsts.get(key) or self._first.get(key) or _First(None, None)
            power = None
            if channel.sign:
                power = _first_at(rows, POWER, 0 if channel.required else channel.sign)
            seen = _First(_first_at(rows, channel.field, 0), power)
            merged = _First(
                *(min(filter(None, pair), default=None) for pair in zip(known, seen, strict=True))
            )
            if merged != known:
                firsts[key] = merged


def _first_at(rows: Frame, field: str, sign: int) -> datetime | None:
    column = rows.columns.get(field)
    if column is None:
        return None
    fits = ~np.isnan(column) if sign == 0 else column * sign > NOISE_W
    return from_ms(int(rows.at_ms[fits].min())) if fits.any() else None


def _runs(at_ms: np.ndarray) -> list[tuple[int, int, int]]:
    """The quarters of ``at_ms`` as ranges, each with how many readings lie in it.

    A reading on a boundary also ends the quarter before.
    """
    quarters = np.unique(np.concatenate((at_ms // QUARTER_MS, (at_ms - 1) // QUARTER_MS)))
    breaks = np.flatnonzero(np.diff(quarters) > 1) + 1
    runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(quarters, breaks)]
    if len(runs) == 1:
        return [(*runs[0], len(at_ms))]
    within = at_ms // QUARTER_MS
    return [(*run, int(np.count_nonzero((run[0] <= within) & (within < run[1])))) for run in runs]


async def _one_at_a_time(connection: AsyncConnection) -> None:
    """Let no other process note what is configured until this transaction ends: it would note the same."""
    row = insert_into(connection, FOLLOWED).values(name=_NOTING, position=0)
    await connection.execute(
        row.on_conflict_do_update(index_elements=["name"], set_={"position": FOLLOWED.c.position})
    )


async def _remember(connection: AsyncConnection, name: str, position: int) -> None:
    statement = insert_into(connection, FOLLOWED).values(name=name, position=position)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"position": position})
    )


async def _mark(connection: AsyncConnection, ranges: Sequence[_Touched]) -> None:
    widest: dict[tuple[DeviceKey, int], tuple[int, int]] = {}
    for key, first, until, readings in ranges:
        wide, counted = widest.get((key, first), (until, 0))
        widest[key, first] = max(until, wide), counted + readings
    if not widest:
        return
    await add_marks(
        connection,
        [
            {
                "site": site,
                "measurement": measurement,
                "meter": meter,
                "first": first,
                "until": until,
                "readings": readings,
            }
            for ((site, measurement, meter), first), (until, readings) in widest.items()
        ],
    )


def _earlier(new: ColumnElement[datetime], known: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """The lesser of both, or the one that there is: another process may have noted an earlier one."""
    return case((known.is_(None), new), (new < known, new), else_=known)


async def _save_firsts(connection: AsyncConnection, firsts: Mapping[tuple[DeviceKey, str], _First]) -> None:
    if not firsts:
        return
    statement = insert_into(connection, REGISTER)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "measurement", "meter", "channel"],
            set_={
                name: _earlier(statement.excluded[name], REGISTER.c[name])
                for name in ("register_since", "power_since")
            },
        ),
        [
            {
                "site": site,
                "measurement": measurement,
                "meter": meter,
                "channel": channel,
                "register_since": first.register,
                "power_since": first.power,
            }
            for ((site, measurement, meter), channel), first in firsts.items()
        ],
    )
