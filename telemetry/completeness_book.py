"""What is known of each source over the hours: since when it speaks, when it last did, how full a day was."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from telemetry.frame import Floats, Mask, Millis
from telemetry.intake_sources import Numbers, roomy
from telemetry.intake_tally import HOUR_MS
from telemetry.live import NEVER

FORGET = timedelta(days=7)
"""A source that nobody configured is expected for so long after its last message."""

HOURS = 24
"""Hours of which the share that came is kept."""

NOTHING = 255
"""Of an hour in which nothing was expected and nothing came that could be used."""

SPOKE = 254
"""Of an hour in which something came, and nobody knows how much was to be expected."""

FULL = 200
"""Of an hour in which everything came; less than all is less than this."""

_ROUNDING = 1e-6
"""How far a share may be off because it is a fraction of fractions."""

_UNKNOWN = int(np.iinfo(np.int64).max)


class SourceHistory:
    """By number of the source; hours are named by their start in ms."""

    def __init__(self) -> None:
        self._first: Millis = np.zeros(0, dtype=np.int64)
        self._last: Millis = np.zeros(0, dtype=np.int64)
        self._pace: Floats = np.zeros(0)
        self._shares: npt.NDArray[np.uint8] = np.zeros((0, HOURS), dtype=np.uint8)
        self._hours: Millis = np.full(HOURS, NEVER, dtype=np.int64)

    def grow(self, size: int) -> None:
        """Make room for so many sources."""
        old = len(self._first)
        if size > old:
            more = roomy(size, old) - old
            self._first = np.append(self._first, np.full(more, _UNKNOWN, dtype=np.int64))
            self._last = np.append(self._last, np.full(more, NEVER, dtype=np.int64))
            self._pace = np.append(self._pace, np.full(more, np.nan))
            empty = np.full((more, HOURS), NOTHING, dtype=np.uint8)
            self._shares = np.concatenate([self._shares, empty])

    def heard(self, sources: Numbers, at_ms: int, from_ms: Floats | None = None) -> None:
        """These sources spoke in the hour ``at_ms``, for the first time perhaps ``from_ms`` into it."""
        known = self._first[sources]
        earlier = np.where(at_ms + HOUR_MS <= known, at_ms, known)
        if from_ms is not None:
            first = np.minimum(known, at_ms + np.nan_to_num(from_ms).astype(np.int64))
            earlier = np.where(np.isnan(from_ms), earlier, first)
        self._first[sources] = earlier
        self._last[sources] = np.maximum(self._last[sources], at_ms)

    def expect(self, sources: Numbers, at_ms: int) -> None:
        """From ``at_ms`` on these should speak, unless they were expected before."""
        self._first[sources] = np.minimum(self._first[sources], at_ms)

    def since(self, sources: Numbers) -> Millis:
        """int64[n], from when on each source is expected."""
        return self._first[sources]

    def keep_pace(self, sources: Numbers, period_ms: Floats) -> None:
        """At which period each was to speak in the hour that was closed last."""
        self._pace[sources] = period_ms

    def pace(self, sources: Numbers) -> Floats:
        """float64[n], what :meth:`keep_pace` was told; NaN where nothing."""
        return self._pace[sources]

    def alive(self, at_ms: int, configured: Mask) -> Numbers:
        """Who is expected to speak in the hour ``at_ms``."""
        forgotten_ms = at_ms - FORGET // timedelta(milliseconds=1)
        mine = len(configured)
        begun = self._first[:mine] < at_ms + HOUR_MS
        return np.flatnonzero(begun & (configured | (self._last[:mine] >= forgotten_ms)))

    def silent_hours(self, sources: Numbers, at_ms: int) -> Floats:
        """Hours up to the end of the hour ``at_ms`` in which each told nothing; NaN for who never did."""
        last = self._last[sources]
        return np.where(last == NEVER, np.nan, np.maximum(0, (at_ms - last) // HOUR_MS).astype(np.float64))

    def note(self, at_ms: int, sources: Numbers, came: Floats, expected: Floats) -> None:
        """Keep which share of the ``expected`` messages came in this hour, if it is one of the last."""
        place = at_ms // HOUR_MS % HOURS
        if at_ms < self._hours[place]:
            return
        if at_ms > self._hours[place]:
            self._hours[place] = at_ms
            self._shares[:, place] = NOTHING
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.minimum(came / expected, 1.0)
        shown = np.where(np.isnan(expected), SPOKE, np.floor(FULL * np.nan_to_num(share) + _ROUNDING))
        nothing = np.where(np.isnan(expected), came == 0, expected == 0)
        self._shares[sources, place] = np.where(nothing, NOTHING, shown).astype(np.uint8)

    def shares(self, sources: Numbers, at_ms: int) -> npt.NDArray[np.uint8]:
        """uint8[n, 24], the last hours up to the hour ``at_ms``, oldest first."""
        hours = at_ms - HOUR_MS * np.arange(HOURS - 1, -1, -1)
        places = hours // HOUR_MS % HOURS
        known = self._hours[places] == hours
        return np.where(known, self._shares[sources][:, places], NOTHING).astype(np.uint8)
