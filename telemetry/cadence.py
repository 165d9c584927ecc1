"""How often each source speaks: as it was declared, or as its own times show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats, Mask, Millis
from telemetry.intake_sources import Numbers, roomy
from telemetry.live import NEVER

RING = 12
"""Intervals remembered of each source."""

ENOUGH = 8
"""Intervals needed before anything is believed of them."""

_NEAR = 0.25
_AGREE = 0.6
"""A cadence is believed when this share of the intervals is within that share of their median."""

Declared = Callable[[str], timedelta | None]
"""The period that the configuration gives a source, by its name; None if it says nothing."""


class Cadences:
    """By number of the source. A source that speaks when it likes has no cadence: nobody can miss it."""

    def __init__(self) -> None:
        self._declared_by: Declared = _says_nothing
        self._last: Millis = np.full(0, NEVER, dtype=np.int64)
        self._ring: npt.NDArray[np.uint32] = np.zeros((0, RING), dtype=np.uint32)
        self._seen: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._declared: Floats = np.zeros(0)
        self._known: Floats = np.zeros(0)

    def declare(self, declared: Declared) -> None:
        """Sources that are added from now on have the period that ``declared`` says."""
        self._declared_by = declared

    def added(self, number: int, name: str) -> None:
        """A source is known from now on under this number."""
        self._grow(number + 1)
        period = self._declared_by(name)
        if period is not None:
            self._declared[number] = period / timedelta(milliseconds=1)

    def unheard(self, sources: Numbers) -> Mask:
        """Which of ``sources`` have not been heard since the service started."""
        self._grow(int(sources.max(initial=0)) + 1)
        never: Mask = self._last[sources] == NEVER
        return never

    def observe(self, sources: Numbers, at_ms: Millis) -> None:
        """Messages of ``sources`` at their own times, in the order of arrival."""
        if not len(sources):
            return
        self._grow(int(sources.max()) + 1)
        order = np.argsort(sources, kind="stable")
        source, at = sources[order], at_ms[order]
        first = np.ones(len(source), dtype=np.bool_)
        first[1:] = source[1:] != source[:-1]
        before = np.empty(len(at), dtype=np.int64)
        before[1:] = at[:-1]
        before[first] = self._last[source[first]]
        told = (before != NEVER) & (at > before)
        interval = np.minimum(at[told] - before[told], np.iinfo(np.uint32).max)
        upto = np.cumsum(told)
        starts = np.flatnonzero(first)
        base = np.repeat((upto - told)[starts], np.diff(np.append(starts, len(source))))
        mine = source[told]
        self._ring[mine, (self._seen[mine] + (upto - 1 - base)[told]) % RING] = interval
        np.add.at(self._seen, mine, 1)
        np.maximum.at(self._last, source, at)

    def recall(self, sources: Numbers, period_ms: Floats) -> None:
        """What was believed before the service was started; it holds until enough was heard."""
        self._grow(int(sources.max(initial=0)) + 1)
        self._known[sources] = period_ms

    def declared(self, count: int) -> Mask:
        """Which of the first ``count`` sources the configuration says to expect."""
        self._grow(count)
        says: Mask = ~np.isnan(self._declared[:count])
        return says

    def period_ms(self, sources: Numbers) -> Floats:
        """float64[n], the period of each in ms; NaN where nobody knows one."""
        self._grow(int(sources.max(initial=0)) + 1)
        known = np.where(np.isnan(self._declared[sources]), self._known[sources], self._declared[sources])
        learning = np.flatnonzero(np.isnan(self._declared[sources]) & (self._seen[sources] >= ENOUGH))
        if len(learning):
            mine = sources[learning]
            known[learning] = self._known[mine] = self._learned(mine)
        return known

    def _learned(self, sources: Numbers) -> Floats:
        size = np.minimum(self._seen[sources], RING)
        rings = np.where(np.arange(RING) < size[:, None], self._ring[sources], np.inf)
        rings.sort(axis=1)
        median = rings[np.arange(len(rings)), (size - 1) // 2]
        near = np.abs(rings - median[:, None]) <= _NEAR * median[:, None]
        return np.where(near.sum(axis=1) >= _AGREE * size, median, np.nan)

    def _grow(self, size: int) -> None:
        old = len(self._last)
        if size <= old:
            return
        more = roomy(size, old) - old
        self._last = np.append(self._last, np.full(more, NEVER, dtype=np.int64))
        self._ring = np.concatenate([self._ring, np.zeros((more, RING), dtype=np.uint32)])
        self._seen = np.append(self._seen, np.zeros(more, dtype=np.int64))
        self._declared = np.append(self._declared, np.full(more, np.nan))
        self._known = np.append(self._known, np.full(more, np.nan))


def _says_nothing(_: str) -> None:
    """Of no source."""
