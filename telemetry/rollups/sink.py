"""Keeps the rollups: follows the journal, closes minutes, and writes what they make into the same journal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from runtime.clock import from_ms, to_ms
from runtime.errors import StoreError
from runtime.options import Duration, Options
from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.follower import Follower, FollowOptions
from telemetry.frame import Frame
from telemetry.journal import Journal
from telemetry.order import concatenated, newest_ms
from telemetry.rollup import HOUR_MS, MINUTE_MS, Rollup
from telemetry.rollups.coverage import Coverage, since_ms
from telemetry.rollups.groups import Groups
from telemetry.rollups.progress import Progress
from telemetry.rollups.release import Release
from telemetry.rollups.repair import Repair, Task
from telemetry.rollups.state import RollupState
from telemetry.rollups.watermark import Watermark
from telemetry.store import Store
from telemetry.stored import is_told

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SHARE = 4
"""Open minutes are closed early when the journal keeps more than one part in so many for them alone."""


class RollupOptions(Options):
    """How minutes are closed.

    Attributes:
        grace: how far the watermark is behind the newest row: so long a minute waits for rows on their way.
        idle: after so long without any row the wall clock closes what is open.
        every: least time between two repairs of what came late.
    """

    grace: Duration = timedelta(seconds=15)
    idle: Duration = timedelta(seconds=60)
    every: Duration = timedelta(seconds=2)


class Rollups:
    """A sink of the journal that also writes to it, so that every store gets the rollups.

    :meth:`append` takes rows in, closes the minutes that the watermark has passed and commits them together
    with the state. :meth:`tend` mends what came late, from ``store``, once its follower ``reader`` is there,
    and makes hours from minutes. The journal retains all that an open minute or a dirty one needs: after a
    kill they are made anew.
    """

    name = "rollups"
    follow = FollowOptions(measurements=tuple(MEASUREMENTS), read_bytes=2 << 20)
    """How it follows: without what it writes itself, and in batches whose late rows can be mended at once."""

    def __init__(
        self, journal: Journal, reader: Follower, store: Store, options: RollupOptions | None = None
    ) -> None:
        self._journal, self._reader = journal, reader
        self._options = options or RollupOptions()
        self._watermark = Watermark(self._options.grace)
        self._groups = Groups(journal.registry)
        self._repair = Repair(journal, reader, store, self._groups)
        self._release = Release()
        self._thread = ThreadPoolExecutor(1, "rollups")
        self._turn = asyncio.Lock()
        self._mending = False
        self._begin(0)

    def _begin(self, position: int) -> None:
        """Start, or start again, after ``position``: what only memory knew is read again."""
        state, head = self.state, self._journal.head
        # All that was written before stands below the head. Nothing beyond it was read, but by a repair that
        # goes on: what it does may be done, and nothing is released until it has ended.
        self._progress = Progress(state, position, sys.maxsize if self._mending else head)
        self._coverage = Coverage(state, head)
        self._safe = position
        self._broken = False
        self._spoke_at = self._journal.wall.monotonic()

    @property
    def state(self) -> RollupState:
        """How far the rollups have come, as committed."""
        return RollupState.of(self._journal.counters)

    @property
    def safe(self) -> int:
        """The position up to which an open minute or a repair needs nothing again."""
        return self._safe

    @property
    def marks(self) -> Sequence[int]:
        """Positions that no batch may span."""
        return self._progress.marks

    def whole_ms(self, rollup: Rollup) -> tuple[int, int]:
        """From when to when the store that is read has all its rows, in ms; empty if it has none.

        While nothing comes there is nothing more to be had: a part that fell silent holds nobody up.
        """
        upto = self._coverage.stored_ms(rollup.step_ms, self._reader.position)
        if upto is None:
            return 0, 0
        if self._rests(rollup.step_ms):
            upto = to_ms(self._journal.wall.now())
        since = since_ms(rollup, self.state)
        return since, max(since, upto // rollup.step_ms * rollup.step_ms)

    def _rests(self, step_ms: int) -> bool:
        """Whether all that ever came stands in rows of this step; the hour of the last minute may not."""
        if self._progress.needed_from() < self._journal.head:
            return False
        level = self._coverage.is_level(step_ms, self._reader.position)
        return level and (step_ms == MINUTE_MS or not self.state.closed_ms)

    def release(self, measurement: Measurement, before: datetime) -> datetime:
        """Ask to need rows of ``measurement`` older than ``before`` no more; until when they are not needed.

        That may be less for now, and comes to be ``before`` at a moment when nothing of that time is in hand.
        """
        upto = self._release.ask(measurement, to_ms(before), self.state)
        return before if upto is None else min(before, from_ms(upto))

    async def open(self) -> int:
        """Go on from what the journal knows; rows of open minutes are read again."""
        async with self._turn:
            state = self.state
            position = max(state.resume_position, self._journal.places.get(self.name, 0))
            if not state.closed_ms and await self._journal.first() > 1:
                # Rows from before there were rollups: they are in the store, and no minute knows of them.
                since = ((self._journal.newest_ms or 0) // MINUTE_MS + 1) * MINUTE_MS
                hours = since // HOUR_MS * HOUR_MS
                state = replace(state, closed_ms=since, since_ms=since, hours_ms=hours)
            if state.closed_ms and not state.parts_ms:  # closed before there were any
                state = replace(state, parts_ms=state.closed_ms + 1)
            await self._write([], state)
            self._begin(position)
            return position

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Take ``frames``; close and write the minutes that they end. Raises StoreError."""
        async with self._turn:
            self._check()
            told = [f for f in concatenated(frames) if is_told(f.measurement)]
            if told:  # what was written here comes by again
                await self._take(told, position)
            self._progress.position = position
            self._safe = self._progress.needed_from()

    async def _take(self, told: Sequence[Frame], position: int) -> None:
        self._spoke_at = self._journal.wall.monotonic()
        progress, state = self._progress, self.state
        progress.retain(told, position, state)
        closing = self._closing_ms(newest_ms(told) or 0)
        batch = progress.batch(told, position, closing, state)
        with self._all_or_anew():
            await self._work(lambda: progress.minutes.take(batch))
        progress.position = position
        await self._close(closing)

    async def run(self) -> None:
        """Close what is open when nothing comes any more, and repair; until cancelled."""
        while True:
            await asyncio.sleep(self._options.every.total_seconds())
            try:
                await self.tend()
            except StoreError as error:
                log.warning("rollups_wait", error=str(error))

    async def tend(self) -> None:
        """One turn of :meth:`run`; returns when all that was due by now is written. Raises StoreError."""
        async with self._turn:
            self._check()
            await self._close_idle()
            await self._groups.learn()
            progress, state = self._progress, self.state
            if progress.released_ms(state, self._release) != state.released_ms:
                await self._commit([], self._now())
            progress.task = progress.next_task(state, self._coverage.position(MINUTE_MS))
        if progress.task is not None:
            await self._mend(progress, progress.task)

    async def close(self) -> None:
        """Let go of the thread; what is open is made anew from the journal."""
        self._thread.shutdown()

    async def _mend(self, progress: Progress, task: Task) -> None:
        """Do ``task``. What is left of it when something fails comes next."""
        self._mending = True
        try:
            while merges := task.next_merges():
                rows = await self._repair.merged(merges, task.written)
                async with self._turn:
                    if self._progress is not progress:
                        return  # begun anew: all of it is read again
                    now = self._now()
                    merged = max(now.merged_position, merges[-1].upto)
                    written = await self._commit(rows, replace(now, merged_position=merged))
                    progress.task = task = task.after(merges, written)
            written = await self._repair.run(task)
        finally:
            self._mending = False
            self._progress.read_upto = self._journal.head
        async with self._turn:
            if self._progress is progress:
                await self._end(task, written)

    async def _end(self, task: Task, written: int) -> None:
        """All of ``task`` is ``written``: nothing that it was about is needed any more."""
        progress, hours_ms = self._progress, task.hours_ms[1]
        progress.task = None
        try:
            now = self._now()
            await self._commit([], replace(now, hours_ms=hours_ms or now.hours_ms))
        except BaseException:
            progress.task = task
            raise
        self._safe = progress.needed_from()
        self._coverage.note(HOUR_MS, hours_ms, written)

    def _closing_ms(self, newest: int) -> int:
        """Minutes that start before this close with the rows at hand."""
        if self._progress.size * _SHARE > self._journal.status().limit_bytes:
            return self._watermark.crowded_ms(newest)
        return self._watermark.closing_ms(newest, self._journal.wall.now())

    async def _close_idle(self) -> None:
        """When nothing comes any more, close what has rows."""
        newest = self._progress.minutes.newest_open_ms()
        quiet = self._journal.wall.monotonic() - self._spoke_at
        if newest is not None and quiet >= self._options.idle:
            await self._close(self._watermark.idle_ms(newest, self._journal.wall.now()))

    async def _close(self, before_ms: int) -> None:
        minutes = self._progress.minutes
        if before_ms <= minutes.closed_ms:
            return
        with self._all_or_anew():
            frames = await self._work(lambda: minutes.close(before_ms))
            if not frames:
                self._coverage.note(MINUTE_MS, before_ms)
                return
            await self._groups.learn()
            frames += await self._work(lambda: self._groups.rows(frames))
            first = min(int(frame.at_ms.min()) for frame in frames) // HOUR_MS * HOUR_MS
            now = self._now()
            now = replace(now, hours_ms=now.hours_ms or first, parts_ms=now.parts_ms or 1)
            self._coverage.note(MINUTE_MS, before_ms, await self._commit(frames, now))

    def _now(self) -> RollupState:
        return self._progress.state(self.state, self._release)

    def _check(self) -> None:
        if self._broken:
            raise StoreError("the rollups could not be written to the journal, and are made anew from it")

    @contextmanager
    def _all_or_anew(self) -> Iterator[None]:
        """Where the accumulators and what is written come apart, only the journal can give them back."""
        try:
            yield
        except BaseException:
            self._broken = True
            raise

    async def _commit(self, frames: Sequence[Frame], state: RollupState) -> int:
        """Write ``frames`` and the ``state`` that they bring about; return their position. In the turn."""
        self._check()
        return await self._write(frames, state)

    async def _write(self, frames: Sequence[Frame], state: RollupState) -> int:
        return await self._journal.append(frames, state.moved_from(self.state), derived=True)

    async def _work(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
