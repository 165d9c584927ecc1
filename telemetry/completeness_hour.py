"""The account of one hour in memory: a column per count, a cell per source."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from telemetry.frame import Floats, Frame, Ints, Mask
from telemetry.intake import ADDED, COMPLETENESS
from telemetry.intake_sources import Numbers


class HourTable:
    """The counts of the hour ``at_ms`` by number of the source, and which of them changed.

    ``whole`` says that what is stored of the hour is in it; until then it holds only what came since.
    """

    def __init__(self, at_ms: int, whole: bool) -> None:
        self.at_ms = at_ms
        self.whole = whole
        self._columns: dict[str, Floats] = {}
        self._there: Mask = np.zeros(0, dtype=np.bool_)
        self._changed: Mask = np.zeros(0, dtype=np.bool_)

    @property
    def cells(self) -> int:
        """How many numbers it keeps in memory."""
        return len(self._there) * (1 + len(self._columns))

    def add(self, sources: Numbers, counts: Mapping[str, Floats]) -> None:
        """Add to the counts of ``sources``, each named once."""
        self._mark(sources)
        for name, values in counts.items():
            if name in ADDED:
                self._column(name)[sources] += values

    def put(self, sources: Numbers, name: str, values: Floats) -> None:
        """Set a column of ``sources``, which need a row by that."""
        self._mark(sources)
        self._column(name)[sources] = values

    def found(self, sources: Numbers, stored: Mapping[str, Floats]) -> None:
        """Take in what is stored of the hour: all of it, once."""
        self._grow(sources)
        self._there[sources] = True
        for name, values in stored.items():
            if name in ADDED:
                self._column(name)[sources] += np.nan_to_num(values)
            elif not np.isnan(values).all():
                column = self._column(name)
                column[sources] = np.where(np.isnan(column[sources]), values, column[sources])
        self.whole = True

    def get(self, name: str, sources: Numbers) -> Floats:
        """A column of ``sources``; counts that nothing told are 0, the others NaN."""
        self._grow(sources)
        column = self._columns.get(name)
        if column is None:
            return np.full(len(sources), 0.0 if name in ADDED else np.nan)
        return column[sources]

    def changed(self) -> Numbers:
        """Sources whose row is not stored as it is now."""
        return np.flatnonzero(self._changed)

    def there(self) -> Numbers:
        """Sources that have a row."""
        return np.flatnonzero(self._there)

    def written(self) -> None:
        """All changes are on disk."""
        self._changed[:] = False

    def frame(self, sources: Numbers, series: Ints) -> Frame:
        """The rows of ``sources``, which are stored under ``series``."""
        columns = {name: self._columns[name][sources] for name in self._columns}
        at_ms = np.full(len(sources), self.at_ms, dtype=np.int64)
        return Frame(COMPLETENESS, series, at_ms, columns)

    def _mark(self, sources: Numbers) -> None:
        self._grow(sources)
        self._there[sources] = self._changed[sources] = True

    def _column(self, name: str) -> Floats:
        column = self._columns.get(name)
        if column is None:
            fill = 0.0 if name in ADDED else np.nan
            column = self._columns[name] = np.full(len(self._there), fill)
        return column

    def _grow(self, sources: Numbers) -> None:
        size, old = int(sources.max(initial=-1)) + 1, len(self._there)
        if size <= old:
            return
        more = max(size, old + old // 4, 64) - old
        self._there = np.append(self._there, np.zeros(more, dtype=np.bool_))
        self._changed = np.append(self._changed, np.zeros(more, dtype=np.bool_))
        for name, column in self._columns.items():
            fill = 0.0 if name in ADDED else np.nan
            self._columns[name] = np.append(column, np.full(more, fill))
