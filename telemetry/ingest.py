"""The ingest: a batch is checked, committed to the journal, and only then shown to everybody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import numpy as np

from runtime.errors import StoreError
from telemetry import job
from telemetry.batch import SAMPLES_PER_REASON, Batch, Rejection
from telemetry.disk import Disks
from telemetry.follower import Followers
from telemetry.frame import Frame, Mask
from telemetry.intake_account import IntakeAccount, Judged
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.order import not_newer
from telemetry.quality import Quality
from telemetry.repeat import Repeats, again, without_repeats
from telemetry.sources import SourceBook
from telemetry.status import IngestStatus, RejectSample, SourceStatus
from telemetry.store import StoreCounts

Listener = Callable[[Sequence[Frame]], None]
"""Called with the frames of every commit, after it; must be quick and must not raise."""

_REJECTED = "rejected."


class Ingest:
    """The one way into the journal, and the ingest as rules and pages see it.

    Counters live in the journal, committed with the batch that they count. ``late`` is the number of rows
    that came when their series already had a row of that time or a newer one, less those that repeated a
    stored row (``duplicates``, counted by the first store in the transaction that stores the rows): so it
    is final once that store has followed. Repeats without a time of their own, and those of the newest row
    of their series, are found here, before they are stored, and count as duplicates too: all that is known
    of repeats when the first store overwrites without saying so.
    """

    def __init__(
        self,
        journal: Journal,
        live: LiveState,
        sources: SourceBook,
        quality: Quality,
        followers: Followers,
    ) -> None:
        self.connected: Callable[[], bool] = lambda: False
        """Asked for the state of the message source; set by whoever runs one."""
        self.mqtt: Callable[[], str | None] = lambda: None
        """Asked for the version of MQTT that is spoken; set likewise."""
        self.account = IntakeAccount(journal.registry, quality, journal.seen)
        """Who told what: the account by source and hour."""
        self._journal = journal
        self._live = live
        self._sources = sources
        self._quality = quality
        self._followers = followers
        self._listeners: list[Listener] = []
        self._samples: dict[str, deque[tuple[int, RejectSample]]] = {}
        self._sampled = 0
        self._acknowledged = 0
        self._counted = journal.counters
        self._stored = StoreCounts(0, 0)
        self._gap_at: datetime | None = None
        self._turn = asyncio.Lock()
        self._disks = Disks(lambda: followers.kept, journal.wall)

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with the frames of every commit from now on."""
        self._listeners.append(listener)

    async def commit(self, batch: Batch) -> None:
        """Return once ``batch`` is on disk: its messages may be acknowledged then.

        Raises JournalFull or StoreError; then nothing of it was kept and the same batch can be given again.
        When the caller is cancelled the commit goes on, and is shown and counted as any other.
        """
        await asyncio.shield(asyncio.ensure_future(self._commit(batch)))

    async def _commit(self, batch: Batch) -> None:
        async with self._turn:
            await self.account.sources.learn()
            self.account.settle_jumps(batch)
            if batch.jobs:
                self._quality.doubt_jobs(batch)
            told, repeated = without_repeats(batch, self._live)
            checked = [self._quality.check(frame) for frame in told]
            frames, late, known = self._sorted_out([c.frame for c in checked if len(c.frame)])
            counters = _count(batch, frames, late, len(repeated) + len(known))
            account = self.account.frame(batch, Judged(checked, frames, late, repeated, known))
            samples = list(batch.samples)
            for one in checked:
                samples += one.samples
                for reason, rows in one.rejected.items():
                    counters[_REJECTED + reason] = counters.get(_REJECTED + reason, 0) + rows
            acknowledged = self._acknowledged
            counters["acknowledged"] = acknowledged
            entry = frames if account is None else [account, *frames]
            if batch.jobs:
                entry = [*entry, job.frame(batch.jobs)]
            moved = {name: n for name, n in counters.items() if n}
            seen = self.account.counts.seen(batch.counted)
            await self._journal.append(entry, moved, batch.statuses, seen=seen)
            # Together: whoever looks between the commit and this would see these acknowledgements twice.
            self._acknowledged, self._counted = self._acknowledged - acknowledged, self._journal.counters
            self._show(frames, batch, samples)

    def _sorted_out(self, frames: Sequence[Frame]) -> tuple[list[Frame], list[Mask], Repeats]:
        """``frames`` without rows that are known, which of the others are late, and which were left out."""
        kept, lates = list[Frame](), list[Mask]()
        series, at_ms = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
        for frame in frames:
            late = not_newer(frame, self._live.newest_at(frame.measurement, frame.series))
            known = again(frame, late, self._live)
            if known.any():
                series.append(frame.series[known])
                at_ms.append(frame.at_ms[known])
                frame, late = frame.take(~known), late[~known]
            if len(frame):
                kept.append(frame)
                lates.append(late)
        return kept, lates, Repeats(np.concatenate(series), np.concatenate(at_ms))

    def acknowledged(self, n: int) -> None:
        """``n`` messages were acknowledged to the broker; committed with the next batch or :meth:`flush`."""
        self._acknowledged += n

    async def flush(self) -> None:
        """Commit the count of acknowledgements that no batch has carried yet; at shutdown."""
        await self.commit(Batch())

    async def status(self) -> IngestStatus:
        """Counters since the data directory was made, journal and stores now."""
        counted = self._counted
        with suppress(StoreError):  # the store's own status tells of it; its last counts stand meanwhile
            self._stored = await self._followers.store.counts()
        stored, duplicates = self._stored.rows, self._stored.duplicates + counted.get("repeated", 0)
        return IngestStatus(
            received=counted.get("received", 0),
            acknowledged=counted.get("acknowledged", 0) + self._acknowledged,
            stored_rows=stored,
            duplicates=duplicates,
            late=max(0, counted.get("not_newer", 0) - duplicates),
            rejected={
                name.removeprefix(_REJECTED): n
                for name, n in sorted(counted.items())
                if name.startswith(_REJECTED)
            },
            journal=self._journal.status(),
            stores=await self._followers.statuses(),
            samples=tuple(self._newest_samples()),
            connected=self.connected(),
            mqtt=self.mqtt(),
            rows=counted.get("rows", 0),
            missed=counted.get("missed", 0),
            session_gaps=counted.get("session_gaps", 0),
            unstamped=counted.get("unstamped", 0),
            unknown_fields=counted.get("unknown_fields_estimate", 0),
            last_gap_at=self._gap_at,
            disks=await self._disks.rooms(),
        )

    def sources(self) -> Sequence[SourceStatus]:
        """Every device that ever spoke, and every configured one that did not."""
        return self._sources.statuses()

    def _show(self, frames: Sequence[Frame], batch: Batch, samples: Sequence[Rejection]) -> None:
        for frame in frames:
            self._live.update(frame)
        self._sources.observe(frames)
        self._sources.tell(batch.statuses)
        self._sources.arrival_stands_for(batch.unstamped)
        self.account.heard(batch)
        self._keep(samples)
        if batch.session_gaps:
            self._gap_at = self._quality.wall.now()
        for listener in self._listeners if frames else ():
            listener(frames)

    def _keep(self, samples: Sequence[Rejection]) -> None:
        at = self._quality.wall.now()
        for sample in samples:
            kept = self._samples.setdefault(sample.reason, deque(maxlen=SAMPLES_PER_REASON))
            text = sample.payload.decode("utf-8", "backslashreplace")[:200]
            self._sampled += 1
            told = RejectSample(at, sample.reason, sample.topic, sample.detail, text)
            kept.append((self._sampled, told))

    def _newest_samples(self) -> list[RejectSample]:
        found = [numbered for kept in self._samples.values() for numbered in kept]
        return [sample for _, sample in sorted(found, key=lambda numbered: numbered[0], reverse=True)]


def _count(batch: Batch, frames: Sequence[Frame], late: Sequence[Mask], repeated: int) -> dict[str, int]:
    return {
        "received": batch.received,
        "rows": sum(map(len, frames)) + repeated,
        "not_newer": sum(int(mask.sum()) for mask in late) + repeated,
        "repeated": repeated,
        "unknown_fields_estimate": batch.unknown_fields,
        "unstamped": sum(batch.unstamped.values()),
        "missed": batch.missed,
        "session_gaps": batch.session_gaps,
        **{_REJECTED + reason: n for reason, n in batch.rejected.items()},
    }
