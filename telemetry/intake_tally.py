"""One batch summed by source and hour: the frame that goes to disk with the rows that it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats, Frame, Millis
from telemetry.intake import INTAKE
from telemetry.intake_sources import IntakeSources, Numbers

HOUR_MS = 3_600_000

_DENSE = 16
"""A table of all sources and hours is made when it has at most so many cells for each thing counted."""


@dataclass
class Tally:
    """Things counted by source and hour; add them, then take the frame.

    ``arrived_ms`` names the hour of what tells no time that could be believed.
    """

    sources: IntakeSources
    arrived_ms: int
    _added: list[tuple[str, Numbers, Numbers, Numbers | Floats | None]] = field(default_factory=list)
    _since: tuple[Numbers, Millis] | None = None

    def add(
        self,
        column: str,
        sources: Numbers,
        at_ms: Millis | None = None,
        counts: Numbers | Floats | None = None,
    ) -> None:
        """Count each of ``sources`` (once, or as often as ``counts`` says) in the hour of its time."""
        if len(sources):
            hours = np.full(len(sources), self.arrived_ms // HOUR_MS) if at_ms is None else at_ms // HOUR_MS
            self._added.append((column, sources, hours, counts))

    def add_named(self, column: str, counts: Mapping[str, int]) -> int:
        """Count what sources, by name, did at no time of their own, unknown ones as nobody; tell the sum."""
        numbers = np.fromiter(map(self.sources.find, counts), np.int64, len(counts))
        self.add(column, numbers, counts=np.fromiter(counts.values(), np.int64, len(counts)))
        return sum(counts.values())

    def add_nobody(self, column: str, count: int) -> None:
        """Count what no source did."""
        if count:
            self.add(column, np.zeros(1, dtype=np.int64), counts=np.array([count], dtype=np.int64))

    def heard_first(self, sources: Numbers, at_ms: Millis) -> None:
        """These, each once, had not been heard since the service started."""
        self._since = (sources, at_ms)

    def frame(self) -> Frame | None:
        """A row per source and hour in which anything was counted; None if nothing was."""
        if not self._added:
            return None
        low = min(int(hours.min()) for _, _, hours, _ in self._added)
        high = max(int(hours.max()) for _, _, hours, _ in self._added)
        width = len(self.sources)
        keys = [(hours - low) * width + sources for _, sources, hours, _ in self._added]
        places, size = _places(keys, (high - low + 1) * width)
        columns: dict[str, npt.NDArray[np.float64]] = {}
        for (name, _, _, counts), place in zip(self._added, places.of, strict=True):
            found = np.bincount(place, counts, minlength=size).astype(np.float64)
            columns[name] = columns[name] + found if name in columns else found
        source, hour = places.keys % width, places.keys // width + low
        if self._since is not None and len(self._since[0]):
            columns["from_ms"] = self._from(source, hour)
        return Frame(INTAKE, self.sources.ids(source), hour * HOUR_MS, columns)

    def _from(self, source: Numbers, hour: Numbers) -> npt.NDArray[np.float64]:
        assert self._since is not None
        first = np.full(len(self.sources), -1, dtype=np.int64)
        first[self._since[0]] = self._since[1]
        mine = first[source]
        return np.where((mine >= 0) & (mine // HOUR_MS == hour), mine % HOUR_MS, np.nan)


@dataclass(frozen=True)
class _Places:
    """``keys`` in order, each once, and for every list of keys where in it they stand."""

    keys: Numbers
    of: Sequence[npt.NDArray[np.intp]]


def _places(keys: Sequence[Numbers], cells: int) -> tuple[_Places, int]:
    if cells <= _DENSE * sum(map(len, keys)):
        there = np.zeros(cells, dtype=np.bool_)
        for one in keys:
            there[one] = True
        slot = np.cumsum(there) - 1
        found = np.flatnonzero(there)
        return _Places(found, [slot[one] for one in keys]), len(found)
    unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    ends = np.cumsum([len(one) for one in keys])[:-1]
    return _Places(unique, np.split(inverse, ends)), len(unique)
