"""Messages without a time that come again: nothing but their values can tell whether they are known."""

from __future__ import annotations

import numpy as np

from telemetry.batch import Again, Batch
from telemetry.frame import Frame, Ints
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
