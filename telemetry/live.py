"""The newest value of every series, in numpy arrays: what dashboards and rules read instead of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
        at_ms: int64[n], time of each series' newest row, whatever it told.
        columns: float64[n] per field; NaN where the series never told it.
        field_at_ms: int64[n] per field, when ``columns`` was told; :data:`NEVER` where it never was.
    """

    series: Ints
    at_ms: Millis
    columns: Mapping[str, Floats]
    field_at_ms: Mapping[str, Millis]


class LiveState:
    """Written by the ingest after each commit, read by everybody; what is older than the known is ignored.

    Each field keeps its newest value and that value's own time: a meter that sends power and register in
    turns shows both, and one whose power register is lost does not pass its last power off as new.
    """

    def __init__(self, registry: SeriesRegistry) -> None:
        self._registry = registry
        self._at: dict[str, Millis] = {}
        self._columns: dict[str, dict[str, Floats]] = {}
        self._field_at: dict[str, dict[str, Millis]] = {}
        self._searched: dict[str, int] = {}

    def update(self, frame: Frame) -> None:
        """Take over what ``frame`` tells that is newer than what is known."""
        if len(frame) == 0:
            return
        name = frame.measurement.name
        self._grow(frame.measurement, int(frame.series.max()) + 1)
        order = np.argsort(frame.at_ms, kind="stable")
        newer = frame.at_ms[order] >= self._at[name][frame.series[order]]
        if not newer.all():
            self._update_late(frame, order[~newer])
            order = order[newer]
        series, at_ms = frame.series[order], frame.at_ms[order]
        self._at[name][series] = at_ms
        columns, field_at = self._columns[name], self._field_at[name]
        for field, column in frame.columns.items():
            values = column[order]
            known = ~np.isnan(values)
            if known.all():
                columns[field][series], field_at[field][series] = values, at_ms
            else:
                columns[field][series[known]], field_at[field][series[known]] = values[known], at_ms[known]

    def _update_late(self, frame: Frame, rows: npt.NDArray[np.intp]) -> None:
        """Rows older than their series, in order of time: they may still tell a field's newest value."""
        name = frame.measurement.name
        series, at_ms = frame.series[rows], frame.at_ms[rows]
        for field, column in frame.columns.items():
            values, field_at = column[rows], self._field_at[name][field]
            known = ~np.isnan(values) & (at_ms >= field_at[series])
            self._columns[name][field][series[known]] = values[known]
            field_at[series[known]] = at_ms[known]

    def table(
        self, measurement: Measurement, where: Mapping[str, tuple[str, ...]] | None = None
    ) -> LiveTable:
        """All series of ``measurement`` that ever spoke, or those whose labels ``where`` accepts."""
        name = measurement.name
        if name not in self._at:
            return self.rows(measurement, np.empty(0, np.int32))
        at = self._at[name]
        if where is None:
            chosen = np.flatnonzero(at != NEVER).astype(np.int32)
        else:
            ids = self.registered(measurement, where)
            ids = ids[ids < len(at)]
            chosen = ids[at[ids] != NEVER]
        return self.rows(measurement, chosen)

    def rows(self, measurement: Measurement, series: Ints) -> LiveTable:
        """Each of ``series``, in that order; :data:`NEVER` and NaN for those that never spoke."""
        self._grow(measurement, int(series.max(initial=-1)) + 1)
        name = measurement.name
        return LiveTable(
            series,
            self._at[name][series],
            {field: column[series] for field, column in self._columns[name].items()},
            {field: at[series] for field, at in self._field_at[name].items()},
        )

    def value(
        self, measurement: Measurement, labels: tuple[str, ...], field: str
    ) -> tuple[float, int] | None:
        """Newest value of one series' field and when it was told, in ms; None if it never was."""
        series = self._registry.find(measurement, labels)
        at = self._field_at.get(measurement.name, {}).get(field)
        if series is None or at is None or series >= len(at) or at[series] == NEVER:
            return None
        return float(self._columns[measurement.name][field][series]), int(at[series])

    @property
    def named(self) -> int:
        """Number of all series that were ever given a name; it only grows."""
        return len(self._registry)

    def registered(self, measurement: Measurement, where: Mapping[str, tuple[str, ...]]) -> Ints:
        """int32[n], the series whose labels ``where`` accepts, also those of which no row is known.

        Looks at every name: keep the answer until :attr:`named` grows.
        """
        return np.array(self._registry.matching(measurement, where), dtype=np.int32)

    def searched(self, measurement: Measurement, since_ms: int) -> None:
        """All rows of ``measurement`` since then have been read: who told none of them has been silent."""
        self._searched[measurement.name] = since_ms

    def silent_since(self, measurement: Measurement) -> int | None:
        """Since when, in ms, a series without any row has surely been silent; None if that is not known."""
        return self._searched.get(measurement.name)

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
        columns, field_at = self._columns.setdefault(name, {}), self._field_at.setdefault(name, {})
        for field in MEASUREMENTS[name].field_names:
            columns[field] = _extended(columns.get(field), room, np.float64(np.nan))
            field_at[field] = _extended(field_at.get(field), room, np.int64(NEVER))


def _extended(old: np.ndarray | None, room: int, fill: np.generic) -> np.ndarray:
    new = np.full(room, fill, dtype=fill.dtype)
    if old is not None:
        new[: len(old)] = old
    return new
