"""A store in memory: plain Python, obviously right, the reference that the others are held against."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from runtime.clock import MILLISECOND, to_ms
from telemetry.catalogue import Measurement
from telemetry.follower import FollowOptions
from telemetry.frame import Frame
from telemetry.intake import COMPLETENESS
from telemetry.series import SeriesRegistry
from telemetry.store import AT, REPEATS, STORES, Aggregate, SeriesQuery, StoreCounts, WindowQuery
from telemetry.stored import is_told

_HOUR_MS = 3_600_000

_Labels = tuple[str, ...]
_Values = dict[str, float]


class MemoryOptions(FollowOptions):
    """``[[store]] type = "memory"``: forgets everything when the process ends."""

    lasting: ClassVar[bool] = False


@STORES.add("memory", MemoryOptions)
class MemoryStore:
    """Rows in nested dictionaries: measurement, series, time, field. For tests and short trials."""

    def __init__(
        self, options: MemoryOptions, registry: SeriesRegistry, data_dir: Path, name: str = "memory"
    ) -> None:
        self.name = name
        self._registry = registry
        self._position = 0
        self._counts = StoreCounts(0, 0)
        self._repeats: Counter[tuple[int, int]] = Counter()
        self._rows: dict[str, dict[int, dict[int, _Values]]] = defaultdict(lambda: defaultdict(dict))

    async def open(self) -> int:
        """The position reached; the rows are still there when it is opened again."""
        return self._position

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Take ``frames`` and the position."""
        if position <= self._position:
            return
        stored = repeated = 0
        for frame in frames:
            rows = self._rows[frame.measurement.name]
            for i, (series, at_ms) in enumerate(
                zip(frame.series.tolist(), frame.at_ms.tolist(), strict=True)
            ):
                told = {n: float(c[i]) for n, c in frame.columns.items() if not math.isnan(c[i])}
                if not is_told(frame.measurement):
                    pass
                elif at_ms in rows[series]:
                    repeated += 1
                    self._repeats[series, at_ms // _HOUR_MS * _HOUR_MS] += 1
                else:
                    stored += 1
                rows[series][at_ms] = rows[series].get(at_ms, {}) | told
        self._position = position
        self._counts = StoreCounts(self._counts.rows + stored, self._counts.duplicates + repeated)

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest row of each series."""
        newest: dict[_Labels, tuple[int, _Values]] = {}
        for labels, at_ms, values in self._select(query):
            if any(name in values for name in _fields(query)):
                newest[labels] = (at_ms, values)
        rows = [(labels, at_ms, values) for labels, (at_ms, values) in newest.items()]
        return _table(query.measurement.labels, _fields(query), rows)

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps, per series and then over the series of a group."""
        select = query.select
        measurement, step = select.measurement, query.step // MILLISECOND
        cells: dict[tuple[_Labels, int], list[_Values]] = defaultdict(list)
        for labels, at_ms, values in self._select(select):
            cells[labels, at_ms - at_ms % step].append(values)
        group_by = measurement.labels if query.group_by is None else query.group_by
        kept = [measurement.labels.index(label) for label in group_by]
        groups: dict[tuple[_Labels, int], list[_Values]] = defaultdict(list)
        for (labels, start), rows in cells.items():
            groups[tuple(labels[i] for i in kept), start].append(_in_time(query, rows))
        table = [
            (labels, start, _over(rows, _fields(select), lambda name: _across(query, name)))
            for (labels, start), rows in groups.items()
        ]
        return _table(group_by, _fields(select), sorted(table, key=lambda row: row[:2]))

    async def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows."""
        table = _table(query.measurement.labels, _fields(query), list(self._select(query)))
        for batch in table.to_batches():
            yield batch

    async def prune(self, measurement: Measurement, before: datetime) -> None:
        """Forget rows older than ``before``; repeats go with the account that they stand in."""
        limit = to_ms(before)
        series = self._rows[measurement.name]
        for number, rows in series.items():
            series[number] = {at_ms: values for at_ms, values in rows.items() if at_ms >= limit}
        if measurement is COMPLETENESS:
            self._repeats = Counter({key: n for key, n in self._repeats.items() if key[1] >= limit})

    async def counts(self) -> StoreCounts:
        """Rows and duplicates taken so far."""
        return self._counts

    async def repeats(self, start: datetime, end: datetime) -> pa.Table:
        """Rows that were there before."""
        found = [
            (series, hour, float(rows))
            for (series, hour), rows in sorted(self._repeats.items())
            if to_ms(start) <= hour < to_ms(end)
        ]
        columns = list(zip(*found, strict=True)) or [(), (), ()]
        return pa.table([pa.array(c, f.type) for c, f in zip(columns, REPEATS, strict=True)], schema=REPEATS)

    async def close(self) -> None:
        """Nothing to release."""

    def _select(self, query: SeriesQuery) -> Iterator[tuple[_Labels, int, _Values]]:
        rows = self._rows.get(query.measurement.name, {})
        start, end = to_ms(query.start), to_ms(query.end)
        wanted = self._registry.matching(query.measurement, query.where)
        for labels, series in sorted((self._registry.key(number)[1], number) for number in wanted):
            for at_ms in sorted(rows.get(series, {})):
                if start <= at_ms < end:
                    yield labels, at_ms, rows[series][at_ms]


def _in_time(query: WindowQuery, rows: Sequence[_Values]) -> _Values:
    measurement, names = query.select.measurement, _fields(query.select)
    values = _over(rows, names, lambda _: _IN_TIME[query.aggregate])
    for name in values if query.aggregate == "mean" else ():
        weight = measurement.field(name).weight
        if weight is not None:
            told = [row for row in rows if name in row]
            total = math.fsum(row[weight] for row in told)
            values[name] = math.fsum(row[name] * row[weight] for row in told) / total
    return values


_IN_TIME: Mapping[Aggregate, Callable[[list[float]], float]] = {
    "mean": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "sum": math.fsum,
    "count": len,
}


def _across(query: WindowQuery, field: str) -> Callable[[list[float]], float]:
    return math.fsum if query.adds_up(field) else _IN_TIME["mean"]


def _over(
    rows: Sequence[_Values], fields: Sequence[str], by: Callable[[str], Callable[[list[float]], float]]
) -> _Values:
    told = {name: [row[name] for row in rows if name in row] for name in fields}
    return {name: float(by(name)(values)) for name, values in told.items() if values}


def _fields(query: SeriesQuery) -> tuple[str, ...]:
    for name in query.fields:
        query.measurement.field(name)  # KeyError for one that the measurement lacks
    return query.fields or query.measurement.field_names


def _table(
    labels: Sequence[str], fields: Sequence[str], rows: Sequence[tuple[_Labels, int, _Values]]
) -> pa.Table:
    columns = {label: pa.array([row[0][i] for row in rows], pa.string()) for i, label in enumerate(labels)}
    columns[AT] = pa.array([row[1] for row in rows], pa.int64())
    for name in fields:
        columns[name] = pa.array([row[2].get(name) for row in rows], pa.float64())
    return pa.table(columns)
