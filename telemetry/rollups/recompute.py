"""Rollups made again from what the store that is read holds: minutes, hours, and their groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runtime.clock import from_ms
from telemetry.catalogue import GPU, Field, Kind, Measurement
from telemetry.frame import Floats, Frame, Ints, Mask
from telemetry.rollup import ALL_ROLLUPS, ENERGY, FELL, MINUTE_MS, REGISTER, Rollup, told_by
from telemetry.rollups.energy import Register
from telemetry.rollups.scope import Where
from telemetry.rollups.steps import Steps, keys_of, series_of, starts_of
from telemetry.series import SeriesRegistry
from telemetry.store import AT, Aggregate, SeriesQuery, Store, WindowQuery

Wanted = tuple[str, Aggregate, str]
"""Column of the rollup, how it comes about, and the column that it is made of."""

_LOWS, _HIGHS = (f"{REGISTER} low", f"{REGISTER} low too"), (f"{REGISTER} high", f"{REGISTER} high too")
"""Columns that only serve to judge the register."""


@dataclass(frozen=True)
class Ask:
    """The rows of ``rollup`` within ``span`` (ms) of the series that ``where`` lets through."""

    rollup: Rollup
    span: tuple[int, int]
    where: Where


class Recompute:
    """Asks ``store``; answers hold only what the store has taken by then. Raises StoreError."""

    def __init__(self, store: Store, registry: SeriesRegistry) -> None:
        self._store = store
        self._registry = registry

    async def rows(self, ask: Ask, steps: Steps | None = None) -> Frame:
        """Rows of series: minutes from readings, hours from minutes; only ``steps`` if they are given."""
        rollup = ask.rollup
        minutes = rollup.step_ms == MINUTE_MS
        source = rollup.base if minutes else ALL_ROLLUPS[f"{rollup.base.name}_1m"].measurement
        wanted = list(_from_readings(rollup.base) if minutes else _from_minutes(rollup.base))
        frame = await self._made(ask, source, wanted)
        if steps is not None:
            frame = frame.take(steps.hold(frame.series, frame.at_ms))
        return _with_energy(frame) if rollup.base is GPU else frame

    async def kept(self, ask: Ask, steps: Steps) -> Frame:
        """The rows of ``steps`` as they are stored."""
        measurement = ask.rollup.measurement
        same: list[Wanted] = [(name, "last", name) for name in measurement.field_names]
        frame = await self._made(ask, measurement, same)
        return frame.take(steps.hold(frame.series, frame.at_ms))

    async def groups(self, ask: Ask, steps: Steps | None = None) -> Frame:
        """Rows of groups, from those of all their members; only ``steps`` if they are given."""
        rollup = ask.rollup
        end = "1m" if rollup.step_ms == MINUTE_MS else "1h"
        gauges = [f for f in rollup.base.fields if f.kind is Kind.GAUGE]
        means: list[Wanted] = [(f.name, "mean", f.name) for f in gauges]
        sums: list[Wanted] = [(ENERGY, "sum", ENERGY)]
        kept = rollup.measurement.field_names
        sums += [(told_by(f), "count", f.name) for f in gauges if told_by(f) in kept]
        members = ALL_ROLLUPS[f"{rollup.base.name}_{end}"].measurement
        frame = await self._made(ask, members, means + sums)
        if end == "1m":
            same = {f"{f.name}_{x}": frame.columns[f.name] for f in gauges for x in ("min", "max")}
            frame = Frame(frame.measurement, frame.series, frame.at_ms, {**frame.columns, **same})
        else:
            frame = _joined([frame, await self._extremes(ask, gauges)], rollup.step_ms)
        return frame if steps is None else frame.take(steps.hold(frame.series, frame.at_ms))

    async def _extremes(self, ask: Ask, gauges: Sequence[Field]) -> Frame:
        """The least and the greatest minute of groups in each hour."""
        minute = ALL_ROLLUPS[f"{ask.rollup.measurement.named}_1m"].measurement
        lows: list[Wanted] = [(f"{f.name}_min", "min", f"{f.name}_min") for f in gauges]
        highs: list[Wanted] = [(f"{f.name}_max", "max", f"{f.name}_max") for f in gauges]
        return await self._made(ask, minute, lows + highs)

    async def _made(self, ask: Ask, source: Measurement, wanted: Sequence[Wanted]) -> Frame:
        rollup, (start, end) = ask.rollup, map(from_ms, ask.span)
        group = None if source.labels == rollup.measurement.labels else rollup.group
        found = []
        for aggregate in dict.fromkeys(by for _, by, _ in wanted):
            names = {column: field for column, by, field in wanted if by == aggregate}
            select = SeriesQuery(source, start, end, ask.where, tuple(dict.fromkeys(names.values())))
            step = timedelta(milliseconds=rollup.step_ms)
            table = await self._store.window(WindowQuery(select, step, aggregate, group))
            # Names of many series take a while: not in the event loop.
            found.append(await asyncio.to_thread(self._frame, rollup, table, names))
        return _joined(found, rollup.step_ms)

    def _frame(self, rollup: Rollup, table: pa.Table, names: Mapping[str, str]) -> Frame:
        series = self._series(rollup, table)
        columns = {
            column: np.asarray(table[field].to_numpy(zero_copy_only=False), dtype=np.float64)
            for column, field in names.items()
        }
        at_ms = table[AT].to_numpy().astype(np.int64)
        # A server that keeps no backslash answers a name that nobody has; one that is shared, others' rows.
        return Frame(rollup.measurement, series, at_ms, columns).take(series >= 0)

    def _series(self, rollup: Rollup, table: pa.Table) -> Ints:
        """The id of each row's series, -1 where its rows are not made here; rows of a series are together."""
        labels = [table[label].combine_chunks() for label in rollup.measurement.labels]
        fresh = np.ones(table.num_rows, dtype=np.bool_)
        if table.num_rows:
            fresh[1:] = np.logical_or.reduce([_changes(column) for column in labels])
        starts = np.flatnonzero(fresh)
        names = zip(*(column.take(pa.array(starts)).to_pylist() for column in labels), strict=True)
        found = (self._number(rollup, one) for one in names)
        series = np.fromiter((-1 if one is None else one for one in found), np.int32, len(starts))
        return np.repeat(series, np.diff(starts, append=table.num_rows))

    def _number(self, rollup: Rollup, labels: tuple[str, ...]) -> int | None:
        """The id of a row's series; None where its rows are not made here."""
        registry = self._registry
        if not registry.share.everything:
            key = rollup.measurement.named, labels
            if not (registry.owns(key) if rollup.group is None else registry.share.adds_up(labels)):
                return None
        return registry.find(rollup.measurement, labels)


