"""What series told within one minute, in columns: made of rows, put together, and written as rollup rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from telemetry.catalogue import GPU, Kind
from telemetry.frame import Floats, Frame, Ints, Mask, Millis
from telemetry.rollup import MINUTE_MS, REGISTER, Rollup
from telemetry.rollups.energy import Register

Index = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Partial:
    """What series told in minutes, a line for each series and minute; ``at_ms`` is the minute's start.

    The arrays of floats are [n, fields]: ``sum`` holds 0, the others NaN, where nothing was told of a field.
    ``rows`` is how often a series spoke; ``count`` how often it told a field, None if once everywhere.
    """

    series: Ints
    at_ms: Millis
    rows: Counts
    sum: Floats
    low: Floats
    high: Floats
    first: Floats
    last: Floats
    count: Counts | None

    def __len__(self) -> int:
        return len(self.series)

    def take(self, chosen: Mask | slice) -> Partial:
        """The lines that the mask or slice ``chosen`` selects."""
        count = None if self.count is None else self.count[chosen]
        return Partial(
            self.series[chosen],
            self.at_ms[chosen],
            self.rows[chosen],
            self.sum[chosen],
            self.low[chosen],
            self.high[chosen],
            self.first[chosen],
            self.last[chosen],
            count,
        )


def values_of(frame: Frame) -> Floats:
    """float64[n, fields] in the order of the measurement; NaN for a field that the frame lacks."""
    values = np.empty((len(frame), len(frame.measurement.fields)))
    for k, name in enumerate(frame.measurement.field_names):
        values[:, k] = frame.columns.get(name, np.nan)
    return values


def partials_of(frame: Frame, different: bool) -> Partial:
    """What ``frame`` tells of each minute and series, ordered by minute.

    ``different``: no series stands in the frame twice. No series may have two rows of the same time.
    """
    starts_ms = frame.at_ms - frame.at_ms % MINUTE_MS
    values = values_of(frame)
    if different and starts_ms.min() == starts_ms.max():
        return _single(frame.series, starts_ms, values)
    order = np.lexsort((frame.at_ms, frame.series, starts_ms))
    series, starts_ms, values = frame.series[order], starts_ms[order], values[order]
    fresh = np.ones(len(series), dtype=np.bool_)
    fresh[1:] = (series[1:] != series[:-1]) | (starts_ms[1:] != starts_ms[:-1])
    starts = np.flatnonzero(fresh)
    return _reduced(series[starts], starts_ms[starts], values, starts)


def _single(series: Ints, at_ms: Millis, values: Floats) -> Partial:
    rows = np.ones(len(series), dtype=np.int32)
    missing = np.isnan(values)
    if not missing.any():
        return Partial(series, at_ms, rows, values, values, values, values, values, None)
    total = np.where(missing, 0.0, values)
    count = (~missing).astype(np.int32)
    return Partial(series, at_ms, rows, total, values, values, values, values, count)


def _reduced(series: Ints, at_ms: Millis, values: Floats, starts: Index) -> Partial:
    """Rows of a series stand together, in time order, from each of ``starts`` on."""
    n = len(values)
    rows = np.diff(starts, append=n).astype(np.int32)
    low, high = np.fmin.reduceat(values, starts, axis=0), np.fmax.reduceat(values, starts, axis=0)
    told = ~np.isnan(values)
    if told.all():
        total = np.add.reduceat(values, starts, axis=0)
        count = np.repeat(rows[:, None], values.shape[1], axis=1)
        first, last = values[starts], values[starts + rows - 1]
        return Partial(series, at_ms, rows, total, low, high, first, last, count)
    total = np.add.reduceat(np.where(told, values, 0.0), starts, axis=0)
    count = np.add.reduceat(told.astype(np.int32), starts, axis=0)
    place = np.arange(n)[:, None]
    first = _at(values, np.minimum.reduceat(np.where(told, place, n), starts, axis=0))
    last = _at(values, np.maximum.reduceat(np.where(told, place, -1), starts, axis=0))
    return Partial(series, at_ms, rows, total, low, high, first, last, count)


def _at(values: Floats, place: Index) -> Floats:
    padded = np.vstack([values, np.full((1, values.shape[1]), np.nan)])
    place = np.where(place < 0, len(values), place)
    return np.take_along_axis(padded, place, axis=0)


def rolled(rollup: Rollup, partial: Partial) -> Frame:
    """The rows of ``rollup`` that ``partial`` makes."""
    columns: dict[str, Floats] = {}
    for k, field in enumerate(rollup.base.fields):
        ones = partial.rows if partial.count is None else partial.count[:, k]
        count = np.where(ones > 0, ones, np.nan)
        name = field.name
        if field.kind is Kind.COUNTER:
            columns[name], columns[f"{name}_first"] = partial.last[:, k], partial.first[:, k]
        else:
            columns[name] = partial.sum[:, k] / count
            columns[f"{name}_min"], columns[f"{name}_max"] = partial.low[:, k], partial.high[:, k]
            columns[f"{name}_last"] = partial.last[:, k]
        columns[f"{name}_count"] = count
        if rollup.base is GPU and name == REGISTER:
            ends = (partial.first, partial.last, partial.low, partial.high)
            columns |= Register(*(end[:, k] for end in ends)).columns(count)
    return Frame(rollup.measurement, partial.series, partial.at_ms, columns)
