"""A minute that is still open: what every series of a measurement told in it so far."""

from __future__ import annotations

import numpy as np

from telemetry.frame import Floats
from telemetry.rollups.partial import Counts, Partial

_ROOM = 1024
_FLOATS = ("sum", "low", "high", "first", "last")


class OpenMinute:
    """Accumulators indexed by series id, ``fields`` columns wide.

    They are made of zeros that the system hands out page by page when they are written to: a minute costs
    memory for the series that spoke in it, not for all that have a name.
    """

    def __init__(self, at_ms: int, fields: int, since: int) -> None:
        self.at_ms = at_ms
        """Its start."""
        self.since = since
        """Position in the journal before its first row."""
        self._fields = fields
        self._size = 0
        self._rows: Counts = np.zeros(0, dtype=np.int32)
        self._missing: Counts | None = None
        self._floats: dict[str, Floats] = {name: np.zeros((0, fields)) for name in _FLOATS}

    def add(self, partial: Partial) -> None:
        """Take ``partial``, all of this minute: rows newer than all that its series told before."""
        self._reserve(int(partial.series.max()) + 1)
        known = self._rows[partial.series] > 0
        if known.all():
            self._go_on(partial)
        elif not known.any():
            self._begin(partial)
        else:
            self._go_on(partial.take(known))
            self._begin(partial.take(~known))

    def result(self) -> Partial:
        """All series that spoke."""
        chosen = np.flatnonzero(self._rows)
        rows = self._rows[chosen]
        count = np.repeat(rows[:, None], self._fields, axis=1)
        if self._missing is not None:
            count -= self._missing[chosen]
        floats = {name: column[chosen] for name, column in self._floats.items()}
        at_ms = np.full(len(chosen), self.at_ms, dtype=np.int64)
        return Partial(chosen.astype(np.int32), at_ms, rows, **floats, count=count)

    def _begin(self, partial: Partial) -> None:
        for name, column in self._floats.items():
            column[partial.series] = getattr(partial, name)
        self._rows[partial.series] = partial.rows
        self._note_missing(partial)

    def _go_on(self, partial: Partial) -> None:
        rows, floats = partial.series, self._floats
        for name, add in (("sum", np.add), ("low", np.fmin), ("high", np.fmax)):
            column = floats[name].take(rows, axis=0)
            floats[name][rows] = add(column, getattr(partial, name), out=column)
        if partial.count is None:
            floats["last"][rows] = partial.last
        else:
            floats["last"][rows] = np.where(np.isnan(partial.last), floats["last"][rows], partial.last)
        if self._missing is not None:
            first = floats["first"][rows]
            floats["first"][rows] = np.where(np.isnan(first), partial.first, first)
        self._rows[rows] += partial.rows
        self._note_missing(partial)

    def _note_missing(self, partial: Partial) -> None:
        if partial.count is None:
            return
        missing = partial.rows[:, None] - partial.count
        if self._missing is None and missing.any():
            self._missing = np.zeros((self._size, self._fields), dtype=np.int32)
        if self._missing is not None:
            self._missing[partial.series] += missing

    def _reserve(self, size: int) -> None:
        if size <= self._size:
            return
        # Only rows in use are copied: touching the others would make the system give them memory.
        room = max(_ROOM, 1 << (size - 1).bit_length())
        used = np.flatnonzero(self._rows)
        rows, self._rows = self._rows, np.zeros(room, dtype=np.int32)
        self._rows[used] = rows[used]
        if self._missing is not None:
            missing, self._missing = self._missing, np.zeros((room, self._fields), dtype=np.int32)
            self._missing[used] = missing[used]
        for name, column in self._floats.items():
            grown = np.zeros((room, self._fields))
            grown[used] = column[used]
            self._floats[name] = grown
        self._size = room
