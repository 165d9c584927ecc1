"""The journal: whatever is acknowledged was first committed here, and every store follows it from here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ByteSize, Field

from runtime.clock import Clock, SystemClock, to_ms
from runtime.errors import StoreError
from runtime.options import Options
from telemetry.arrow import decode, encode
from telemetry.counted import Seen
from telemetry.disk import Kept
from telemetry.frame import Frame
from telemetry.gap import Gap
from telemetry.journal_file import LOST, JournalFile, Stored, Write
from telemetry.order import newest_ms
from telemetry.series import SeriesKey, SeriesRegistry
from telemetry.status import JournalStatus
from telemetry.stored import is_told

T = TypeVar("T")


class JournalOptions(Options):
    """The ``[journal]`` table.

    Attributes:
        limit: bounds the file, ``"4GB"``; at the limit nothing is acknowledged.
        accept_loss_before: a store or ledger that lacks batches before this position goes on without them.
    """

    limit: ByteSize = Field(default=ByteSize(4_000_000_000), ge=1 << 20)
    accept_loss_before: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Entry:
    """One committed batch: its position (1, 2, 3 …), when it arrived (ms) and its frames."""

    position: int
    at_ms: int
    frames: list[Frame]


class Journal:
    """Batches in the order of their commits, in one SQLite file that one process opens.

    Writing and reading have a thread each, so a follower that reads does not delay a commit. Names of
    series, counters and statuses of sources are committed in the same transaction as the batch.
    """

    def __init__(
        self,
        path: Path,
        registry: SeriesRegistry,
        options: JournalOptions | None = None,
        wall: Clock | None = None,
    ) -> None:
        self.registry = registry
        self.wall = wall or SystemClock()
        self.counters: dict[str, int] = {}
        """Counted since the file was made, as committed."""
        self.statuses: dict[str, bool] = {}
        """Whether each source last said that it is online, as committed."""
        self.seen: list[bytes] = []
        """What was told of publishers' counts before the file was opened."""
        self.places: dict[str, int] = {}
        """How far each follower surely was at the last trim."""
        self.gaps: dict[str, Gap] = {}
        """What followers lack that the journal could not wait for."""
        options = options or JournalOptions()
        self.accept_loss_before = options.accept_loss_before
        self._file = JournalFile(path, int(options.limit))
        self._writer = ThreadPoolExecutor(1, "journal-writer")
        self._reader = ThreadPoolExecutor(1, "journal-reader")
        self._grown = asyncio.Event()
        self._lost_at: datetime | None = None

    @property
    def kept(self) -> Kept:
        """Where it lies on the disk."""
        path = self._file.path
        return Kept("journal", (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))))

    async def open(self) -> None:
        """Open or create the file; the registry takes over its names. Raises StoreError."""
        stored: Stored = await self._in(self._writer, self._file.open)
        self.registry.restore(stored.names, stored.statuses)
        self.counters, self.statuses, self.places = stored.counters, stored.statuses, stored.places
        self.seen, self.gaps = stored.seen, stored.gaps
        if self._file.lost:
            self._lost_at = self.wall.now()

    async def append(
        self,
        frames: Sequence[Frame],
        counters: Mapping[str, int] | None = None,
        statuses: Mapping[str, bool] | None = None,
        derived: bool = False,
        seen: Seen | None = None,
    ) -> int:
        """Commit to disk and return the head. Raises JournalFull or StoreError, and then nothing is kept.

        Without rows only names, counters and statuses are written and the head stays. When the caller is
        cancelled the commit may still happen. ``seen`` tells how far publishers' counts have come by it.
        ``derived`` rows may go past the limit: a full journal can
        often be trimmed only once they are in it.
        """
        names = self.registry.unsaved()
        at_ms = to_ms(self.wall.now())
        work = asyncio.ensure_future(
            self._in(
                self._writer,
                lambda: self._append(frames, names, at_ms, (counters or {}, statuses or {}, derived, seen)),
            )
        )
        work.add_done_callback(self._wake)
        return await asyncio.shield(work)

    async def read(
        self, after: int, max_bytes: int = 8 << 20, wanted: Callable[[str], bool] | None = None
    ) -> list[Entry]:
        """Batches after ``after`` in order: up to ``max_bytes`` of them compressed, but at least one if any.

        Frames of measurements that are not ``wanted`` are left out. Raises StoreError when one is damaged.
        """

        def work() -> list[Entry]:
            found = self._file.read(after, max_bytes)
            return [Entry(p, at, decode(payload, wanted=wanted)) for p, at, payload in found]

        return await self._in(self._reader, work)

    async def oldest_after(self, position: int) -> int | None:
        """Arrival (ms) of the first batch after ``position``, or None if there is none."""
        return await self._in(self._reader, lambda: self._file.oldest_after(position))

    async def first(self) -> int:
        """The oldest position held, or the one that comes next if none is."""
        return await self._in(self._reader, self._file.first)

    async def wait_beyond(self, position: int) -> None:
        """Return once the head is past ``position``."""
        while self.head <= position:
            await self._grown.wait()

    async def trim(
        self, upto: int, places: Mapping[str, int] | None = None, gaps: Mapping[str, Gap] | None = None
    ) -> None:
        """Forget the batches up to ``upto``, in pieces between which others may commit.

        ``places`` tells how far each follower surely is, ``gaps`` what some lack from now on.
        """
        while not await self._in(self._writer, lambda: self._file.trim(upto, places or {}, gaps or {})):
            pass
        self.places.update(places or {})
        self.gaps.update(gaps or {})

    async def keep_gap(self, name: str, gap: Gap) -> None:
        """From now on the follower ``name`` lacks what ``gap`` tells. Raises StoreError."""
        await self._in(self._writer, lambda: self._file.keep_gap(name, gap))
        self.gaps[name] = gap

    @property
    def head(self) -> int:
        """Position of the newest batch; 0 before the first."""
        return self._file.head

    @property
    def held(self) -> int:
        """Bytes of the batches that it holds."""
        return self._file.held

    @property
    def limit_bytes(self) -> int:
        """Bytes at which nothing more is acknowledged."""
        return self._file.limit_bytes

    @property
    def newest_ms(self) -> int | None:
        """Time of the newest row that was ever committed; None before the first."""
        return self._file.newest_ms

    def status(self) -> JournalStatus:
        """How full it is: ``bytes`` are those of the pages in use in the file."""
        file = self._file
        lost = self.counters.get(LOST, 0)
        return JournalStatus(file.entries, file.used, file.limit_bytes, file.head, lost, self._lost_at)

    async def close(self) -> None:
        """Finish what is being written and close the file."""
        await self._in(self._writer, self._file.close)
        self._writer.shutdown()
        self._reader.shutdown()

    def _append(
        self,
        frames: Sequence[Frame],
        names: Sequence[tuple[int, SeriesKey]],
        at_ms: int,
        account: tuple[Mapping[str, int], Mapping[str, bool], bool, Seen | None],
    ) -> int:
        counters, told, derived, seen = account
        statuses = {source: online for source, online in told.items() if self.statuses.get(source) != online}
        newest = newest_ms([frame for frame in frames if is_told(frame.measurement)])
        write = Write(at_ms, encode(frames), newest, names, counters, statuses, derived, seen)
        head = self._file.write(write)
        if names:
            self.registry.mark_saved(names[-1][0] + 1)
        # Replaced, not changed: the event loop may be reading them.
        self.counters = self.counters | {n: self.counters.get(n, 0) + d for n, d in counters.items()}
        self.statuses = self.statuses | statuses if statuses else self.statuses
        return head

    def _wake(self, work: asyncio.Future[int]) -> None:
        if not work.cancelled() and work.exception() is None:
            self._grown.set()
            self._grown = asyncio.Event()

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except RuntimeError as error:
            if "shutdown" in str(error):
                raise StoreError("the journal is closed", permanent=True) from error
            raise
