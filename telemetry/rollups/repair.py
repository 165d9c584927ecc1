"""Mends dirty windows and makes ended hours, by questions to the store, in the order of their making."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from telemetry.catalogue import GPU, MEASUREMENTS, Measurement
from telemetry.follower import Follower
from telemetry.frame import Frame
from telemetry.journal import Journal
from telemetry.rollup import ALL_ROLLUPS, GROUPS, HOUR_MS, MINUTE_MS
from telemetry.rollups.dirty import Dirty, Mend, by_measurement, since
from telemetry.rollups.groups import Groups
from telemetry.rollups.merge import merged
from telemetry.rollups.recompute import Ask, Recompute
from telemetry.rollups.scope import MOST_ROWS, Scope, Scopes
from telemetry.rollups.steps import Keys, Steps, keys_of, series_of, starts_of
from telemetry.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Task:
    """Dirty windows, and the hours from ``hours_ms[0]`` to ``hours_ms[1]`` that have ended.

    ``written`` is the position of what the store must have.
    """

    windows: Sequence[Dirty]
    hours_ms: tuple[int, int]
    written: int

    @property
    def since(self) -> int | None:
        """Position before the oldest row that it is about; None if it is about hours alone."""
        return since(self.windows)

    def keys(self, *mends: Mend) -> Mapping[Measurement, Keys]:
        """The minutes that need any of ``mends``, by measurement."""
        return by_measurement(one for one in self.windows if one.mend in mends)

    def next_merges(self) -> list[Dirty]:
        """Windows to merge at once: the oldest, as many as memory is for; all of a position or none."""
        found: list[Dirty] = []
        for window in self.windows:
            if window.mend is not Mend.MERGE:
                continue
            if sum(len(one.keys) for one in found) >= MOST_ROWS and window.upto > found[-1].upto:
                break
            found.append(window)
        return found

    def after(self, merges: Sequence[Dirty], written: int) -> Task:
        """What is left once ``merges`` are done, and stand at ``written``."""
        done = {id(one) for one in merges}
        left = [one.merged() if id(one) in done else one for one in self.windows]
        return replace(self, windows=left, written=max(self.written, written))


class Repair:
    """Makes rollups from the store and writes them to the journal.

    What :meth:`run` writes may be written twice. What :meth:`merged` makes must be written once.
    """

    def __init__(self, journal: Journal, reader: Follower, store: Store, groups: Groups) -> None:
        self._journal, self._reader, self._groups = journal, reader, groups
        self._scopes = Scopes(journal.registry)
        self._recompute = Recompute(store, journal.registry)
        self._written = 0

    async def merged(self, merges: Sequence[Dirty], written: int) -> list[Frame]:
        """The minutes of ``merges`` with their late readings. Raises StoreError."""
        await self._reader.wait_for(max(self._written, written))
        found: list[Frame] = []
        for measurement, keys in by_measurement(merges).items():
            rollup = ALL_ROLLUPS[f"{measurement.name}_1m"]
            kept = []
            async for scope, span, steps in self._cut(measurement, Steps(keys, MINUTE_MS)):
                kept.append(await self._recompute.kept(Ask(rollup, span, scope.where), steps))
            late = [one.late for one in merges if one.late and one.measurement is measurement]
            found.append(merged(rollup, [*kept, *late]))
        return found

    async def run(self, task: Task) -> int:
        """Do ``task``, but for merges; return the position of the last row written. Raises StoreError."""
        self._written = max(self._written, task.written)
        recomputed = task.keys(Mend.RECOMPUTE)
        for measurement, keys in recomputed.items():
            await self._series(measurement, "1m", Steps(keys, MINUTE_MS))
        await self._above(task.keys(Mend.RECOMPUTE, Mend.SPREAD), task.hours_ms[0])
        await self._ended(task.hours_ms)
        if task.windows:
            log.info("rollups_repaired", minutes=sum(map(len, task.keys(*Mend).values())))
        return self._written

    async def _above(self, minutes: Mapping[Measurement, Keys], before_ms: int) -> None:
        """The groups of ``minutes``, and the hours around them as far as they end by ``before_ms``."""
        if GPU in minutes:
            await self._spread("1m", Steps(minutes[GPU], MINUTE_MS))
        for measurement, keys in minutes.items():
            hours = _hours(keys, before_ms)
            if len(hours):
                await self._series(measurement, "1h", hours)
                if measurement is GPU:
                    await self._spread("1h", hours)

    async def _series(self, measurement: Measurement, end: str, steps: Steps) -> None:
        rollup = ALL_ROLLUPS[f"{measurement.name}_{end}"]
        await self._reader.wait_for(self._written)
        async for scope, span, mine in self._cut(measurement, steps):
            await self._write(await self._recompute.rows(Ask(rollup, span, scope.where), mine))

    async def _spread(self, end: str, steps: Steps) -> None:
        """The groups of ``steps``, which are of GPUs."""
        await self._reader.wait_for(self._written)
        for name in GROUPS:
            rollup = ALL_ROLLUPS[f"{name}_{end}"]
            async for scope, span, mine in self._cut(rollup.measurement, self._groups.steps(name, steps)):
                await self._write(await self._recompute.groups(Ask(rollup, span, scope.where), mine))

    async def _ended(self, hours_ms: tuple[int, int]) -> None:
        """The hours that have ended, of all series, and then of all groups."""
        if hours_ms[0] >= hours_ms[1]:
            return
        await self._reader.wait_for(self._written)
        async for ask in self._hours([f"{name}_1h" for name in MEASUREMENTS], hours_ms):
            await self._write(await self._recompute.rows(ask))
        await self._reader.wait_for(self._written)
        async for ask in self._hours([f"{name}_1h" for name in GROUPS], hours_ms):
            await self._write(await self._recompute.groups(ask))

    async def _hours(self, rollups: Sequence[str], hours_ms: tuple[int, int]) -> AsyncIterator[Ask]:
        for rollup in map(ALL_ROLLUPS.__getitem__, rollups):
            about = rollup.base if rollup.group is None else rollup.measurement
            for scope in await asyncio.to_thread(self._scopes.every, about):
                longest = scope.longest * HOUR_MS
                for start in range(*hours_ms, longest):
                    yield Ask(rollup, (start, min(start + longest, hours_ms[1])), scope.where)

    async def _cut(
        self, about: Measurement, steps: Steps
    ) -> AsyncIterator[tuple[Scope, tuple[int, int], Steps]]:
        """``steps`` in questions that are answered with few rows: of which series, from when to when."""
        for scope in await asyncio.to_thread(self._scopes.of, about, steps.series):
            mine = steps.of(scope.series)
            for span in mine.spans(scope.longest):
                yield scope, span, mine

    async def _write(self, rows: Frame) -> None:
        if len(rows):
            self._written = await self._journal.append([rows], derived=True)


def _hours(minutes: Keys, before_ms: int) -> Steps:
    """The hours around ``minutes`` that had been made before."""
    at_ms = starts_of(minutes, MINUTE_MS)
    done = at_ms < before_ms
    return Steps(np.unique(keys_of(series_of(minutes[done]), at_ms[done], HOUR_MS)), HOUR_MS)
