"""Time order of rows: which ones are new, which come late or again, and how repeats become one row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from telemetry.catalogue import Measurement
from telemetry.frame import Floats, Frame, Millis


def not_newer(frame: Frame, known: Millis) -> npt.NDArray[np.bool_]:
    """Rows that tell nothing newer than their series already had when they arrived: late or repeated.

    ``known`` is int64[n], the newest time of each row's series before this frame. A row is also held
    against the rows of its series that stand before it in the frame, so cutting the same rows into other
    frames gives the same answer.
    """
    n = len(frame)
    if n == 0:
        return np.zeros(0, dtype=np.bool_)
    order = np.argsort(frame.series, kind="stable")
    series, at = frame.series[order], frame.at_ms[order]
    first = int(at.min())
    since = at - first + 1
    before = np.maximum(known[order], first - 1) - first + 1
    # Each series gets a band of numbers of its own, so one running maximum serves all of them at once.
    width = int(max(since.max(), before.max())) + 1
    band = np.concatenate(([0], np.cumsum(series[1:] != series[:-1]))).astype(np.int64) * width
    reached = np.maximum.accumulate(band + since)
    previous = band + before
    previous[1:] = np.maximum(previous[1:], reached[:-1])
    found = np.empty(n, dtype=np.bool_)
    found[order] = band + since <= previous
    return found


def merged(frame: Frame) -> Frame:
    """One row per series and time, ordered so; of repeats, each field keeps the value told last."""
    order = np.lexsort((frame.at_ms, frame.series))
    ordered = frame.take(order)
    if len(ordered) < 2:
        return ordered
    fresh = np.ones(len(ordered), dtype=np.bool_)
    fresh[1:] = (ordered.series[1:] != ordered.series[:-1]) | (ordered.at_ms[1:] != ordered.at_ms[:-1])
    if fresh.all():
        return ordered
    group = np.cumsum(fresh) - 1
    columns = {name: _last_told(column, group) for name, column in ordered.columns.items()}
    return Frame(frame.measurement, ordered.series[fresh], ordered.at_ms[fresh], columns)


def _last_told(column: Floats, group: npt.NDArray[np.intp]) -> Floats:
    known = ~np.isnan(column)
    result = np.full(int(group[-1]) + 1, np.nan)
    # Of equal indices an assignment keeps the last, and the sort above was stable: arrival order.
    result[group[known]] = column[known]
    return result


def concatenated(frames: Sequence[Frame]) -> list[Frame]:
    """One frame per measurement holding all rows of ``frames`` in their order; absent fields become NaN."""
    groups: dict[str, list[Frame]] = {}
    for frame in frames:
        if len(frame):
            groups.setdefault(frame.measurement.name, []).append(frame)
    return [
        group[0] if len(group) == 1 else _joined(group[0].measurement, group) for group in groups.values()
    ]


def _joined(measurement: Measurement, frames: Sequence[Frame]) -> Frame:
    names = [n for n in measurement.field_names if any(n in f.columns for f in frames)]
    return Frame(
        measurement,
        np.concatenate([f.series for f in frames]),
        np.concatenate([f.at_ms for f in frames]),
        {
            name: np.concatenate([f.columns.get(name, np.full(len(f), np.nan)) for f in frames])
            for name in names
        },
    )


def newest_ms(frames: Sequence[Frame]) -> int | None:
    """Time in ms of the newest row of ``frames``, or None if there is none."""
    return max((int(f.at_ms.max()) for f in frames if len(f)), default=None)
