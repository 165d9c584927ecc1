"""Raw readings of devices from the store, reaching as far as the neighbours of what is to be settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from energy.configuration.device import POWER, Channel, Device
from energy.counting.frozen import still
from energy.counting.register import Register
from energy.counting.verdict import Verdict, judge, ordered
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
    _judged: dict[tuple[Channel, Register], Verdict] = field(default_factory=dict, compare=False)

    def any(self) -> bool:
        """Whether there is one at all."""
        return len(self.at_ms) > 0

    def of(self, field: str) -> tuple[Millis, Floats]:
        """The readings of one field that are there."""
        column = self.columns[field]
        known = ~np.isnan(column)
        return self.at_ms[known], column[known]

    def judged(self, channel: Channel, register: Register) -> Verdict:
        """What counts of one register's readings; its power, if that was read, tells whether it is stuck."""
        if (channel, register) not in self._judged:
            self._judged[channel, register] = self._judge(channel, register)
        return self._judged[channel, register]

    def _judge(self, channel: Channel, register: Register) -> Verdict:
        power = None
        if channel.sign and channel.field != POWER and POWER in self.columns:
            at, watts = self.of(POWER)
            power = at, channel.sign * watts
        return judge(self.at_ms, self.columns[channel.field], register.of(channel.name), power)

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

    def holds(self, quarter: int) -> bool:
        """Whether ``quarter`` is one of its own."""
        return self.first <= quarter < self.until

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
    code, at_ms = np.asarray(ids.indices), table[AT].to_numpy()
    columns = {name: table[name].to_numpy().astype(np.float64, copy=False) for name in fields}
    step = np.diff(code)
    if not ((step > 0) | ((step == 0) & (np.diff(at_ms) >= 0))).all():
        order = np.lexsort((at_ms, code))
        code, at_ms = code[order], at_ms[order]
        columns = {name: column[order] for name, column in columns.items()}
    known = {name: number for number, name in enumerate(ids.dictionary.to_pylist())}
    ends = np.searchsorted(code, np.arange(len(known) + 1)).tolist()
    found = {}
    for device in devices:
        number = known.get(device.id)
        own = slice(0, 0) if number is None else slice(ends[number], ends[number + 1])
        found[device.id] = Readings(at_ms[own], {name: column[own] for name, column in columns.items()})
    return found


async def gather(
    store: Store,
    devices: Sequence[Device],
    what: tuple[Span, int],
    fields: Mapping[str, tuple[str, ...]],
    around: Span | None = None,
) -> dict[str, Gathered]:
    """What each device needs for a span to be settled, by id.

    ``what`` is the span and the quarter ``due`` at which the hull ends at the latest; readings are looked for
    up to one hour after that. ``fields`` names by device id those that it is accounted from. All of
    ``around`` is part of the hull.
    """
    span, due = what
    pad = max(_HOUR_MS, *(d.register.frozen_ms for d in devices))
    pad += 2 * max(device.register.bracket_ms for device in devices)
    wide = span if around is None else around
    bounds = wide.start_ms - pad, min(wide.end_ms + pad, due * QUARTER_MS + _HOUR_MS)
    every = tuple(dict.fromkeys(name for names in fields.values() for name in names))
    first = await read(store, devices, every, bounds)
    fields = await _with_power(store, devices, (first, fields), bounds)
    windows = [_Window(device, span, (wide, due), fields[device.id]) for device in devices]
    reached = await _reach(store, windows, first, bounds)
    return {w.device.id: Gathered(reached[w.device.id], w.hull(reached[w.device.id])) for w in windows}


async def _with_power(
    store: Store,
    devices: Sequence[Device],
    what: tuple[dict[str, Readings], Mapping[str, tuple[str, ...]]],
    bounds: tuple[int, int],
) -> dict[str, tuple[str, ...]]:
    """The fields of each device, and its power where a register stands still for long: is it stuck?

    Reads that power into the readings, which most devices need not have.
    """
    first, fields = what
    idle = [d for d in devices if POWER not in fields[d.id] and _stands_still(d, first[d.id], fields[d.id])]
    wanted = dict(fields) | {device.id: (*fields[device.id], POWER) for device in idle}
    if idle:
        every = tuple(dict.fromkeys(name for device in idle for name in wanted[device.id]))
        first |= await read(store, idle, every, bounds)
    return wanted


def _stands_still(device: Device, readings: Readings, fields: Sequence[str]) -> bool:
    return any(
        still(*ordered(readings.at_ms, readings.columns[channel.field]), device.register)
        for channel in device.channels
        if channel.sign and channel.field in fields
    )


def _nothing(fields: Sequence[str]) -> Readings:
    return Readings(np.empty(0, np.int64), {name: np.empty(0) for name in fields})


