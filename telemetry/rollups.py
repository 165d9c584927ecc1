"""Keeps the rollups: follows the journal, closes minutes, and writes what they make into the same journal."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np
import structlog

from runtime.clock import to_ms
from runtime.errors import StoreError
from runtime.options import Duration, Options
from telemetry.catalogue import GPU, MEASUREMENTS, Measurement
from telemetry.follower import Follower
from telemetry.frame import Frame, Ints
from telemetry.journal import Journal
from telemetry.order import concatenated, newest_ms
from telemetry.rollup import ALL_ROLLUPS, GROUPS, HOUR_MS, MINUTE_MS, PART, ROLLUPS, Rollup
from telemetry.rollup_minutes import Before, Doubt, Minutes
from telemetry.rollup_part import grouped
from telemetry.rollup_repair import Repair, Task
from telemetry.series import SeriesKey
from telemetry.store import Store
from telemetry.stored import is_told

log = structlog.get_logger(__name__)

T = TypeVar("T")

CLOSED, ACCOUNTED, ADDED, RESUME, HOURS, SINCE, PARTS = (
    f"rollups.{name}_{unit}"
    for name, unit in (
        ("closed", "ms"),
        ("accounted", "position"),
        ("added", "position"),
        ("resume", "position"),
        ("hours", "ms"),
        ("since", "ms"),
        ("parts", "ms"),
    )
)
"""Counters of the journal in which the state stands, committed with the rows that it is about.