def _changes(column: pa.Array) -> Mask:
    """Where a value is another than the one before it; one less than there are values."""
    differs = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1))
    return np.asarray(differs.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _from_readings(base: Measurement) -> Iterator[Wanted]:
    yield from _ends(base)
    for f in base.fields:
        yield f"{f.name}_count", "count", f.name
    if base is GPU:
        yield _LOWS[0], "min", REGISTER
        yield _HIGHS[0], "max", REGISTER


def _from_minutes(base: Measurement) -> Iterator[Wanted]:
    for column, how, _ in _ends(base):
        yield column, how, column
    for f in base.fields:
        yield f"{f.name}_count", "sum", f"{f.name}_count"
    if base is GPU:
        for low, high, end in zip(_LOWS, _HIGHS, (REGISTER, f"{REGISTER}_first"), strict=True):
            yield low, "min", end
            yield high, "max", end
        yield FELL, "max", FELL


def _ends(base: Measurement) -> Iterator[Wanted]:
    """Every column of a rollup but the counts: how it is made, and of which field of ``base``."""
    for f in base.fields:
        counter = f.kind is Kind.COUNTER
        ends: tuple[Aggregate, ...] = ("first",) if counter else ("min", "max", "last")
        yield f.name, "last" if counter else "mean", f.name
        for end in ends:
            yield f"{f.name}_{end}", end, f.name


def _with_energy(frame: Frame) -> Frame:
    """GPU rows with what their register tells."""
    columns = dict(frame.columns)
    low = np.fmin.reduce([columns.pop(name) for name in _LOWS if name in columns])
    high = np.fmax.reduce([columns.pop(name) for name in _HIGHS if name in columns])
    register = Register(columns[f"{REGISTER}_first"], columns[REGISTER], low, high)
    columns |= register.columns(columns[f"{REGISTER}_count"], columns.get(FELL, np.nan))
    return Frame(frame.measurement, frame.series, frame.at_ms, columns)


def _joined(frames: Sequence[Frame], step_ms: int) -> Frame:
    """One row per series and step with the columns of all ``frames``; rows may have come in between them."""
    every = [keys_of(one.series, one.at_ms, step_ms) for one in frames]
    keys = np.unique(np.concatenate(every))
    columns: dict[str, Floats] = {}
    for frame, own in zip(frames, every, strict=True):
        place = np.searchsorted(keys, own)
        for name, column in frame.columns.items():
            columns[name] = np.full(len(keys), np.nan)
            columns[name][place] = column
    return Frame(frames[0].measurement, series_of(keys), starts_of(keys, step_ms), columns)
