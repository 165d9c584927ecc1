"""The readings of registers on both sides of an interval's two boundaries, as far as they are still kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from energy.configuration.device import Channel, Device, devices
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER, Period
from runtime.clock import from_ms, to_ms
from telemetry.frame import Floats, Millis
from telemetry.store import AT, Readings, SeriesQuery

REACH = timedelta(hours=2)
"""How far beside an interval a reading is looked for; a longer gap is told by the ledger's own reason."""


@dataclass(frozen=True)
class Reading:
    """What a register counted, in the unit of its field, and when."""

    at: datetime
    count: float


@dataclass(frozen=True)
class Boundary:
    """The last reading at or before ``at`` and the first at or after it; None where none is near."""

    at: datetime
    before: Reading | None
    after: Reading | None

    @property
    def count(self) -> float | None:
        """The register at ``at``, on the straight line between the two."""
        if self.before is None or self.after is None:
            return None
        span = (self.after.at - self.before.at).total_seconds()
        part = (self.at - self.before.at).total_seconds() / span if span else 0.0
        return self.before.count + part * (self.after.count - self.before.count)


@dataclass(frozen=True)
class Register:
    """One register over one interval: ``field`` as it was told, and how many ``readings`` lie within."""

    site: str
    meter: str
    channel: str
    field: str
    start: Boundary
    end: Boundary
    readings: int

    @property
    def difference(self) -> float | None:
        """What it gained between the boundaries, before anything was decided about its readings."""
        if self.start.count is None or self.end.count is None:
            return None
        return self.end.count - self.start.count


async def registers(
    store: Readings, configured: Mapping[str, SiteOptions], start: datetime
) -> list[Register]:
    """The registers of every device of ``configured`` over the quarter-hour from ``start``.

    Raises StoreError.
    """
    period = Period(start, start + QUARTER)
    found: list[Register] = []
    for key, site in configured.items():
        every = devices(key, site)
        for measurement in dict.fromkeys(device.measurement for device in every):
            some = [device for device in every if device.measurement is measurement]
            found += await _of(store, some, period)
    return found


async def _of(store: Readings, some: Sequence[Device], period: Period) -> list[Register]:
    """Of devices of one site and measurement."""
    one = some[0]
    fields = tuple(dict.fromkeys(channel.field for device in some for channel in device.channels))
    where = {"site": (one.site,), one.label: tuple(device.id for device in some)}
    reach = SeriesQuery(one.measurement, period.start - REACH, period.end + REACH, where, fields)
    batches = [batch async for batch in store.raw(reach)]
    if not batches:
        return []
    table = pa.Table.from_batches(batches)
    ids = np.asarray(table[one.label].to_pylist())
    at = table[AT].to_numpy()
    columns = {name: table[name].to_numpy().astype(np.float64, copy=False) for name in fields}
    found = []
    for device in some:
        for channel in device.channels:
            told = (ids == device.id) & ~np.isnan(columns[channel.field])
            if told.any():
                found.append(_register((device, channel), at[told], columns[channel.field][told], period))
    return found


def _register(which: tuple[Device, Channel], at: Millis, counts: Floats, period: Period) -> Register:
    device, channel = which
    order = np.argsort(at, kind="stable")
    at, counts = at[order], counts[order]
    low, high = to_ms(period.start), to_ms(period.end)
    return Register(
        site=device.site,
        meter=device.id,
        channel=channel.name,
        field=channel.field,
        start=_boundary(period.start, at, counts),
        end=_boundary(period.end, at, counts),
        readings=int(np.count_nonzero((at >= low) & (at < high))),
    )


def _boundary(when: datetime, at: Millis, counts: Floats) -> Boundary:
    ms = to_ms(when)
    until, since = int(np.searchsorted(at, ms, side="right")), int(np.searchsorted(at, ms, side="left"))
    before = Reading(from_ms(int(at[until - 1])), float(counts[until - 1])) if until else None
    after = Reading(from_ms(int(at[since])), float(counts[since])) if since < len(at) else None
    return Boundary(when, before, after)
