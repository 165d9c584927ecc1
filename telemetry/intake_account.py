"""Keeps the account of every batch by source and hour, and learns from it how often each source speaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from runtime.clock import to_ms
from telemetry.batch import Batch
from telemetry.cadence import Cadences, Declared
from telemetry.counted import PublisherCounts
from telemetry.frame import Frame, Ints, Mask, Millis
from telemetry.intake_sources import IntakeSources, Numbers
from telemetry.intake_tally import HOUR_MS, Tally
from telemetry.quality import Checked, Quality
from telemetry.repeat import Repeats
from telemetry.series import SeriesRegistry


@dataclass(frozen=True)
class Judged:
    """What became of a batch's rows.

    ``late`` goes with ``frames``. ``repeated`` names the series of rows without a time of their own that were
    stored before and left out, ``known`` those with one.
    """

    checked: Sequence[Checked]
    frames: Sequence[Frame]
    late: Sequence[Mask]
    repeated: Ints
    known: Repeats | None = None


class IntakeAccount:
    """Everything that the counters of the ingest count, told apart by source and hour.

    The hour is that of a message's or row's own time; that of arrival where there is none to be believed.
    ``seen`` is what the journal holds of publishers' own counts.
    """

    def __init__(self, registry: SeriesRegistry, quality: Quality, seen: Sequence[bytes] = ()) -> None:
        self._quality = quality
        self.cadences = Cadences()
        self.sources = IntakeSources(registry, self.cadences.added)
        self.counts = PublisherCounts(self.sources, registry)
        self.counts.restore(seen)

    def declare(self, declared: Declared) -> None:
        """Take the cadence of sources, also of those known by now, from ``declared``."""
        self.cadences.declare(declared)
        for number in range(1, len(self.sources)):
            self.cadences.added(number, self.sources.name(number))

    def expect(self, sources: Iterable[str]) -> None:
        """These are known from now on, whether they ever speak or not, as far as they are told here."""
        for source in sources:
            self.sources.ours(source)

    def settle_jumps(self, batch: Batch) -> None:
        """Where a count in ``batch`` jumped, take for lost what its source's rhythm had room for.

        One message where nobody knows a rhythm or the times are not to be believed.
        """
        for series, since_ms, at_ms, most in batch.jumps:
            period = float(self.cadences.period_ms(self.sources.of_series(np.array([series], np.int32)))[0])
            lost = 1
            if period > 0 and self._quality.believed(np.array([since_ms, at_ms])).all():
                lost = min(most, max(0, round((at_ms - since_ms) / period) - 1))
            if lost:
                batch.lose((series, since_ms, at_ms), lost, certain=True)
        batch.jumps.clear()

    def frame(self, batch: Batch, judged: Judged) -> Frame | None:
        """What ``batch`` adds to the account; None if nothing."""
        tally = Tally(self.sources, to_ms(self._quality.wall.now()))
        sources, at_ms = self._messages(batch, tally)
        tally.add("received", sources, at_ms)
        self._add_pace(sources, at_ms, tally)
        refused: Counter[str] = Counter()
        named: dict[str, Counter[str]] = {}
        for (source, reason), count in batch.refused.items():
            refused[source] += count
            named.setdefault(reason, Counter())[source] += count
        known = tally.add_named("received", refused)
        tally.add_named("refused", refused)
        if any(one.refused for one in judged.checked):
            self._add_refused((sources, at_ms), batch, judged.checked, tally)
        tally.add_nobody("received", batch.received - len(sources) - known)
        for reason, count in batch.rejected.items():
            column = f"rejected_{reason}"
            tally.add_nobody(column, count - tally.add_named(column, named.get(reason, Counter())))
        self._add_lost(batch, tally)
        self._add_rows(judged, tally)
        tally.add_named("unstamped", batch.unstamped)
        tally.add_nobody("session_gaps", batch.session_gaps)
        unheard = self.cadences.unheard(sources)
        if unheard.any():
            new, first = np.unique(sources[unheard], return_index=True)
            tally.heard_first(new, at_ms[unheard][first])
        return tally.frame()

    def heard(self, batch: Batch) -> None:
        """``batch`` is on disk: learn from its times."""
        told_ms = np.array(batch.told_ms, dtype=np.int64)
        good = self._quality.believed(told_ms)
        sources = self.sources.of_series(np.array(batch.told, dtype=np.int32))
        good &= sources > 0  # nobody in particular has no cadence
        self.cadences.observe(sources[good], told_ms[good])

    def _messages(self, batch: Batch, tally: Tally) -> tuple[Numbers, Millis]:
        """Source and time of every message that was used."""
        sources = self.sources.of_series(np.array(batch.told, dtype=np.int32))
        at_ms = np.array(batch.told_ms, dtype=np.int64)
        return sources, np.where(self._quality.believed(at_ms), at_ms, tally.arrived_ms)

    def _add_refused(
        self, told: tuple[Numbers, Millis], batch: Batch, checked: Sequence[Checked], tally: Tally
    ) -> None:
        """Messages of which no row was believed."""
        kept = set[tuple[int, int]]()
        doubted = set[int]()
        for one in checked:
            sources = self.sources.of_series(one.frame.series)
            kept.update(zip(sources.tolist(), one.frame.at_ms.tolist(), strict=True))
            for series in one.refused.values():
                doubted.update(self.sources.of_series(series).tolist())
        sources, at_ms = told
        messages = zip(sources.tolist(), batch.told_ms, strict=True)
        whole = [
            k for k, (source, at) in enumerate(messages) if source in doubted and (source, at) not in kept
        ]
        tally.add("refused", sources[whole], at_ms[whole])

    def _add_pace(self, sources: Numbers, at_ms: Millis, tally: Tally) -> None:
        """What each message stands for by the rhythm of its source at its time."""
        order = np.argsort(sources, kind="stable")
        sources, at_ms = sources[order], at_ms[order]
        pace = self.cadences.pace_ms(sources, at_ms)
        known = np.flatnonzero(~np.isnan(pace) & (sources > 0))
        tally.add("paced", sources[known], at_ms[known])
        tally.add("covers_ms", sources[known], at_ms[known], pace[known])

    def _add_lost(self, batch: Batch, tally: Tally) -> None:
        if batch.gaps:
            series, since, at_ms, counts = np.array(batch.gaps, dtype=np.int64).T
            at_ms = np.where(self._quality.believed(at_ms), at_ms, tally.arrived_ms)
            since = np.where(self._quality.believed(since), np.minimum(since, at_ms), at_ms)
            sources = self.sources.of_series(series.astype(np.int32))
            for mine, hour_ms, part in _by_hour(since, at_ms, counts):
                tally.add("missed", sources[mine], hour_ms, part)
        tally.add_nobody("missed", batch.missed - sum(count for *_, count in batch.gaps))

    def _add_rows(self, judged: Judged, tally: Tally) -> None:
        for frame, late in zip(judged.frames, judged.late, strict=True):
            sources = self.sources.of_series(frame.series)
            tally.add("rows", sources, frame.at_ms)
            tally.add("not_newer", sources[late], frame.at_ms[late])
        again, known = self.sources.of_series(judged.repeated), judged.known
        for column in ("rows", "not_newer", "repeated"):
            tally.add(column, again)
            if known is not None:
                tally.add(column, self.sources.of_series(known.series), known.at_ms)
        for one in judged.checked:
            for reason, series in one.refused.items():
                tally.add(f"rejected_{reason}", self.sources.of_series(series))


def _by_hour(since: Millis, at_ms: Millis, counts: Numbers) -> Iterator[tuple[Numbers, Millis, Numbers]]:
    """Spread ``counts`` evenly over the time from ``since`` to ``at_ms``: which gaps, hour, how many then."""
    last = at_ms // HOUR_MS
    done = np.zeros(len(counts), dtype=np.int64)
    hour = since // HOUR_MS
    while len(going := np.flatnonzero(hour <= last)):
        reached = (hour + 1) * HOUR_MS - since
        before = np.minimum(counts, ((counts + 1) * reached - 1) // np.maximum(at_ms - since, 1))
        upto = np.where(hour == last, counts, before)
        some = going[(upto - done)[going] != 0]
        if len(some):
            yield some, hour[some] * HOUR_MS, (upto - done)[some]
        done, hour = upto, hour + 1
