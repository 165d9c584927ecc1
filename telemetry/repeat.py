"""Rows that come again and tell nothing: found before they are stored, whatever the stores can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telemetry.batch import Again, Batch
from telemetry.frame import Frame, Ints, Mask, Millis
from telemetry.live import LiveState


def without_repeats(batch: Batch, live: LiveState) -> tuple[list[Frame], Ints]:
    """The frames of ``batch`` without the rows that were stored before, and of which series those were.

    A message that the broker marks as sent before and that tells no time is taken for known when each of
    its values is the newest that its series told. A device whose values did not change meanwhile loses a
    row by that, and no energy.
    """
    frames = batch.frames()
    repeated: list[Ints] = []
    for number, frame in enumerate(frames):
        mine = [one for one in batch.again if one.measurement is frame.measurement]
        known = [one for one in mine if _is_known(frame, one, live)]
        if known:
            kept = np.ones(len(frame), dtype=np.bool_)
            for one in known:
                kept[one.first : one.first + one.count] = False
            repeated.append(frame.series[~kept])
            frames[number] = frame.take(kept)
    return frames, np.concatenate(repeated) if repeated else np.zeros(0, dtype=np.int32)


def _is_known(frame: Frame, again: Again, live: LiveState) -> bool:
    rows = slice(again.first, again.first + again.count)
    newest = live.rows(frame.measurement, frame.series[rows])
    return all(
        bool((np.isnan(column[rows]) | (column[rows] == newest.columns[name])).all())
        for name, column in frame.columns.items()
    )


def again(frame: Frame, late: Mask, live: LiveState) -> Mask:
    """bool[n], which of the ``late`` rows are the newest row of their series once more, value by value.

    To leave them out loses nothing. What a broker sends again after a break mostly is that; a store that
    overwrites could not tell it from a late row.
    """
    found = np.zeros(len(frame), dtype=np.bool_)
    rows = np.flatnonzero(late)
    if not len(rows):
        return found
    at_ms = frame.at_ms[rows]
    newest = live.rows(frame.measurement, frame.series[rows])
    same = newest.at_ms == at_ms
    for name, column in frame.columns.items():
        told = column[rows]
        known = (newest.columns[name] == told) & (newest.field_at_ms[name] == at_ms)
        same &= np.isnan(told) | known
    found[rows] = same
    return found


@dataclass(frozen=True)
class Repeats:
    """Rows that were left out because they were known: their series, and their times (int64, ms)."""

    series: Ints
    at_ms: Millis

    def __len__(self) -> int:
        return len(self.series)
