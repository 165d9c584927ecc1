"""The newest value of every series, in numpy arrays: what dashboards and rules read instead of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.frame import Floats, Frame, Ints, Millis
from telemetry.series import SeriesRegistry

NEVER = int(np.iinfo(np.int64).min)
"""Time of a series that never spoke."""


@dataclass(frozen=True)
class LiveTable:
    """Newest known row of each series of a measurement, copied: it does not change while it is read.

    Attributes:
        series: int32[n].
        at_ms: int64[n], time of each series' newest row.
        columns: float64[n] per field; NaN where the series never told it.
    """

    series: Ints
    at_ms: Millis
    columns: Mapping[str, Floats]


class LiveState:
    """Written by the ingest after each commit, read by everybody; a row older than what is known is ignored.

    Each field keeps its newest value, so a meter that sends power and register in turns shows both.
    """

    def __init__(self, registry: SeriesRegistry) -> None:
        self._registry = registry
        self._at: dict[str, Millis] = {}
        self._columns: dict[str, dict[str, Floats]] = {}

    def update(self, frame: Frame) -> None:
        """Take over the rows of ``frame`` that are newer than what is known."""
        if len(frame) == 0:
            return
        name = frame.measurement.name
        self._grow(frame.measurement, int(frame.series.max()) + 1)
        order = np.argsort(frame.at_ms, kind="stable")
        order = order[frame.at_ms[order] >= self._at[name][frame.series[order]]]
        series = frame.series[order]
        self._at[name][series] = frame.at_ms[order]
        for field, column in frame.columns.items():
            values = column[order]
            known = ~np.isnan(values)
            self._columns[name][field][series[known]] = values[known]

    def table(
        self, measurement: Measurement, where: Mapping[str, tuple[str, ...]] | None = None
    ) -> LiveTable:
        """All series of ``measurement`` that ever spoke, or those whose labels ``where`` accepts."""
        name = measurement.name
        if name not in self._at:
            empty = np.empty(0)
            return LiveTable(
                np.empty(0, np.int32), np.empty(0, np.int64), {f: empty for f in measurement.field_names}
            )
        at = self._at[name]
        if where is None:
            chosen = np.flatnonzero(at != NEVER).astype(np.int32)
        else:
            ids = np.array(self._registry.matching(measurement, where), dtype=np.int32)
            ids = ids[ids < len(at)]
            chosen = ids[at[ids] != NEVER]
        return LiveTable(chosen, at[chosen], {f: c[chosen] for f, c in self._columns[name].items()})

    def value(
        self, measurement: Measurement, labels: tuple[str, ...], field: str
    ) -> tuple[float, int] | None:
        """Newest value of one series' field and the time of its newest row in ms, or None if never told."""
        series = self._registry.find(measurement, labels)
        at = self._at.get(measurement.name)
        if series is None or at is None or series >= len(at) or at[series] == NEVER:
            return None
        value = float(self._columns[measurement.name][field][series])
        return None if np.isnan(value) else (value, int(at[series]))

    def newest_at(self, measurement: Measurement, series: Ints) -> Millis:
        """int64[n], time in ms of the newest row of each of ``series``; :data:`NEVER` where none is known."""
        at = self._at.get(measurement.name)
        if at is None:
            return np.full(len(series), NEVER, dtype=np.int64)
        if len(series) and int(series.max()) >= len(at):
            self._grow(measurement, int(series.max()) + 1)
            at = self._at[measurement.name]
        return at[series]

    def newest_ms(self) -> int | None:
        """Time of the newest row of all, or None before the first."""
        newest = max((int(a.max()) for a in self._at.values() if len(a)), default=NEVER)
        return None if newest == NEVER else newest

    def _grow(self, measurement: Measurement, size: int) -> None:
        name = measurement.name
        at = self._at.get(name)
        if at is not None and len(at) >= size:
            return
        room = max(size, 1024, 0 if at is None else 2 * len(at))
        self._at[name] = _extended(at, room, np.int64(NEVER))
        columns = self._columns.setdefault(name, {})
        for field in MEASUREMENTS[name].field_names:
            columns[field] = _extended(columns.get(field), room, np.float64(np.nan))


def _extended(old: np.ndarray | None, room: int, fill: np.generic) -> np.ndarray:
    new = np.full(room, fill, dtype=fill.dtype)
    if old is not None:
        new[: len(old)] = old
    return new
