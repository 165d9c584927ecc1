"""The rhythm of each source: the one interval that nearly all of its own times are apart."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats, Mask, Millis
from telemetry.intake_sources import Numbers, roomy
from telemetry.live import NEVER

RING = 12
"""Intervals remembered of each source."""

ENOUGH = 8
"""Intervals needed before anything is believed of them."""

EVERY = 4
"""Intervals after which they are judged again: to sort them costs more than to note them."""

SLOWER_MS = timedelta(days=1) // timedelta(milliseconds=1)
"""A slower rhythm is believed once it has held for so long: no outage of less passes for a new rhythm."""

SLOWER_TIMES = 24
"""Or for so many times as long as the known one did, which may have been a burst that meant nothing."""

LOST_MS = timedelta(days=7) // timedelta(milliseconds=1)
"""A rhythm that nothing has shown for so long is no longer believed."""

_NEAR = 0.25
_AGREE = 0.6
"""A rhythm is believed when this share of the intervals is within that share of their median."""

Kept = TypeVar("Kept", Millis, Floats)


def read(column: Kept, sources: Numbers, nothing: float) -> Kept:
    """The values of ``sources`` in ``column``; ``nothing`` of those that it has no room for yet."""
    if int(sources.max(initial=-1)) < len(column):
        return column[sources]
    found = np.full(len(sources), nothing, dtype=column.dtype)
    there = (sources >= 0) & (sources < len(column))
    found[there] = column[sources[there]]
    return found


class Rhythms:
    """By number of the source; its messages come in the order of their times.

    Whoever loses messages seems to speak more slowly, and never faster. So a faster rhythm is believed at
    once, a slower one only when it was the same for long: until then what is not there is missing.
    """

    def __init__(self) -> None:
        self._last: Millis = np.zeros(0, dtype=np.int64)
        self._ring: npt.NDArray[np.uint32] = np.zeros((0, RING), dtype=np.uint32)
        self._seen: Numbers = np.zeros(0, dtype=np.int64)
        self._known: Floats = np.zeros(0)
        self._first: Floats = np.zeros(0)
        self._since: Millis = np.zeros(0, dtype=np.int64)
        self._sure: Millis = np.zeros(0, dtype=np.int64)
        self._slower: Floats = np.zeros(0)
        self._slower_since: Millis = np.zeros(0, dtype=np.int64)

    def last_ms(self, sources: Numbers) -> Millis:
        """int64[n], the newest time of each; ``NEVER`` where there is none."""
        return read(self._last, sources, NEVER)

    def known(self, sources: Numbers) -> Floats:
        """float64[n], the period in ms that is believed now; NaN where none is."""
        return read(self._known, sources, np.nan)

    def first(self, sources: Numbers) -> Floats:
        """float64[n], the period in ms that was the first to be believed."""
        return read(self._first, sources, np.nan)

    def recall(self, sources: Numbers, period_ms: Floats) -> None:
        """What was believed before the service was started."""
        self.grow(int(sources.max(initial=-1)) + 1)
        self._known[sources] = self._first[sources] = period_ms

    def observe(self, source: Numbers, at_ms: Millis) -> None:
        """Times of messages, ordered by source and within it as they came.

        Where a source goes back to an earlier time, it is begun anew there.
        """
        if not len(source):
            return
        self.grow(int(source.max()) + 1)
        first = np.ones(len(source), dtype=np.bool_)
        first[1:] = source[1:] != source[:-1]
        before = np.empty(len(at_ms), dtype=np.int64)
        before[1:] = at_ms[:-1]
        before[first] = self._last[source[first]]
        back = (before != NEVER) & (at_ms < before)
        if back.any():
            self._begin_anew(source, at_ms, back)
            return
        self._note(source, at_ms, (first, before))
        ends = np.append(np.flatnonzero(first)[1:], len(source)) - 1
        self._last[source[ends]] = at_ms[ends]

    def _begin_anew(self, source: Numbers, at_ms: Millis, back: Mask) -> None:
        place = np.arange(len(source))
        newest = np.full(len(self._last), -1, dtype=np.int64)
        np.maximum.at(newest, source[back], place[back])
        again = source[back]
        self._seen[again], self._last[again], self._known[again] = 0, NEVER, np.nan
        self._since[again] = self._sure[again] = NEVER
        self._slower[again] = np.nan
        kept = place >= newest[source]
        self.observe(source[kept], at_ms[kept])

    def _note(self, source: Numbers, at_ms: Millis, previous: tuple[Mask, Millis]) -> None:
        first, before = previous
        told = (before != NEVER) & (at_ms > before)
        mine = source[told]
        if not len(mine):
            return
        interval = np.minimum(at_ms[told] - before[told], np.iinfo(np.uint32).max)
        upto = np.cumsum(told)
        starts = np.flatnonzero(first)
        base = np.repeat((upto - told)[starts], np.diff(np.append(starts, len(source))))
        seen = self._seen[mine]
        self._ring[mine, (seen + (upto - 1 - base)[told]) % RING] = interval
        np.add.at(self._seen, mine, 1)
        now = self._seen[mine]
        due = (now >= ENOUGH) & (now // EVERY != seen // EVERY)
        due[:-1] &= mine[1:] != mine[:-1]  # one place of each source is enough
        self._judge(mine[due], at_ms[told][due])

    def _judge(self, sources: Numbers, at_ms: Millis) -> None:
        """Believe or give up what the intervals of ``sources``, each named once, show at that time."""
        if not len(sources):
            return
        size = np.minimum(self._seen[sources], RING)
        rings = np.where(np.arange(RING) < size[:, None], self._ring[sources], np.inf)
        rings.sort(axis=1)
        median = rings[np.arange(len(rings)), (size - 1) // 2]
        near = (np.abs(rings - median[:, None]) <= _NEAR * median[:, None]).sum(axis=1)
        agree = near >= _AGREE * size
        known, since, sure = self._known[sources], self._since[sources], self._sure[sources]
        sure = np.where(sure == NEVER, at_ms, sure)
        slower = agree & (median > known * (1 + _NEAR))
        held = np.where(since == NEVER, SLOWER_MS, np.minimum(SLOWER_TIMES * (sure - since), SLOWER_MS))
        shown = np.where(slower, at_ms - self._same_since(sources, at_ms, (slower, median)) >= held, agree)
        lost = ~shown & (at_ms - sure >= LOST_MS)
        new = shown & ~(np.abs(median - known) <= _NEAR * known)
        self._known[sources] = np.where(shown, median, np.where(lost, np.nan, known))
        self._since[sources] = np.where(new, at_ms, since)
        self._sure[sources] = np.where(shown, at_ms, sure)
        unknown = np.isnan(self._first[sources]) & shown
        self._first[sources[unknown]] = median[unknown]

    def _same_since(self, sources: Numbers, at_ms: Millis, shows: tuple[Mask, Floats]) -> Millis:
        """int64[n], since when each shows the slower rhythm that it does; now if it did not before."""
        slower, median = shows
        before = self._slower[sources]
        same = slower & (np.abs(median - before) <= _NEAR * before)
        since = np.where(same, self._slower_since[sources], at_ms)
        self._slower[sources] = np.where(same, before, np.where(slower, median, np.nan))
        self._slower_since[sources] = since
        return since

    def grow(self, size: int) -> None:
        """Make room for so many sources."""
        old = len(self._last)
        if size <= old:
            return
        more = roomy(size, old) - old
        never, unknown = np.full(more, NEVER, dtype=np.int64), np.full(more, np.nan)
        self._last, self._since = np.append(self._last, never), np.append(self._since, never)
        self._sure, self._slower_since = np.append(self._sure, never), np.append(self._slower_since, never)
        self._slower = np.append(self._slower, unknown)
        self._ring = np.concatenate([self._ring, np.zeros((more, RING), dtype=np.uint32)])
        self._seen = np.append(self._seen, np.zeros(more, dtype=np.int64))
        self._known, self._first = np.append(self._known, unknown), np.append(self._first, unknown)
