"""How often each source speaks: as it was declared, or as its own times show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np

from telemetry.frame import Floats, Mask, Millis
from telemetry.intake_sources import Numbers, roomy
from telemetry.live import NEVER
from telemetry.rhythm import Rhythms, read

PAST_MS = timedelta(hours=1) // timedelta(milliseconds=1)
"""What is so much older than the newest of its source tells the past, which has a rhythm of its own."""

Declared = Callable[[str], timedelta | None]
"""The period that the configuration gives a source, by its name; None if it says nothing."""


class Cadences:
    """By number of the source. A source that speaks when it likes has no cadence: nobody can miss it.

    What a source tells of its past (a buffer that is emptied, a history that is loaded) may come at another
    rhythm than it speaks at now, so both are learned apart.
    """

    def __init__(self) -> None:
        self._declared_by: Declared = _says_nothing
        self._declared: Floats = np.zeros(0)
        self._now = Rhythms()
        self._past = Rhythms()

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
        never: Mask = self._now.last_ms(sources) == NEVER
        return never

    def observe(self, sources: Numbers, at_ms: Millis) -> None:
        """Messages of ``sources`` at their own times, in the order of arrival."""
        if not len(sources):
            return
        order = np.argsort(sources, kind="stable")
        source, at = sources[order], at_ms[order]
        newest = _newest_before(source, at, self._now.last_ms(source))
        past = (newest != NEVER) & (at < newest - PAST_MS)
        self._past.observe(source[past], at[past])
        fresh = at > newest
        self._now.observe(source[fresh], at[fresh])

    def recall(self, sources: Numbers, period_ms: Floats) -> None:
        """What was believed before the service was started; it holds until enough was heard."""
        self._now.recall(sources, period_ms)

    def declared(self, count: int) -> Mask:
        """Which of the first ``count`` sources the configuration says to expect."""
        says: Mask = ~np.isnan(self.declared_ms(np.arange(count)))
        return says

    def declared_ms(self, sources: Numbers) -> Floats:
        """float64[n], the period in ms that was declared of each; NaN where none was."""
        return read(self._declared, sources, np.nan)

    def period_ms(self, sources: Numbers) -> Floats:
        """float64[n], the period of each in ms, now; NaN where nobody knows one."""
        declared = self.declared_ms(sources)
        return np.where(np.isnan(declared), self._now.known(sources), declared)

    def pace_ms(self, sources: Numbers, at_ms: Millis) -> Floats:
        """float64[n], what each message stands for: the period, in ms, that its source showed by then.

        ``sources`` are ordered, and within each its messages as they came.

        NaN where that is not known yet, which it may be once more has come, and of what comes late by less
        than an hour: that may be a repeat. None stands for much more than the time since the last one: when
        a rhythm becomes faster, that is only learned from some messages.
        """
        last = _newest_before(sources, at_ms, self._now.last_ms(sources))
        heard, since = last != NEVER, at_ms - last
        known = self._now.known(sources)
        past = heard & (since < -PAST_MS)
        pace = np.where(heard & (since > 0), np.minimum(known, 2.0 * since), known)
        pace[heard & (since <= 0) & ~past] = np.nan
        if past.any():
            pace[past] = self._past.known(sources[past])
        return pace

    def early_ms(self, sources: Numbers, until_ms: int) -> Floats:
        """float64[n], the period in ms at which sources spoke before ``until_ms`` when they were still new.

        For messages that came before enough had come to know it then.
        """
        pace = self._now.first(sources)
        last = self._now.last_ms(sources)
        past = np.flatnonzero((last != NEVER) & (until_ms < last - PAST_MS))
        shown = self._past.known(sources[past])
        pace[past] = np.where(np.isnan(shown), pace[past], shown)
        return pace

    def _grow(self, size: int) -> None:
        old = len(self._declared)
        if size > old:
            self._declared = np.append(self._declared, np.full(roomy(size, old) - old, np.nan))


def _newest_before(source: Numbers, at_ms: Millis, known: Millis) -> Millis:
    """int64[n], the newest time of each row's source before it; ``source`` is ordered."""
    first = np.ones(len(source), dtype=np.bool_)
    first[1:] = source[1:] != source[:-1]
    before = np.empty(len(at_ms), dtype=np.int64)
    before[1:] = at_ms[:-1]
    before[first] = NEVER
    if (at_ms < before).any():  # a running maximum; each source in a band of numbers of its own
        low = int(at_ms.min())
        band = (np.cumsum(first) - 1) * (int(at_ms.max()) - low + 1)
        reached = np.maximum.accumulate(band + at_ms - low) - band + low
        before[1:] = reached[:-1]
        before[first] = NEVER
    return np.maximum(before, known)


def _says_nothing(_: str) -> None:
    """Of no source."""
