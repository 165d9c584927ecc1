"""The account of one hour in memory: a column per count, a cell per source."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from telemetry.expectation import TOLD
from telemetry.frame import Floats, Mask
from telemetry.intake import ADDED
from telemetry.intake_sources import Numbers


class Cells:
    """Columns of numbers by number of the source; ``nothing`` is what stands where none was told."""

    def __init__(self, nothing: float) -> None:
        self._nothing = nothing
        self._columns: dict[str, Floats] = {}

    def __len__(self) -> int:
        return sum(map(len, self._columns.values()))

    @property
    def names(self) -> frozenset[str]:
        """Columns that there are."""
        return frozenset(self._columns)

    def get(self, name: str, sources: Numbers) -> Floats:
        """float64[n], a column of ``sources``."""
        column = self._columns.get(name)
        found = np.full(len(sources), self._nothing)
        if column is not None:
            there = sources < len(column)
            found[there] = column[sources[there]]
        return found

    def add(self, name: str, sources: Numbers, values: Floats) -> None:
        """Add to the cells of ``sources``, each named once."""
        self._column(name, sources)[sources] += values

    def put(self, name: str, sources: Numbers, values: Floats) -> None:
        """Set the cells of ``sources``."""
        self._column(name, sources)[sources] = values

    def _column(self, name: str, sources: Numbers) -> Floats:
        column = self._columns.get(name, np.zeros(0))
        size, old = int(sources.max(initial=-1)) + 1, len(column)
        if size > old:
            more = max(size, old + old // 4, 64) - old
            column = np.append(column, np.full(more, self._nothing))
        self._columns[name] = column
        return column


class HourTable:
    """The counts of the hour ``at_ms`` by number of the source, and which of them changed.

    ``whole`` says that what is stored of the hour is in it; until then it holds only what came since.
    """

    def __init__(self, at_ms: int, whole: bool) -> None:
        self.at_ms = at_ms
        self.whole = whole
        self._counts = Cells(0.0)
        self._told = Cells(np.nan)
        self._there: Mask = np.zeros(0, dtype=np.bool_)
        self._changed: Mask = np.zeros(0, dtype=np.bool_)

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns that anything was told of: a count may be 0 again."""
        return self._counts.names | self._told.names

    @property
    def cells(self) -> int:
        """How many numbers it keeps in memory."""
        return len(self._there) + len(self._counts) + len(self._told)

    def add(self, sources: Numbers, counts: Mapping[str, Floats]) -> None:
        """Add to the counts of ``sources``, each named once."""
        self._grow(sources)
        self._there[sources] = self._changed[sources] = True
        for name, values in counts.items():
            if name in ADDED:
                self._counts.add(name, sources, values)

    def found(self, sources: Numbers, stored: Mapping[str, Floats]) -> None:
        """Take in what is stored of the hour: all of it, once."""
        for name, values in stored.items():
            if name in ADDED:
                self._counts.add(name, sources, np.nan_to_num(values))
        self._tell(sources, stored)
        self.whole = True

    def stored(self, sources: Numbers, told: Mapping[str, Floats]) -> None:
        """The rows of ``sources`` are on disk now, with ``told`` besides their counts."""
        self._tell(sources, told)
        self._changed[sources] = False

    def counts(self, sources: Numbers) -> dict[str, Floats]:
        """All counts of ``sources``; what nothing told is 0."""
        return {name: self._counts.get(name, sources) for name in ADDED}

    def told(self, sources: Numbers) -> dict[str, Floats]:
        """What was last stored of ``sources`` besides their counts; NaN where nothing was."""
        return {name: self._told.get(name, sources) for name in TOLD}

    def changed(self) -> Numbers:
        """Sources whose row is not stored as it is now."""
        return np.flatnonzero(self._changed)

    def there(self) -> Numbers:
        """Sources that have a row."""
        return np.flatnonzero(self._there)

    def _tell(self, sources: Numbers, told: Mapping[str, Floats]) -> None:
        self._grow(sources)
        self._there[sources] = True
        for name in TOLD:
            if name in told:
                self._told.put(name, sources, told[name])

    def _grow(self, sources: Numbers) -> None:
        size, old = int(sources.max(initial=-1)) + 1, len(self._there)
        if size > old:
            more = np.zeros(max(size, old + old // 4, 64) - old, dtype=np.bool_)
            self._there, self._changed = np.append(self._there, more), np.append(self._changed, more)
