"""A minute that is still open: what every series of a measurement told in it so far."""

from __future__ import annotations

import numpy as np

from telemetry.frame import Floats
from telemetry.rollup_part import Counts, Part

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

    def add(self, part: Part) -> None:
        """Take ``part``, all of this minute: rows newer than all that its series told before."""
        self._reserve(int(part.series.max()) + 1)
        known = self._rows[part.series] > 0
        if known.all():
            self._go_on(part)
        elif not known.any():
            self._begin(part)
        else:
            self._go_on(part.take(known))
            self._begin(part.take(~known))

    def result(self) -> Part:
        """All series that spoke."""
        chosen = np.flatnonzero(self._rows)
        rows = self._rows[chosen]
        count = np.repeat(rows[:, None], self._fields, axis=1)
        if self._missing is not None:
            count -= self._missing[chosen]
        floats = {name: column[chosen] for name, column in self._floats.items()}
        at_ms = np.full(len(chosen), self.at_ms, dtype=np.int64)
        return Part(chosen.astype(np.int32), at_ms, rows, **floats, count=count)

    def _begin(self, part: Part) -> None:
        for name, column in self._floats.items():
            column[part.series] = getattr(part, name)
        self._rows[part.series] = part.rows
        self._note_missing(part)

    def _go_on(self, part: Part) -> None:
        rows, floats = part.series, self._floats
        for name, add in (("sum", np.add), ("low", np.fmin), ("high", np.fmax)):
            column = floats[name].take(rows, axis=0)
            floats[name][rows] = add(column, getattr(part, name), out=column)
        if part.count is None:
            floats["last"][rows] = part.last
        else:
            floats["last"][rows] = np.where(np.isnan(part.last), floats["last"][rows], part.last)
        if self._missing is not None:
            first = floats["first"][rows]
            floats["first"][rows] = np.where(np.isnan(first), part.first, first)
        self._rows[rows] += part.rows
        self._note_missing(part)

    def _note_missing(self, part: Part) -> None:
        if part.count is None:
            return
        missing = part.rows[:, None] - part.count
        if self._missing is None and missing.any():
            self._missing = np.zeros((self._size, self._fields), dtype=np.int32)
        if self._missing is not None:
            self._missing[part.series] += missing

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
