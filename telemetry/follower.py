"""Follows the journal for one sink: in order, at its own pace, keeping its place when it fails."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

import structlog
from pydantic import Field

from runtime.backoff import Backoff
from runtime.clock import from_ms
from runtime.errors import StoreError
from runtime.options import Duration, Options
from telemetry.catalogue import Measurement
from telemetry.disk import Kept
from telemetry.gap import Gap
from telemetry.journal import Entry, Journal
from telemetry.letting_go import let_go
from telemetry.refill import Refill
from telemetry.status import StoreStatus
from telemetry.store import KeepsFiles, Marks, PutsOff, SetsAside, Sink, Store, Trails
from telemetry.stored import STORED

log = structlog.get_logger(__name__)


class FollowOptions(Options):
    """How a store follows the journal.

    Attributes:
        measurements: names or patterns (``*_1m``) of what the store takes.
        interval: least time between two writes; they take all that came meanwhile, so that a store is not
            asked for a transaction per message.
        safety: how long a write must have stood before the journal forgets it; what is younger is sent again
            after a failure or a restart. For servers that acknowledge before they are durable.
        read_bytes: most compressed journal bytes per write.
        hold: share of the journal's limit that the store may hold while it is away, unless it is the first:
            then it is let go, and what it lacks is filled in from the first store when it is back.
    """

    shared: ClassVar[bool] = False
    """Whether several processes can write to it and read it."""

    lasting: ClassVar[bool] = True
    """Whether what it took is still there after a restart."""

    measurements: tuple[str, ...] = ("*",)
    interval: Duration = timedelta(milliseconds=200)
    safety: Duration = timedelta(0)
    read_bytes: int = 8 << 20
    hold: float = Field(default=0.5, ge=0.01, le=0.9)

    def file(self, data_dir: Path) -> Path | None:
        """The one file that the store keeps its rows in, symbolic links followed; None if there is none."""
        return None


class Follower:
    """One sink's way along the journal.

    ``position`` is what the sink has taken, ``safe`` what the journal may forget as far as it is concerned.
    The journal waits for every sink but a ``mirror``, which may hold a share of it; what a mirror lacks then
    comes from ``refill``, with new rows: a store that takes each position once takes it so.
    """

    def __init__(
        self,
        journal: Journal,
        sink: Sink,
        options: FollowOptions | None = None,
        backoff: Backoff | None = None,
        mirror: bool = False,
    ) -> None:
        self.sink = sink
        self.mirror = mirror
        self.refill: Refill | None = None
        self.can_refill: Callable[[str], bool] = lambda _: True
        """Whether rows of a measurement can be had again; set by whoever knows the store that is read."""
        self.position = 0
        self.error: str | None = None
        self._journal = journal
        self._options = options or FollowOptions()
        self._backoff = backoff or Backoff()
        self._opened = False
        self._safe = 0
        self._fresh: deque[tuple[timedelta, int]] = deque()
        self._moved = asyncio.Event()
        self._urgent = asyncio.Event()

    @property
    def name(self) -> str:
        """The sink's name."""
        return self.sink.name

    @property
    def hold(self) -> float:
        """The share of the journal's limit that a mirror may hold."""
        return self._options.hold

    @property
    def safe(self) -> int:
        """Up to here the sink surely keeps what it took; the safety window trails the position."""
        now = self._journal.wall.monotonic()  # a clock that is set says nothing of how long a write stood
        while self._fresh and now - self._fresh[0][0] >= self._options.safety:
            self._safe = self._fresh.popleft()[1]
        return min(self._safe, self.sink.safe) if isinstance(self.sink, Trails) else self._safe

    async def open(self) -> None:
        """Open the sink and find the place to go on from. Raises StoreError."""
        position = await self.sink.open()
        if position > self._journal.head:
            raise StoreError(
                f"the store {self.name} has taken batch {position}, but the journal ends at "
                f"{self._journal.head}: put back the journal that belongs to it; or move the store away, and "
                f"set [journal] accept_loss_before = {self._journal.head + 1} if an empty one is refused",
                permanent=True,
            )
        if self._options.safety:
            position = min(position, max(self._journal.places.get(self.name, 0), self._safe))
        gap = self._journal.gaps.get(self.name)
        if gap is not None and gap.lost and gap.upto < self._journal.accept_loss_before:
            await self._journal.keep_gap(self.name, gap.accepted())
        self.position = self._safe = position
        self._fresh.clear()
        self._opened = True
        self._has_moved()

    async def run(self) -> None:
        """Follow until cancelled; a StoreError is remembered and retried with backoff."""
        while True:
            try:
                if not self._opened:
                    await self.open()
                await self._step()
            except StoreError as error:
                self._opened = False
                if str(error) != self.error:
                    log.warning("store_failed", store=self.name, position=self.position, error=str(error))
                self.error = str(error)
                await asyncio.sleep(self._backoff.next())

    async def wait_for(self, position: int) -> None:
        """Return once the sink has taken ``position``; it hurries meanwhile."""
        while self.position < position:
            self._urgent.set()
            await self._moved.wait()

    async def wait_moved(self) -> None:
        """Return when the sink has taken something more."""
        await self._moved.wait()

    async def status(self) -> StoreStatus:
        """Position, lag and last error now."""
        lag = 0.0
        if self.position < self._journal.head:
            oldest = await self._journal.oldest_after(self.position)
            if oldest is not None:
                lag = max(0.0, (self._journal.wall.now() - from_ms(oldest)).total_seconds())
        aside = self.sink.dead_letters if isinstance(self.sink, SetsAside) else 0
        gap = self._journal.gaps.get(self.name, Gap())
        since = None if gap.since_ms is None else from_ms(gap.since_ms)
        return StoreStatus(self.name, self.position, lag, self.error, aside, gap.batches, since)

    async def _step(self) -> None:
        await self._wait_for_more()
        head = self._journal.head
        entries = self._upto_mark(
            await self._journal.read(self.position, self._options.read_bytes, self.wants)
        )
        await self._account(entries[0].position - 1 if entries else head)
        last = entries[-1].position if entries else head
        spare = self.error is None and last >= head  # neither in trouble nor behind
        piece = await self.refill.piece() if self.refill is not None and spare else None
        again = piece.frames if piece else []
        await self.sink.append([*again, *(f for e in entries for f in e.frames)], last)
        if self.refill is not None and piece is not None:
            await self.refill.done(piece)
        if self.error is not None:
            log.info("store_recovered", store=self.name, position=last)
        self.error = None
        self._backoff.reset()
        self.position = last
        self._fresh.append((self._journal.wall.monotonic(), last))
        self._has_moved()
        if piece is None:
            await self._pause(last)

    async def _wait_for_more(self) -> None:
        """Return once the journal has more; when it rests, the sink writes down the place that it put off.

        A full journal takes nothing more before it is trimmed: a place that waited for the next batch would
        keep it full for good.
        """
        if isinstance(self.sink, PutsOff) and self.sink.safe < self.position:
            try:
                async with asyncio.timeout(_REST * self._options.interval.total_seconds()):
                    return await self._journal.wait_beyond(self.position)
            except TimeoutError:
                await self.sink.write_place(self.position)
                self._has_moved()
        return await self._journal.wait_beyond(self.position)

    async def _account(self, upto: int) -> None:
        """Account for batches up to ``upto`` that the journal no longer holds. Raises StoreError.

        Those that no follower had surely taken were never trimmed: the journal lost them and says so. A store
        joins late that the journal never knew: an empty one that it knows has lost its files.
        """
        after, gap = self.position, self._journal.gaps.get(self.name, Gap())
        known = max(after, gap.upto)
        missed = min(upto, max(self._journal.places.values(), default=0)) - known
        if missed <= 0:
            return
        place = self._journal.places.get(self.name, 0)
        joins = after == 0 and (place == 0 or not self._options.lasting)
        if joins or upto < self._journal.accept_loss_before:
            log.warning("store_missed_batches", store=self.name, after=known, batches=missed)
        elif self.mirror:
            await self._journal.keep_gap(self.name, gap.lacking(upto, missed))
            log.error("store_lacks_batches", store=self.name, after=known, batches=missed)
        else:
            had = (
                f"is empty, though it had taken batch {place}," if after == 0 else f"has taken batch {after}"
            )
            raise StoreError(
                f"{self.name} {had} and the journal begins at {upto + 1}: {missed} batches between them are "
                "missing. Put back files that belong together, or mount the disk that they are on; or go on "
                f"without those batches by [journal] accept_loss_before = {upto + 1}",
                permanent=True,
            )

    def _upto_mark(self, entries: list[Entry]) -> list[Entry]:
        if not isinstance(self.sink, Marks):
            return entries
        ahead = min((mark for mark in self.sink.marks if mark > self.position), default=None)
        if ahead is None or not entries or entries[0].position > ahead:
            return entries
        return [entry for entry in entries if entry.position <= ahead]

    def _has_moved(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _pause(self, last: int) -> None:
        if last < self._journal.head:
            return  # behind: no time to lose
        self._urgent.clear()
        try:
            async with asyncio.timeout(self._options.interval.total_seconds()):
                await self._urgent.wait()
        except TimeoutError:
            return

    def wants(self, measurement: str) -> bool:
        """Whether the sink takes rows of ``measurement``."""
        patterns = self._options.measurements
        if measurement not in STORED:  # only on its way to what is stored: for who asks by name
            return measurement in patterns
        return any(fnmatchcase(measurement, p) for p in patterns)


_REST = 10
"""Intervals without a batch after which a place that was put off is written down."""

_TRIM_EVERY = 0.25
"""Seconds between two trims at most: each is a transaction."""

_LOOK_AGAIN = 5.0
"""Seconds after which a place may have become safe by the passing of time alone."""


class Followers:
    """All followers of a journal, which is trimmed behind the slowest; ``store`` is the one that is read.

    Only mirrors that hold too much of it are not waited for; ``gone`` tells until when ``store`` may have
    pruned what they lack then.
    """

    def __init__(
        self,
        journal: Journal,
        followers: Sequence[Follower],
        store: Store,
        gone: Callable[[Measurement], datetime | None] = lambda _: None,
    ) -> None:
        self.store = store
        self._journal = journal
        self._followers = tuple(followers)
        self._mirrors = [one for one in followers if one.mirror]
        self._trimmed = 0
        self._trimming = asyncio.Lock()
        reader = next((one for one in followers if one.sink is store), None)
        for mirror in self._mirrors:
            mirror.refill = Refill(journal, mirror.name, store, gone)
            if reader is not None:
                mirror.can_refill = reader.wants

    async def run(self) -> None:
        """Follow and trim until cancelled."""
        async with asyncio.TaskGroup() as group:
            for follower in self._followers:
                group.create_task(follower.run(), name=f"follow-{follower.name}")
            group.create_task(self._keep_trimming(), name="trim-journal")

    async def wait_for(self, position: int) -> None:
        """Return once every store has taken ``position``."""
        for follower in self._followers:
            await follower.wait_for(position)

    @property
    def kept(self) -> Sequence[Kept]:
        """Where the journal and the stores of this machine lie on the disk."""
        files = [f.sink.kept for f in self._followers if isinstance(f.sink, KeepsFiles)]
        return [self._journal.kept, *(kept for one in files for kept in one)]

    async def statuses(self) -> list[StoreStatus]:
        """How far each store is."""
        return [await follower.status() for follower in self._followers]

    async def trim(self) -> None:
        """Forget what every store surely keeps, and what mirrors hold beyond their share."""
        async with self._trimming:  # who lets go goes on from what was let go before
            places = {f.name: f.safe for f in self._followers}
            upto = min(places.values(), default=0)
            if upto > self._trimmed:
                await self._journal.trim(upto, places)
                self._trimmed = upto
            if self._mirrors:
                vital = min((one.safe for one in self._followers if not one.mirror), default=0)
                await let_go(self._journal, self._mirrors, vital)

    async def _keep_trimming(self) -> None:
        while self._followers:
            moves = [asyncio.ensure_future(f.wait_moved()) for f in self._followers]
            try:
                await asyncio.wait(moves, timeout=_LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for move in moves:
                    move.cancel()
            await asyncio.sleep(_TRIM_EVERY)
            try:
                await self.trim()
            except StoreError as error:
                log.warning("journal_not_trimmed", error=str(error))
