"""Raw readings of devices from the store, reaching as far as the neighbours of what is to be settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from energy.device import Device
from energy.interval import QUARTER_MS
from runtime.clock import from_ms
from telemetry.frame import Floats, Millis
from telemetry.store import AT, SeriesQuery, Store

_HOUR_MS = 3_600_000
REACH_MS = 36 * 24 * _HOUR_MS
"""How far before an interval a previous reading is looked for: beyond the longest accepted lateness."""


@dataclass(frozen=True)
class Readings:
    """All rows of one device in a window, in time order; NaN is missing."""

    at_ms: Millis
    columns: Mapping[str, Floats]

    def of(self, field: str) -> tuple[Millis, Floats]:
        """The readings of one field that are there."""
        column = self.columns[field]
        known = ~np.isnan(column)
        return self.at_ms[known], column[known]

    def between(self, before: Readings, after: Readings) -> Readings:
        """These with the rows ``before`` and ``after`` them, in the fields that all three have."""
        parts = (before, self, after)
        fields = [name for name in self.columns if name in before.columns and name in after.columns]
        return Readings(
            np.concatenate([p.at_ms for p in parts]),
            {name: np.concatenate([p.columns[name] for p in parts]) for name in fields},
        )


@dataclass(frozen=True)
class Span:
    """Quarters ``first <= q < until``."""

    first: int
    until: int

    @property
    def start_ms(self) -> int:
        """Where it begins."""
        return self.first * QUARTER_MS

    @property
    def end_ms(self) -> int:
        """Where it ends."""
        return self.until * QUARTER_MS


@dataclass(frozen=True)
class Gathered:
    """Readings and the hull: all quarters that a reading within the span asked for can have changed."""

    readings: Readings
    hull: Span


async def read(
    store: Store, devices: Sequence[Device], fields: tuple[str, ...], bounds: tuple[int, int]
) -> dict[str, Readings]:
    """Rows of ``devices`` (one site, one measurement) by id, from the first to before the second bound."""
    if not fields or bounds[0] >= bounds[1]:
        return {device.id: _nothing(fields) for device in devices}
    one = devices[0]
    where = {"site": (one.site,), one.label: tuple(device.id for device in devices)}
    query = SeriesQuery(one.measurement, from_ms(bounds[0]), from_ms(bounds[1]), where, fields)
    batches = [batch async for batch in store.raw(query)]
    if not batches:
        return {device.id: _nothing(fields) for device in devices}
    table = pa.Table.from_batches(batches)
    ids = table[one.label].combine_chunks().dictionary_encode()
    code = np.asarray(ids.indices)
    at_ms = table[AT].to_numpy()
    order = np.lexsort((at_ms, code))
    columns = {name: table[name].to_numpy().astype(np.float64, copy=False) for name in fields}
    known = {name: number for number, name in enumerate(ids.dictionary.to_pylist())}
    found = {}
    for device in devices:
        low, high = np.searchsorted(code[order], [known.get(device.id, -1), known.get(device.id, -1) + 1])
        rows = order[low:high] if device.id in known else order[:0]
        found[device.id] = Readings(at_ms[rows], {name: column[rows] for name, column in columns.items()})
    return found


async def gather(
    store: Store,
    devices: Sequence[Device],
    what: tuple[Span, int],
    fields: Mapping[str, tuple[str, ...]],
) -> dict[str, Gathered]:
    """What each device needs for a span to be settled, by id.

    ``what`` is the span and the quarter ``due`` at which the hull ends at the latest; readings are looked for
    up to one hour after that. ``fields`` names by device id those that it is accounted from.
    """
    span, due = what
    pad = _HOUR_MS + 2 * max(device.register.bracket_ms for device in devices)
    bounds = span.start_ms - pad, min(span.end_ms + pad, due * QUARTER_MS + _HOUR_MS)
    every = tuple(dict.fromkeys(name for names in fields.values() for name in names))
    first = await read(store, devices, every, bounds)
    found = {}
    for device in devices:
        window = _Window(device, span, due, fields[device.id])
        readings = await _reach(store, window, first[device.id], bounds)
        found[device.id] = Gathered(readings, window.hull(readings))
    return found


def _nothing(fields: Sequence[str]) -> Readings:
    return Readings(np.empty(0, np.int64), {name: np.empty(0) for name in fields})


async def _reach(store: Store, window: _Window, readings: Readings, bounds: tuple[int, int]) -> Readings:
    """Read on, in ever longer strides, until both neighbours are there or no more can be."""
    start, end = bounds
    stride = _HOUR_MS
    earliest, latest = window.span.start_ms - REACH_MS, window.due * QUARTER_MS + _HOUR_MS
    while True:
        before, after = window.lacks(readings)
        low = max(earliest, start - stride) if before else start
        high = min(latest, end + stride) if after else end
        if low >= start and high <= end:
            return readings
        earlier = await read(store, [window.device], window.fields, (low, start))
        later = await read(store, [window.device], window.fields, (end, high))
        readings = readings.between(earlier[window.device.id], later[window.device.id])
        start, end, stride = min(low, start), max(high, end), stride * 4


@dataclass(frozen=True)
class _Window:
    """Which neighbours one device needs.

    A reading changes the stretch to the reading before it, and by making that one a glitch, or no longer
    one, also the stretch before that: so two neighbours on each side count.
    """

    device: Device
    span: Span
    due: int
    fields: tuple[str, ...]

    def lacks(self, readings: Readings) -> tuple[bool, bool]:
        """Whether readings before, and after, must still be looked for."""
        hull = self.hull(readings)
        before = after = False
        for field in self.fields:
            at, _ = readings.of(field)
            if len(at) == 0 or at[-1] < self.span.start_ms:
                after = True
                continue
            old = int(np.searchsorted(at, self.span.start_ms))
            before |= old < 2 or int(np.searchsorted(at, hull.start_ms, side="right")) < 2
            after |= len(at) - int(np.searchsorted(at, hull.end_ms)) < 2
        return before, after

    def hull(self, readings: Readings) -> Span:
        """The span, widened to the second neighbours."""
        first, until = self.span.first, self.span.until
        for field in self.fields:
            at, _ = readings.of(field)
            if len(at) == 0 or at[-1] < self.span.start_ms:
                continue
            old = int(np.searchsorted(at, self.span.start_ms))
            new = int(np.searchsorted(at, self.span.end_ms))
            first = min(first, int(at[max(0, old - 2)]) // QUARTER_MS)
            until = max(until, -(-int(at[min(len(at) - 1, new + 1)]) // QUARTER_MS))
        return Span(first, min(until, max(self.due, self.span.until)))
