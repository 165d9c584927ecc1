"""The book of sources: every device that spoke or should have, when it last did, and whether it is online."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from runtime.clock import from_ms
from telemetry.catalogue import MEASUREMENTS, METER, SUPPLY
from telemetry.frame import Frame, Millis
from telemetry.live import NEVER, LiveState
from telemetry.series import SeriesRegistry, measurement_of, source_of
from telemetry.status import SourceStatus

_Counts = npt.NDArray[np.int64]

_LISTED = frozenset((METER.name, SUPPLY.name))
"""What a site must name to have it accounted."""

_NOBODY = -1
"""Source of a series that no device tells."""


class SourceBook:
    """Sources by name; a source may have many series (a node has one for each GPU).

    Per row only a count is kept, in one array by series; names, sites and times are put together when the
    book is read. Of what others take it says nothing. ``sites`` are those that are configured; without them
    every source passes for configured.
    """

    def __init__(
        self, registry: SeriesRegistry, live: LiveState, sites: Collection[str] | None = None
    ) -> None:
        self._registry = registry
        self._has = registry.share.has
        self._live = live
        self._sites = sites
        self._configured: set[str] = set()
        self._unstamped: dict[str, int] = {}
        self._rows: _Counts = np.zeros(1024, dtype=np.int64)
        self._names: dict[str, int] = {}
        self._known: list[tuple[str, str, str | None]] = []
        self._ordered: list[tuple[str, str, str | None, int]] = []
        self._source_of: list[int] = []
        self._online: dict[str, bool] = {}

    def expect(self, source: str, measurement: str, site: str | None) -> None:
        """A configured device: it is listed even if it never speaks, by whoever it is told to."""
        if self._has(source):
            self._configured.add(source)
            self._number(source, measurement, site)

    def know(self, sources: Iterable[str]) -> None:
        """These spoke not long ago: they are listed even if nothing of them is heard here."""
        for source in sources:
            if source not in self._names:
                self._add(source)

    def observe(self, frames: Iterable[Frame]) -> None:
        """Count the rows of ``frames``."""
        for frame in frames:
            if len(frame) == 0:
                continue
            size = int(frame.series.max()) + 1
            if size > len(self._rows):
                grown = np.zeros(max(size, 2 * len(self._rows)), dtype=np.int64)
                grown[: len(self._rows)] = self._rows
                self._rows = grown
            np.add.at(self._rows, frame.series, 1)

    def tell(self, statuses: Mapping[str, bool]) -> None:
        """Take over what sources said of themselves: True for online."""
        for source, online in statuses.items():
            if not self._has(source):
                continue
            if source not in self._names:
                self._add(source)
            self._online[source] = online

    def arrival_stands_for(self, unstamped: Mapping[str, int]) -> None:
        """Count messages without a time of their own, by source."""
        for source, count in unstamped.items():
            self._unstamped[source] = self._unstamped.get(source, 0) + count

    def statuses(self) -> Sequence[SourceStatus]:
        """Every source, by name; ``received`` counts rows since the service started."""
        self._learn_series()
        times, rows = self._newest(), self._row_counts()
        return [
            SourceStatus(
                name,
                measurement,
                site,
                None if times[number] == NEVER else from_ms(int(times[number])),
                int(rows[number]),
                self._online.get(name),
                self._unstamped.get(name, 0),
                self._is_configured(name, measurement, site),
            )
            for name, measurement, site, number in self._in_name_order()
        ]

    def _is_configured(self, source: str, measurement: str, site: str | None) -> bool:
        if self._sites is None or site is None:
            return True
        return site in self._sites and (measurement not in _LISTED or source in self._configured)

    def _in_name_order(self) -> list[tuple[str, str, str | None, int]]:
        if len(self._ordered) != len(self._known):
            self._ordered = [
                (name, *self._known[number][1:], number) for name, number in sorted(self._names.items())
            ]
        return self._ordered

    def _newest(self) -> Millis:
        newest = np.full(len(self._known), NEVER, dtype=np.int64)
        owner = np.array(self._source_of, dtype=np.int64)
        for measurement in MEASUREMENTS.values():
            table = self._live.table(measurement)
            known = table.series < len(owner)
            np.maximum.at(newest, owner[table.series[known]], table.at_ms[known])
        return newest

    def _row_counts(self) -> _Counts:
        rows = np.zeros(len(self._known), dtype=np.int64)
        counted = min(len(self._source_of), len(self._rows))
        owner = np.array(self._source_of[:counted], dtype=np.int64)
        told = owner != _NOBODY
        np.add.at(rows, owner[told], self._rows[:counted][told])
        return rows

    def _learn_series(self) -> None:
        for series in range(len(self._source_of), len(self._registry)):
            key = self._registry.key(series)
            if key[0] not in MEASUREMENTS or not self._registry.owns(key):
                self._source_of.append(_NOBODY)
                continue
            site = self._registry.labels(series).get("site")
            self._source_of.append(self._number(source_of(key), key[0], site))

    def _add(self, source: str) -> None:
        measurement = measurement_of(source)
        self._number(source, measurement, None if measurement == "grid" else source.split("/")[0])

    def _number(self, source: str, measurement: str, site: str | None) -> int:
        number = self._names.get(source)
        if number is None:
            number = self._names[source] = len(self._known)
            self._known.append((source, measurement, site))
        return number