async def _reach(
    store: Store, windows: Sequence[_Window], first: Mapping[str, Readings], bounds: tuple[int, int]
) -> dict[str, Readings]:
    """Read on, in ever longer strides, until both neighbours of each are there or no more can be.

    What several devices lack of one time is read at once.
    """
    found, read_of = dict(first), {window.device.id: bounds for window in windows}
    stride = _HOUR_MS
    while True:
        lacking: dict[tuple[int, int, int, int], list[_Window]] = defaultdict(list)
        for window in windows:
            start, end = read_of[window.device.id]
            low, high = window.onwards(found[window.device.id], (start, end), stride)
            if low < start or high > end:
                lacking[low, start, end, high].append(window)
        if not lacking:
            return found
        for (low, start, end, high), group in lacking.items():
            devices = [window.device for window in group]
            fields = tuple(dict.fromkeys(name for window in group for name in window.fields))
            earlier = await read(store, devices, fields, (low, start))
            later = await read(store, devices, fields, (end, high))
            for one in devices:
                found[one.id] = found[one.id].between(earlier[one.id], later[one.id])
                read_of[one.id] = min(low, start), max(high, end)
        windows = [window for group in lacking.values() for window in group]
        stride *= 4


@dataclass(frozen=True)
class _Window:
    """Which neighbours one device needs.

    A reading changes the stretch to the reading before it. By making up to so many readings to either side
    glitches as a run may have, or no longer ones, it also changes the stretches that end and begin at those:
    up to the next reading beyond that counts.
    """

    device: Device
    span: Span
    least: tuple[Span, int]
    fields: tuple[str, ...]

    @property
    def due(self) -> int:
        """The quarter at which the hull ends at the latest, but for the span."""
        return self.least[1]

    def onwards(self, readings: Readings, bounds: tuple[int, int], stride: int) -> tuple[int, int]:
        """From when until when to read now that ``bounds`` are; the same ones when nothing is lacking."""
        start, end = bounds
        before, after = self.lacks(readings)
        earliest, latest = self.span.start_ms - REACH_MS, self.due * QUARTER_MS + _HOUR_MS
        low = max(earliest, start - stride) if before else start
        if self.slips(readings):
            # Which of two scales is the register's own must not depend on where a window happens to begin.
            low = min(earliest, start)
        return low, min(latest, end + stride) if after else end

    def lacks(self, readings: Readings) -> tuple[bool, bool]:
        """Whether readings before, and after, must still be looked for."""
        before = after = False
        hull = self.hull(readings)
        for name in self.fields:
            at, _ = readings.of(name)
            if len(at) == 0 or at[-1] < self.span.start_ms:
                after = True
                continue
            low, high = self._anchors(name, readings)
            before |= low is None or int(np.searchsorted(at, hull.start_ms, side="right")) < self._beyond
            after |= high is None or len(at) - int(np.searchsorted(at, hull.end_ms)) < self._beyond
        return before, after

    def slips(self, readings: Readings) -> bool:
        """Whether the scale of some register changes among the readings."""
        return any(
            readings.judged(channel, self.device.register).slips
            for channel in self.device.channels
            if channel.field in self.fields
        )

    def hull(self, readings: Readings) -> Span:
        """The span, widened to the readings up to which it can have changed anything."""
        around, _ = self.least
        first, until = around.first, around.until
        for name in self.fields:
            at, _ = readings.of(name)
            if len(at) == 0 or at[-1] < self.span.start_ms:
                continue
            low, high = self._anchors(name, readings)
            first = min(first, (int(at[0]) if low is None else low) // QUARTER_MS)
            until = max(until, -(-(int(at[-1]) if high is None else high) // QUARTER_MS))
        return Span(first, min(until, max(self.due, self.span.until)))

    @property
    def _beyond(self) -> int:
        return self.device.register.glitch + 1

    def _anchors(self, field: str, readings: Readings) -> tuple[int | None, int | None]:
        """Times of the nearest readings that count whatever the span holds, before it and after it."""
        channel = next((c for c in self.device.channels if c.field == field), None)
        if channel is None:
            at, _ = readings.of(field)
            kept = np.ones(len(at), dtype=np.bool_)
        else:
            verdict = readings.judged(channel, self.device.register)
            at, kept = verdict.at, verdict.kept
        old = int(np.searchsorted(at, self.span.start_ms))
        new = int(np.searchsorted(at, self.span.end_ms))
        early = np.flatnonzero(kept[: max(0, old - self._beyond + 1)])
        late = np.flatnonzero(kept[new + self._beyond - 1 :]) + new + self._beyond - 1
        return (int(at[early[-1]]) if len(early) else None, int(at[late[0]]) if len(late) else None)