That of the parts (:data:`telemetry.rollup.PART`) is one more than the time from which there are rows of them.
"""

_ROW_BYTES = 24
"""Bytes that a row takes in the journal, at most about."""

_PRUNING = timedelta(hours=2)
"""How much earlier than told readings count as gone: pruning and a repair may meet in the middle."""

_NEEDED: Mapping[str, Measurement] = {
    name: measurement
    for base in MEASUREMENTS.values()
    for name, measurement in ((base.name, base), (f"{base.name}_1m", ROLLUPS[f"{base.name}_1m"]))
}
"""What rollups are made of."""

_SLICE = 20_000
"""Series that are looked at between two looks at the event loop."""

_SHARE = 4
"""Open minutes are closed early when the journal keeps more than one part in so many for them alone."""


class RollupOptions(Options):
    """How minutes are closed.

    Attributes:
        grace: how long after its end a minute waits for rows that are on their way.
        idle: after so long without any row the wall clock closes what is open.
        every: least time between two repairs of what came late.
    """

    grace: Duration = timedelta(seconds=15)
    idle: Duration = timedelta(seconds=60)
    every: Duration = timedelta(seconds=2)


class Rollups:
    """A sink of the journal that also writes to it, so that every store gets the rollups.

    A minute closes when the newest row (but never a row ahead of the wall clock) is a grace past its end.
    What came late is made again from ``store``, once its follower ``reader`` is there, and so are hours, from
    minutes. The journal keeps all that an open minute or a repair needs: after a kill they are made anew.
    """

    name = "rollups"
    measurements = tuple(MEASUREMENTS)
    """All that it needs of the journal: what it writes there itself is not read again."""

    def __init__(
        self,
        journal: Journal,
        reader: Follower,
        store: Store,
        options: RollupOptions | None = None,
        gone: Callable[[Measurement], datetime | None] = lambda _: None,
    ) -> None:
        """``gone`` tells until when ``store`` may have forgotten rows of a measurement; None is never."""
        self._journal, self._reader = journal, reader
        self._options = options or RollupOptions()
        self._gone = gone
        self._repair = Repair(journal, reader, store)
        self._thread = ThreadPoolExecutor(1, "rollups")
        self._turn, self._writing = asyncio.Lock(), asyncio.Lock()
        # Group of every series by its id; -1 for what is no GPU.
        self._groups: dict[str, Ints] = {name: np.zeros(0, dtype=np.int32) for name in GROUPS}
        self._minutes = Minutes(0)
        self._position = self._safe = 0
        self._repairing: int | None = None
        self._broken = False
        self._spoke_at = journal.wall.monotonic()
        self._held: deque[tuple[int, int]] = deque()
        self._marks: dict[int, deque[tuple[int, int]]] = {MINUTE_MS: deque(), HOUR_MS: deque()}

    @property
    def safe(self) -> int:
        """The position up to which an open minute or a repair needs nothing again."""
        return self._safe

    def whole_ms(self, rollup: Rollup) -> tuple[int, int]:
        """From when to when the store that is read has all its rows, in ms; empty if it has none.

        While nothing comes there is nothing more to be had: a part that fell silent holds nobody up.
        """
        step_ms = rollup.step_ms
        marks = self._passed(step_ms)
        if not marks or marks[0][0] > self._reader.position:
            return 0, 0
        since = max(self._state(SINCE), self._state(PARTS) - 1 if rollup.group == GROUPS[PART] else 0)
        since = -(-since // step_ms) * step_ms
        upto = to_ms(self._journal.wall.now()) if self._rests(step_ms) else marks[0][1]
        return since, max(since, upto // step_ms * step_ms)

    def _rests(self, step_ms: int) -> bool:
        """Whether all that ever came stands in rows of this step; the hour of the last minute may not."""
        if self._kept_from() < self._journal.head:
            return False
        return len(self._passed(step_ms)) == 1 and (step_ms == MINUTE_MS or not self._state(CLOSED))

    async def open(self) -> int:
        """Go on from what the journal knows; rows of open minutes are read again."""
        async with self._turn:
            position = max(self._state(RESUME), self._journal.places.get(self.name, 0))
            if not self._state(CLOSED) and await self._journal.first() > 1:
                # Rows from before there were rollups: they are in the store, and no minute knows of them.
                since = ((self._journal.newest_ms or 0) // MINUTE_MS + 1) * MINUTE_MS
                await self._commit([], {CLOSED: since, SINCE: since, HOURS: since // HOUR_MS * HOUR_MS})
            if self._state(CLOSED) and not self._state(PARTS):  # closed before there were any
                await self._commit([], {PARTS: self._state(CLOSED) + 1})
            self._reset(position)
            return position

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Take ``frames``; close and write the minutes that they end. Raises StoreError."""
        async with self._turn:
            if self._broken:
                raise StoreError("the rollups could not be written to the journal")
            told = [f for f in concatenated(frames) if is_told(f.measurement)]
            if told:  # what was written here comes by again
                await self._take(told, position)
            self._position = position
            self._safe = self._kept_from()

    async def _take(self, told: Sequence[Frame], position: int) -> None:
        since = self._position
        self._spoke_at = self._journal.wall.monotonic()
        self._held.append((position, sum(map(len, told))))
        closing = self._closing(newest_ms(told) or 0)
        before = Before(position <= self._state(ACCOUNTED), position <= self._state(ADDED), self._gone_ms())
        await self._work(lambda: self._minutes.take(told, since, closing, before))
        self._position = position
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
            await self._close_idle()
            await self._name_groups()
            task = self._task()
            self._repairing = None if task is None else task.since
        if task is None:
            return
        try:
            written = await self._repair.run(task)
            added = await self._repair.added(task)
        except BaseException:
            self._minutes.doubts += task.doubts
            raise
        finally:
            self._repairing = None
        async with self._turn:
            state = {ACCOUNTED: self._accounted(), ADDED: task.taken, RESUME: self._kept_from()}
            if task.hours_ms[1]:
                state[HOURS] = task.hours_ms[1]
            head = await self._commit(added, state)
            self._safe = self._kept_from()
        self._mark(HOUR_MS, written, task.hours_ms[1])
        if added:
            await self._repair.above(task, head)

    async def close(self) -> None:
        """Let go of the thread; what is open is made anew from the journal."""
        self._thread.shutdown()

    def _reset(self, position: int) -> None:
        self._position = self._safe = position
        self._minutes = Minutes(self._state(CLOSED))
        self._broken = False
        self._spoke_at = self._journal.wall.monotonic()
        self._held.clear()
        head = self._journal.head  # all that was written before stands below it
        self._marks = {
            MINUTE_MS: deque([(head, self._state(CLOSED))]),
            HOUR_MS: deque([(head, self._state(HOURS))]),
        }

    def _state(self, name: str) -> int:
        return self._journal.counters.get(name, 0)

    def _gone_ms(self) -> Mapping[str, int]:
        """Until when, in ms by measurement, rows may have been pruned: a minute needs all of its readings."""
        gone = {name: self._gone(measurement) for name, measurement in _NEEDED.items()}
        return {name: to_ms(before + _PRUNING) for name, before in gone.items() if before is not None}

    def _mark(self, step_ms: int, position: int, upto_ms: int) -> None:
        self._passed(step_ms).append((position, upto_ms))

    def _passed(self, step_ms: int) -> deque[tuple[int, int]]:
        """Positions, and until when all rows of this step stand below them; the first is the one in force."""
        marks = self._marks[step_ms]
        while len(marks) > 1 and marks[1][0] <= self._reader.position:
            marks.popleft()
        return marks

    def _closing(self, newest: int) -> int:
        """Minutes that start before this close with the rows at hand."""
        while self._held and self._held[0][0] <= self._safe:
            self._held.popleft()
        kept = sum(rows for _, rows in self._held) * _ROW_BYTES
        if kept * _SHARE > self._journal.status().limit_bytes:
            return newest // MINUTE_MS * MINUTE_MS + MINUTE_MS
        reached = min(newest, to_ms(self._journal.wall.now()))
        grace = self._options.grace // timedelta(milliseconds=1)
        return (reached - grace) // MINUTE_MS * MINUTE_MS

    async def _close_idle(self) -> None:
        """When nothing comes any more, close what has rows; nothing later, which may only be on its way."""
        now, newest = self._journal.wall.now(), self._minutes.newest_open_ms()
        over = to_ms(now - self._options.grace) // MINUTE_MS * MINUTE_MS
        quiet = self._journal.wall.monotonic() - self._spoke_at
        if newest is not None and not self._broken and quiet >= self._options.idle:
            await self._close(min(newest + MINUTE_MS, over))

    async def _close(self, before_ms: int) -> None:
        minutes = self._minutes
        if before_ms <= minutes.closed_ms:
            return
        frames = await self._work(lambda: minutes.close(before_ms))
        if not frames:
            self._mark(MINUTE_MS, self._marks[MINUTE_MS][-1][0], before_ms)
            return
        await self._name_groups()
        frames += await self._work(lambda: _grouped(frames, self._groups))
        first = min(int(frame.at_ms.min()) for frame in frames)
        state = {CLOSED: before_ms, ACCOUNTED: self._accounted(), RESUME: self._kept_from()}
        if not self._state(HOURS):
            state[HOURS] = first // HOUR_MS * HOUR_MS
        if not self._state(PARTS):
            state[PARTS] = 1
        try:
            written = await self._commit(frames, state)
        except BaseException:
            self._broken = True  # the accumulators are gone: only the journal can give them back
            raise
        self._mark(MINUTE_MS, written, before_ms)

    def _kept_from(self) -> int:
        held = [one for one in (self._minutes.since(), self._repairing) if one is not None]
        return min([self._position, *held])

    def _accounted(self) -> int:
        held = [one for one in (self._minutes.doubted_since(), self._repairing) if one is not None]
        return min([self._position, *held])

    async def _name_groups(self) -> None:
        """Find the groups of all series that are new, a slice at a time: a start may bring millions."""
        registry = self._journal.registry
        while (first := len(self._groups["site"])) < len(registry):
            keys = [registry.key(number) for number in range(first, min(first + _SLICE, len(registry)))]
            for name, known in self._groups.items():
                fresh = np.array([self._group(name, key) for key in keys], dtype=np.int32)
                self._groups[name] = np.concatenate([known, fresh])
            await asyncio.sleep(0)

    def _group(self, name: str, key: SeriesKey) -> int:
        base, labels = key
        if base != GPU.name:
            return -1
        measurement, registry = ALL_ROLLUPS[f"{name}_1m"].measurement, self._journal.registry
        place = labels[: len(measurement.labels)]
        return registry.id(measurement, place) if registry.share.adds_up(place) else -1

    def _task(self) -> Task | None:
        """What is to be made from the store now; None if nothing is."""
        since = self._minutes.doubted_since()
        doubts = self._minutes.settle()
        # As long as no minute was written, hours begin with the oldest that is in doubt.
        first = self._state(HOURS) or min(map(Doubt.first_ms, doubts), default=0) // HOUR_MS * HOUR_MS
        ended = max(first, self._minutes.closed_ms // HOUR_MS * HOUR_MS) if first else 0
        if not doubts and ended <= first:
            return None
        written = max(self._position, self._marks[MINUTE_MS][-1][0])
        return Task(since, doubts, (first, ended), self._position, written)

    async def _commit(self, frames: Sequence[Frame], state: Mapping[str, int]) -> int:
        """Write ``frames`` and the state that they bring about in one transaction; return their position."""
        async with self._writing:
            moved = {name: value - self._state(name) for name, value in state.items()}
            return await self._journal.append(frames, {n: by for n, by in moved.items() if by}, derived=True)

    async def _work(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _grouped(frames: Sequence[Frame], groups: Mapping[str, Ints]) -> list[Frame]:
    found = []
    for frame in frames:
        for name, of in groups.items() if frame.measurement.of == GPU.name else ():
            rows = grouped(ALL_ROLLUPS[f"{name}_1m"], frame, of[frame.series])
            found += [rows] if rows is not None else []
    return found
