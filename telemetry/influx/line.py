"""Frames as line protocol: cached tag prefixes, whole columns formatted at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from telemetry.frame import Frame
from telemetry.series import SeriesRegistry

_NEVER = re.compile(r"[\\\x00-\x1f\x7f]")
"""Servers disagree on these, escaped or not: a backslash at the end of a tag eats the next line."""

_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_KEY = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})


def plain(name: str) -> str:
    """``name`` as it is stored: without characters that no server keeps faithfully."""
    return _NEVER.sub("_", name)


def portions(frames: Sequence[Frame], most: int) -> Iterator[list[Frame]]:
    """The rows of ``frames`` in their order, ``most`` at a time."""
    part: list[Frame] = []
    room = most
    for frame in frames:
        first = 0
        while first < len(frame):
            taken = frame.cut(first, first + room)
            part.append(taken)
            first, room = first + len(taken), room - len(taken)
            if not room:
                yield part
                part, room = [], most
    if part:
        yield part


class LineFormat:
    """Makes lines of frames, with times in milliseconds; remembers the first half of each series' lines."""

    def __init__(self, registry: SeriesRegistry) -> None:
        self._registry = registry
        self._prefixes: dict[str, dict[int, str]] = {}

    def lines(self, frame: Frame) -> list[str]:
        """One line per row that tells anything, in the order of the rows; missing fields are left out."""
        names = [name for name in frame.measurement.field_names if name in frame.columns]
        if not names or not len(frame):
            return []
        told = ~np.isnan(np.stack([frame.columns[name] for name in names]))
        if told.all():
            return self._block(frame, names)
        # Rows that tell the same fields are formatted together, then put back into their order: of two
        # values for one field and time the later must win.
        pattern = (told.T << np.arange(len(names))).sum(axis=1)
        lines = np.empty(len(frame), dtype=object)
        for code in np.unique(pattern[pattern > 0]):
            rows = np.flatnonzero(pattern == code)
            chosen = [name for k, name in enumerate(names) if code >> k & 1]
            lines[rows] = self._block(frame.take(rows), chosen)
        return [str(line) for line in lines[pattern > 0]]

    def _block(self, frame: Frame, names: list[str]) -> list[str]:
        form = "%s " + ",".join(name.translate(_KEY) + "=%r" for name in names) + " %d"
        prefixes = [self._prefix(frame, series) for series in frame.series.tolist()]
        columns = [frame.columns[name].tolist() for name in names]
        return [form % row for row in zip(prefixes, *columns, frame.at_ms.tolist(), strict=True)]

    def _prefix(self, frame: Frame, series: int) -> str:
        known = self._prefixes.setdefault(frame.measurement.name, {})
        found = known.get(series)
        if found is None:
            _, values = self._registry.key(series)
            tags = zip(frame.measurement.labels, values, strict=True)
            parts = [frame.measurement.name.translate(_MEASUREMENT)]
            parts += [f"{k.translate(_KEY)}={plain(v).translate(_KEY)}" for k, v in tags if v]
            found = known[series] = ",".join(parts)
        return found
