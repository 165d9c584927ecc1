"""All open minutes of all measurements, and the steps whose rows came late or again: in memory, blocking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from telemetry.catalogue import Measurement
from telemetry.frame import Frame, Millis
from telemetry.live import NEVER
from telemetry.order import concatenated, merged, not_newer
from telemetry.rollup import ALL_ROLLUPS, MINUTE_MS
from telemetry.rollup_again import Keys, keys_of
from telemetry.rollup_open import OpenMinute
from telemetry.rollup_part import Mask, Part, minutes_of, rolled

_MANY = 200
"""Doubts that are kept apart, each with its own position; more are put together, or a flood would pile up."""


@dataclass(frozen=True)
class Doubt:
    """Minutes of ``measurement`` to make again from the store; ``since`` is the position before their rows.

    When the store keeps their readings no more, ``late`` are rollup rows of just those that came late.
    """

    since: int
    measurement: Measurement
    keys: Keys
    late: Frame | None = None

    def first_ms(self) -> int:
        """Start of the oldest of its minutes."""
        return int((self.keys & 0xFFFF_FFFF).min()) * MINUTE_MS


@dataclass(frozen=True)
class Before:
    """What was done before a restart with rows that come by again, and which rows are gone.

    ``accounted``: those of closed minutes were looked at; ``added``: late ones, whose minute's readings are
    gone (older than ``gone_ms`` by measurement), were added to their rollup. Where the minutes are gone too
    no hour could be made of them: there late rows change nothing.
    """

    accounted: bool = False
    added: bool = False
    gone_ms: Mapping[str, int] = field(default_factory=dict)


class Minutes:
    """Takes rows in the order of the journal and closes minutes for all series at once.

    Rows that are newer than all of their series go into the accumulators of their minute. Of the others
    (late ones, repeats, a second half of a row) and of those whose minute is closed only the step is noted.
    """

    def __init__(self, closed_ms: int) -> None:
        self.closed_ms = closed_ms
        """Minutes that start before this are closed."""
        self.doubts: list[Doubt] = []
        self._open: dict[tuple[str, int], OpenMinute] = {}
        self._ready: list[Frame] = []
        self._newest: Millis = np.zeros(0, dtype=np.int64)
        self._place = np.zeros(0, dtype=np.int32)

    def since(self) -> int | None:
        """Position before the oldest row that an open minute or a doubt needs; None if none does."""
        held = [one.since for one in self._open.values()] + [one.since for one in self.doubts]
        return min(held, default=None)

    def doubted_since(self) -> int | None:
        """Position before the oldest row of a doubt; None if there is none."""
        return min((one.since for one in self.doubts), default=None)

    def newest_open_ms(self) -> int | None:
        """Start of the newest open minute; None if none is."""
        return max((at_ms for _, at_ms in self._open), default=None)

    def take(self, frames: Sequence[Frame], since: int, closing_ms: int, before: Before) -> None:
        """Take ``frames``, that came after position ``since``; :meth:`close` up to ``closing_ms`` follows."""
        for frame in frames:
            late, different = self._late(frame)
            closed = frame.at_ms < self.closed_ms
            bad = closed if late is None else late | closed
            if bad.any():
                self._doubt(frame, bad & ~closed if before.accounted else bad, since, before)
                frame = frame.take(~bad)
            if len(frame):
                self._add(frame.measurement, minutes_of(frame, different), since, closing_ms)

    def close(self, before_ms: int) -> list[Frame]:
        """Close all minutes that start before ``before_ms``: their rows, a frame per measurement."""
        over = sorted(key for key in self._open if key[1] < before_ms)
        for key in over:
            self._ready.append(rolled(ALL_ROLLUPS[f"{key[0]}_1m"], self._open.pop(key).result()))
        self.closed_ms = max(self.closed_ms, before_ms)
        ready, self._ready = self._ready, []
        return concatenated(ready)

    def settle(self) -> list[Doubt]:
        """Take out the doubts of closed minutes; those of open ones stay."""
        over, stay = [], []
        for doubt in self.doubts:
            closed = (doubt.keys & 0xFFFF_FFFF) * MINUTE_MS < self.closed_ms
            if doubt.late is not None:
                over.append(doubt)
                continue
            over += _chosen(doubt, closed)
            stay += _chosen(doubt, ~closed)
        self.doubts = stay
        return over

    def _add(self, measurement: Measurement, part: Part, since: int, closing_ms: int) -> None:
        name = measurement.name
        rest = np.ones(len(part), dtype=np.bool_)
        for at_ms in self._slots(name, part, closing_ms):
            mine = part.at_ms == at_ms
            slot = self._open.get((name, at_ms))
            if slot is None:
                slot = self._open[name, at_ms] = OpenMinute(at_ms, len(measurement.fields), since)
            if mine.all():
                slot.add(part)
                return
            slot.add(part.take(mine))
            rest &= ~mine
        if rest.any():  # began and ended within this batch: a recording is read, or a backlog
            self._ready.append(rolled(ALL_ROLLUPS[f"{name}_1m"], part.take(rest)))

    def _slots(self, name: str, part: Part, closing_ms: int) -> Iterator[int]:
        """Minutes of ``part`` that need an accumulator: they have one, or stay open after this batch."""
        for at_ms in map(int, np.unique(part.at_ms)) if len(part) else ():
            if at_ms >= closing_ms or (name, at_ms) in self._open:
                yield at_ms

    def _doubt(self, frame: Frame, bad: Mask, since: int, before: Before) -> None:
        measurement = frame.measurement
        gone = frame.at_ms < before.gone_ms.get(measurement.name, NEVER)
        bad = bad & (frame.at_ms >= before.gone_ms.get(f"{measurement.name}_1m", NEVER))
        there, lost = frame.take(bad & ~gone), frame.take(bad & gone)
        if len(there):
            self.doubts.append(Doubt(since, measurement, _minutes(there)))
        if len(lost) and not before.added:
            late = rolled(ALL_ROLLUPS[f"{measurement.name}_1m"], minutes_of(merged(lost), False))
            self.doubts.append(Doubt(since, measurement, _minutes(lost), late))
        plain = [one for one in self.doubts if one.late is None]
        if len(plain) > _MANY:
            first = min(one.since for one in plain)
            self.doubts = [one for one in self.doubts if one.late is not None]
            self.doubts += [Doubt(first, m, keys) for m, keys in by_measurement(plain).items()]

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


def by_measurement(doubts: Sequence[Doubt]) -> Mapping[Measurement, Keys]:
    """All keys of ``doubts``, each once."""
    found: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        found.setdefault(doubt.measurement.name, []).append(doubt)
    return {
        group[0].measurement: np.unique(np.concatenate([one.keys for one in group]))
        for group in found.values()
    }


def _chosen(doubt: Doubt, mask: Mask) -> list[Doubt]:
    return [Doubt(doubt.since, doubt.measurement, doubt.keys[mask])] if mask.any() else []
