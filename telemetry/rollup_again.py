"""Rollups made again from what the store that is read holds: of late rows, of hours, and of their groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from runtime.clock import from_ms
from telemetry.catalogue import Kind, Measurement
from telemetry.frame import Floats, Frame, Ints, Millis
from telemetry.rollup import ALL_ROLLUPS, ENERGY, MINUTE_MS, Rollup, told_by
from telemetry.rollup_part import with_energy
from telemetry.series import SeriesRegistry
from telemetry.store import AT, Aggregate, SeriesQuery, Store, WindowQuery

Keys = npt.NDArray[np.int64]

MOST_ROWS = 1_000_000
"""Rows of an answer that are held in memory at once, at most about."""

_MOST_NAMES = 500
"""Values of a label that a question names; when more are meant it asks for all and takes its own out."""

Wanted = tuple[str, Aggregate, str]
"""Column of the rollup, how it comes about, and the column that it is made of."""


@dataclass(frozen=True)
class Steps:
    """Steps of one measurement to make again: each of ``keys`` is ``series << 32 | number of the step``."""

    keys: Keys
    step_ms: int

    @property
    def series(self) -> Ints:
        """int32, the series in them."""
        return np.unique(self.keys >> 32).astype(np.int32)

    @property
    def at_ms(self) -> Millis:
        """int64, the starts of the steps, in order."""
        return np.unique(self.keys & 0xFFFF_FFFF) * self.step_ms


def keys_of(series: Ints, at_ms: Millis, step_ms: int) -> Keys:
    """The key of each (series, step) as :class:`Steps` holds them, repeats included."""
    return (series.astype(np.int64) << 32) | (at_ms // step_ms)


class Again:
    """Asks ``store`` for rollups; answers hold only what the store has taken by then. Raises StoreError."""

    def __init__(self, store: Store, registry: SeriesRegistry) -> None:
        self._store = store
        self._registry = registry

    def spans(self, steps: Steps) -> Iterator[tuple[int, int]]:
        """Ranges in ms that hold all steps, none of them much more than :data:`MOST_ROWS` rows."""
        at_ms, width = steps.at_ms, steps.step_ms
        longest = max(1, MOST_ROWS // max(1, len(steps.series))) * width
        first = previous = int(at_ms[0])
        for at in map(int, at_ms[1:]):
            if at + width - first > longest or at - previous > 30 * width:
                yield first, previous + width
                first = at
            previous = at
        yield first, previous + width

    async def rows(self, rollup: Rollup, span: tuple[int, int], steps: Steps | None = None) -> Frame:
        """The rows of ``rollup`` within ``span``: minutes from readings, hours from minutes.

        Of all series, or only those that ``steps`` names.
        """
        minutes = rollup.step_ms == MINUTE_MS
        source = rollup.base if minutes else ALL_ROLLUPS[f"{rollup.base.name}_1m"].measurement
        wanted = list(_from_readings(rollup.base) if minutes else _from_minutes(rollup.base))
        registry = self._registry
        where = registry.places(rollup.base) if steps is None else self._where(rollup.base, steps.series)
        frame = await self._made(rollup, (source, wanted), span, where)
        if steps is not None:
            mine = np.isin(keys_of(frame.series, frame.at_ms, rollup.step_ms), steps.keys)
            frame = frame.take(mine)
        return with_energy(frame) if ENERGY in rollup.measurement.field_names else frame

    async def kept(self, rollup: Rollup, span: tuple[int, int], steps: Steps) -> Frame:
        """The rows of ``rollup`` that are stored for ``steps`` within ``span``."""
        same: list[Wanted] = [(name, "last", name) for name in rollup.measurement.field_names]
        where = self._where(rollup.base, steps.series)
        frame = await self._made(rollup, (rollup.measurement, same), span, where)
        return frame.take(np.isin(keys_of(frame.series, frame.at_ms, rollup.step_ms), steps.keys))

    async def groups(self, name: str, end: str, span: tuple[int, int], series: Ints | None) -> Frame:
        """The rows ``end`` of the groups ``name`` within ``span``, from those of their members.

        Of all groups that are added up here, or those that ``series`` belong to.
        """
        rollup = ALL_ROLLUPS[f"{name}_{end}"]
        where = self._members(rollup, series)
        if where.get("site") == []:
            return Frame(rollup.measurement, np.zeros(0, np.int32), np.zeros(0, np.int64), {})
        gauges = [f for f in rollup.base.fields if f.kind is Kind.GAUGE]
        means: list[Wanted] = [(f.name, "mean", f.name) for f in gauges]
        sums: list[Wanted] = [(ENERGY, "sum", ENERGY)]
        kept = rollup.measurement.field_names
        sums += [(told_by(f), "count", f.name) for f in gauges if told_by(f) in kept]
        members = ALL_ROLLUPS[f"{rollup.base.name}_{end}"].measurement
        frame = await self._made(rollup, (members, means + sums), span, where)
        if end == "1m":
            same = {f"{f.name}_{x}": frame.columns[f.name] for f in gauges for x in ("min", "max")}
            return Frame(frame.measurement, frame.series, frame.at_ms, {**frame.columns, **same})
        minute = ALL_ROLLUPS[f"{name}_1m"].measurement
        lows: list[Wanted] = [(f"{f.name}_min", "min", f"{f.name}_min") for f in gauges]
        highs: list[Wanted] = [(f"{f.name}_max", "max", f"{f.name}_max") for f in gauges]
        spread = await self._made(rollup, (minute, lows + highs), span, where)
        return _joined([frame, spread], rollup.step_ms)

    async def _made(
        self,
        rollup: Rollup,
        plan: tuple[Measurement, Sequence[Wanted]],
        span: tuple[int, int],
        where: Mapping[str, Sequence[str]],
    ) -> Frame:
        source, wanted = plan
        start, end = map(from_ms, span)
        group = None if source.labels == rollup.measurement.labels else rollup.group
        found = []
        for aggregate in dict.fromkeys(one[1] for one in wanted):
            names = {field: column for column, by, field in wanted if by == aggregate}
            select = SeriesQuery(source, start, end, where, tuple(names))
            step = timedelta(milliseconds=rollup.step_ms)
            table = await self._store.window(WindowQuery(select, step, aggregate, group))
            # Names of 100,000 series take a tenth of a second: not in the event loop.
            found.append(await asyncio.to_thread(self._frame, rollup, table, names))
        return _joined(found, rollup.step_ms)

    def _frame(self, rollup: Rollup, table: pa.Table, names: Mapping[str, str]) -> Frame:
        measurement = rollup.measurement
        labels = zip(*(table[label].to_pylist() for label in measurement.labels), strict=True)
        found = (self._number(rollup, one) for one in labels)
        series = np.fromiter((-1 if one is None else one for one in found), np.int32, table.num_rows)
        columns = {
            column: np.asarray(table[field].to_numpy(zero_copy_only=False), dtype=np.float64)
            for field, column in names.items()
        }
        at_ms = table[AT].to_numpy().astype(np.int64)
        # A server that keeps no backslash answers a name that nobody has; one that is shared, others' rows.
        return Frame(measurement, series, at_ms, columns).take(series >= 0)

    def _number(self, rollup: Rollup, labels: tuple[str, ...]) -> int | None:
        """The id of a row's series; None where its rows are not made here."""
        registry = self._registry
        if not registry.share.everything:
            key = rollup.measurement.named, labels
            if not (registry.owns(key) if rollup.group is None else registry.share.adds_up(labels)):
                return None
        return registry.find(rollup.measurement, labels)

    def _members(self, rollup: Rollup, series: Ints | None) -> dict[str, list[str]]:
        """Labels of whatever is added up to rows of ``rollup``, as :meth:`_where`."""
        labels, share = rollup.measurement.labels, self._registry.share
        if series is not None:
            where = self._where(rollup.base, series, labels)
        else:
            where = {k: v for k, v in self._registry.places(rollup.base).items() if k in labels}
        if not share.everything and len(labels) == 1 and "site" in where:
            where["site"] = [site for site in where["site"] if share.knows(site)]
        return where

    def _where(
        self, base: Measurement, series: Ints, labels: Iterable[str] | None = None
    ) -> dict[str, list[str]]:
        """Labels that ``series`` have, as far as they are few: it may accept more than them."""
        if len(series) > _MOST_NAMES * 8:
            return {}
        known = [self._registry.labels(int(one)) for one in series]
        found = {label: sorted({one[label] for one in known}) for label in labels or base.labels}
        return {label: values for label, values in found.items() if len(values) <= _MOST_NAMES}


def _from_readings(base: Measurement) -> Iterator[Wanted]:
    yield from _ends(base)
    for f in base.fields:
        yield f"{f.name}_count", "count", f.name


def _from_minutes(base: Measurement) -> Iterator[Wanted]:
    for column, how, _ in _ends(base):
        yield column, how, column
    for f in base.fields:
        yield f"{f.name}_count", "sum", f"{f.name}_count"


def _ends(base: Measurement) -> Iterator[Wanted]:
    """Every column of a rollup but the counts: how it is made, and of which field of ``base``."""
    for f in base.fields:
        counter = f.kind is Kind.COUNTER
        ends: tuple[Aggregate, ...] = ("first",) if counter else ("min", "max", "last")
        yield f.name, "last" if counter else "mean", f.name
        for end in ends:
            yield f"{f.name}_{end}", end, f.name


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
    series = (keys >> 32).astype(np.int32)
    return Frame(frames[0].measurement, series, (keys & 0xFFFF_FFFF) * step_ms, columns)
