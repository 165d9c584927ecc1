"""What late rows and ended hours ask for: steps made again from the store, in the order of their making."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import structlog

from telemetry.catalogue import GPU, MEASUREMENTS, Measurement
from telemetry.follower import Follower
from telemetry.frame import Frame, Ints
from telemetry.journal import Journal
from telemetry.order import concatenated
from telemetry.rollup import ALL_ROLLUPS, GROUPS, HOUR_MS, MINUTE_MS
from telemetry.rollup_add import added
from telemetry.rollup_again import MOST_ROWS, Again, Keys, Steps, keys_of
from telemetry.rollup_minutes import Doubt, by_measurement
from telemetry.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Task:
    """Minutes in doubt, and the hours from ``hours_ms[0]`` to ``hours_ms[1]`` that have ended.

    ``since`` is the position before the oldest row in doubt, ``taken`` that of the newest row looked at,
    ``written`` that of what the store must have.
    """

    since: int | None
    doubts: list[Doubt]
    hours_ms: tuple[int, int]
    taken: int
    written: int


class Repair:
    """Makes rollups again and writes them to the journal; the same task done twice writes the same rows."""

    def __init__(self, journal: Journal, reader: Follower, store: Store) -> None:
        self._journal, self._reader = journal, reader
        self._again = Again(store, journal.registry)
        self._written = 0

    async def run(self, task: Task) -> int:
        """Do ``task`` and return the position of the last row written. Raises StoreError."""
        self._written = max(self._written, task.written)
        doubted = by_measurement([one for one in task.doubts if one.late is None])
        for measurement, keys in doubted.items():
            await self._series(measurement, "1m", Steps(keys, MINUTE_MS))
        await self._above(doubted, task.hours_ms[0])
        await self._ended(task.hours_ms)
        if doubted:
            log.info("rollups_repaired", minutes=sum(map(len, doubted.values())))
        return self._written

    async def added(self, task: Task) -> list[Frame]:
        """Minutes whose readings are gone, with their late rows added: to be written once and no more."""
        await self._reader.wait_for(self._written)
        found: list[Frame] = []
        for measurement, keys in _late(task).items():
            rollup = ALL_ROLLUPS[f"{measurement.name}_1m"]
            steps = Steps(keys, MINUTE_MS)
            rows = [one.late for one in task.doubts if one.late and one.measurement is measurement]
            kept = [await self._again.kept(rollup, span, steps) for span in self._again.spans(steps)]
            late = reduce(partial(added, rollup), rows)
            found.append(added(rollup, concatenated(kept)[0], late) if any(map(len, kept)) else late)
        return found

    async def above(self, task: Task, written: int) -> None:
        """Make again what stands above :meth:`added`, once that was ``written``: its groups and hours."""
        self._written = max(self._written, written)
        await self._above(_late(task), task.hours_ms[1])

    async def _above(self, minutes: Mapping[Measurement, Keys], before_ms: int) -> None:
        """The groups of ``minutes``, and the hours around them as far as they end by ``before_ms``."""
        if GPU in minutes:
            await self._groups("1m", Steps(minutes[GPU], MINUTE_MS))
        for measurement, keys in minutes.items():
            hours = _hours(keys, before_ms)
            if len(hours):
                await self._series(measurement, "1h", Steps(hours, HOUR_MS))
                if measurement is GPU:
                    await self._groups("1h", Steps(hours, HOUR_MS))

    async def _series(self, measurement: Measurement, end: str, steps: Steps) -> None:
        rollup = ALL_ROLLUPS[f"{measurement.name}_{end}"]
        await self._reader.wait_for(self._written)
        for span in self._again.spans(steps):
            await self._write([await self._again.rows(rollup, span, steps)])

    async def _groups(self, end: str, steps: Steps) -> None:
        await self._reader.wait_for(self._written)
        for span in self._again.spans(steps):
            await self._write([await self._again.groups(name, end, span, steps.series) for name in GROUPS])

    async def _ended(self, hours_ms: tuple[int, int]) -> None:
        """The hours that have ended, of all series."""
        for span in self._spans(hours_ms):
            await self._reader.wait_for(self._written)
            for measurement in MEASUREMENTS.values():
                await self._write([await self._again.rows(ALL_ROLLUPS[f"{measurement.name}_1h"], span)])
            await self._reader.wait_for(self._written)
            await self._write([await self._again.groups(name, "1h", span, None) for name in GROUPS])

    def _spans(self, hours_ms: tuple[int, int]) -> Iterator[tuple[int, int]]:
        longest = max(1, MOST_ROWS // max(1, len(self._journal.registry))) * HOUR_MS
        for start in range(hours_ms[0], hours_ms[1], longest):
            yield start, min(start + longest, hours_ms[1])

    async def _write(self, frames: Sequence[Frame]) -> None:
        if any(map(len, frames)):
            full = [frame for frame in frames if len(frame)]
            self._written = await self._journal.append(full, derived=True)


def _late(task: Task) -> Mapping[Measurement, Keys]:
    return by_measurement([one for one in task.doubts if one.late is not None])


def _hours(minutes: Keys, before_ms: int) -> Keys:
    """The keys of the hours around ``minutes`` that had been made before."""
    at_ms = (minutes & 0xFFFF_FFFF) * MINUTE_MS
    done = at_ms < before_ms
    series: Ints = (minutes[done] >> 32).astype(np.int32)
    return np.unique(keys_of(series, at_ms[done], HOUR_MS))
