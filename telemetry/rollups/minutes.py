"""All open minutes of all measurements, and what came too late for them: in memory, blocking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry.catalogue import Measurement
from telemetry.frame import Frame, Mask, Millis
from telemetry.live import NEVER
from telemetry.order import concatenated, merged, not_newer
from telemetry.rollup import ALL_ROLLUPS, MINUTE_MS
from telemetry.rollups.dirty import Dirty, DirtyWindows, Mend
from telemetry.rollups.open_minute import OpenMinute
from telemetry.rollups.partial import Partial, partials_of, rolled
from telemetry.rollups.state import RollupState
from telemetry.rollups.steps import Keys, keys_of


@dataclass(frozen=True)
class Batch:
    """Rows that came after position ``since`` and up to ``upto``.

    ``before`` is the state at the last start, which tells what was already done with rows that come by
    again, and ``now`` the one that stands. A batch does not span a mark of ``before``. Minutes before
    ``closing_ms`` are closed right after it.
    """

    frames: Sequence[Frame]
    since: int
    upto: int
    closing_ms: int
    before: RollupState
    now: RollupState

    @property
    def accounted(self) -> bool:
        """Whether its rows of minutes that were closed at the last start need nothing any more."""
        return self.upto <= self.before.accounted_position

    @property
    def merged(self) -> bool:
        """Whether its rows of released minutes were merged into them."""
        return self.upto <= self.now.merged_position


class Minutes:
    """Takes rows in the order of the journal and closes minutes for all series at once.

    Rows that are newer than all of their series go into the accumulators of their minute. Of the others
    (late ones, repeats, a second half of a row) and of those whose minute is closed only the minute is noted,
    as dirty. Rows whose minute was released are aggregated apart, to be merged into it.
    """

    def __init__(self, closed_ms: int) -> None:
        self.closed_ms = closed_ms
        """Minutes that start before this are closed."""
        self.dirty = DirtyWindows()
        """What came too late."""
        self._open: dict[tuple[str, int], OpenMinute] = {}
        self._ready: list[Frame] = []
        self._newest: Millis = np.zeros(0, dtype=np.int64)
        self._place = np.zeros(0, dtype=np.int32)

    def since(self) -> int | None:
        """Position before the oldest row that an open minute or a dirty one needs; None if none does."""
        held = [*(one.since for one in self._open.values()), self.dirty.since()]
        return min((one for one in held if one is not None), default=None)

    def newest_open_ms(self) -> int | None:
        """Start of the newest open minute; None if none is."""
        return max((at_ms for _, at_ms in self._open), default=None)

    def take(self, batch: Batch) -> None:
        """Take the rows of ``batch``; :meth:`close` up to its ``closing_ms`` follows."""
        for frame in batch.frames:
            oldest, name = int(frame.at_ms.min()), frame.measurement.name
            late, different = self._late(frame)
            released = max(batch.now.released(name), batch.now.released(f"{name}_1m"))
            if oldest < released:
                kept = frame.at_ms >= released
                self._merge_later(frame.take(~kept), batch)
                frame, late = frame.take(kept), None if late is None else late[kept]
            if oldest < self.closed_ms:
                closed = frame.at_ms < self.closed_ms
                late = closed if late is None else late | closed
            if late is not None and late.any():
                self._recompute_later(frame.take(late), batch)
                frame = frame.take(~late)
            if len(frame):
                self._add(frame.measurement, partials_of(frame, different), batch)

    def close(self, before_ms: int) -> list[Frame]:
        """Close all minutes that start before ``before_ms``: their rows, a frame per measurement."""
        over = sorted(key for key in self._open if key[1] < before_ms)
        for key in over:
            self._ready.append(rolled(ALL_ROLLUPS[f"{key[0]}_1m"], self._open.pop(key).result()))
        self.closed_ms = max(self.closed_ms, before_ms)
        ready, self._ready = self._ready, []
        return concatenated(ready)

    def _add(self, measurement: Measurement, partial: Partial, batch: Batch) -> None:
        name = measurement.name
        rest = np.ones(len(partial), dtype=np.bool_)
        for at_ms in self._slots(name, partial, batch.closing_ms):
            mine = partial.at_ms == at_ms
            slot = self._open.get((name, at_ms))
            if slot is None:
                slot = self._open[name, at_ms] = OpenMinute(at_ms, len(measurement.fields), batch.since)
            if mine.all():
                slot.add(partial)
                return
            slot.add(partial.take(mine))
            rest &= ~mine
        if rest.any():  # began and ended within this batch: a recording is read, or a backlog
            self._ready.append(rolled(ALL_ROLLUPS[f"{name}_1m"], partial.take(rest)))

    def _slots(self, name: str, partial: Partial, closing_ms: int) -> Iterator[int]:
        """Minutes of ``partial`` that need an accumulator: they have one, or stay open after this batch."""
        for at_ms in map(int, np.unique(partial.at_ms)) if len(partial) else ():
            if at_ms >= closing_ms or (name, at_ms) in self._open:
                yield at_ms

    def _recompute_later(self, rows: Frame, batch: Batch) -> None:
        if batch.accounted:
            rows = rows.take(rows.at_ms >= batch.before.closed_ms)
        if len(rows):
            window = Dirty(Mend.RECOMPUTE, batch.since, batch.upto, rows.measurement, _minutes(rows))
            self.dirty.add(window)

    def _merge_later(self, rows: Frame, batch: Batch) -> None:
        name = rows.measurement.name
        rows = rows.take(rows.at_ms >= batch.now.released(f"{name}_1m"))
        if not len(rows) or batch.accounted:
            return
        window = Dirty(Mend.SPREAD, batch.since, batch.upto, rows.measurement, _minutes(rows))
        if not batch.merged:
            late = rolled(ALL_ROLLUPS[f"{name}_1m"], partials_of(merged(rows), False))
            window = Dirty(Mend.MERGE, batch.since, batch.upto, rows.measurement, window.keys, late)
        self.dirty.add(window)

    def _late(self, frame: Frame) -> tuple[Mask | None, bool]:
        """Rows not newer than their series, None if there are none; and whether all series are different."""
        series, at_ms = frame.series, frame.at_ms
        self._reserve(int(series.max()) + 1)
        places = np.arange(len(frame), dtype=np.int32)
        self._place[series] = places
        different = bool((self._place[series] == places).all())
        known = self._newest[series]
        if different and bool((at_ms > known).all()):
            self._newest[series] = at_ms
            return None, True
        late = not_newer(frame, known)
        np.maximum.at(self._newest, series, at_ms)
        return (late if late.any() else None), different

    def _reserve(self, size: int) -> None:
        old = len(self._newest)
        if size > old:
            room = max(1024, 1 << (size - 1).bit_length())
            newest = np.full(room, NEVER, dtype=np.int64)
            newest[:old] = self._newest
            self._newest, self._place = newest, np.zeros(room, dtype=np.int32)


def _minutes(rows: Frame) -> Keys:
    return np.unique(keys_of(rows.series, rows.at_ms, MINUTE_MS))
