"""The tap: shows what arrives as it arrives, and keeps none of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry.batch import Batch
from telemetry.frame import Frame, Mask
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.series import SeriesRegistry, source_of
from telemetry.sources import SourceBook


@dataclass(frozen=True)
class Unclaimed:
    """Sources that nobody takes in: ``sample`` names one of so many."""

    count: int
    sample: str


class Tap:
    """What :class:`collectors.mqtt.MqttCollector` commits to where others take the same messages in.

    The newest values and who spoke are kept in memory; nothing is acknowledged by it and nothing stored.
    ``taken`` says of a source whether anybody takes it in.
    """

    def __init__(
        self,
        registry: SeriesRegistry,
        live: LiveState,
        sources: SourceBook,
        quality: Quality,
        taken: Callable[[str], bool],
    ) -> None:
        self._registry, self._live, self._sources = registry, live, sources
        self._quality, self._taken = quality, taken
        self._seen: Mask = np.zeros(1024, dtype=np.bool_)
        self._unclaimed: Unclaimed | None = None

    @property
    def unclaimed(self) -> Unclaimed | None:
        """Whose messages arrive and are lost, since nobody takes them in; None if there are none."""
        return self._unclaimed

    async def commit(self, batch: Batch) -> None:
        """Show what ``batch`` tells, held against the same limits as what is stored."""
        frames = [self._quality.check(frame).frame for frame in batch.frames()]
        for frame in frames:
            self._live.update(frame)
        self._sources.observe(frames)
        self._sources.tell(batch.statuses)
        self._sources.arrival_stands_for(batch.unstamped)
        self._look_at(frames)

    def acknowledged(self, n: int) -> None:
        """Nothing: what only passes by is acknowledged by nobody here."""

    def _look_at(self, frames: Sequence[Frame]) -> None:
        """Ask of each series that is heard for the first time whether anybody takes it in."""
        for frame in frames:
            if len(frame) == 0:
                continue
            size = int(frame.series.max()) + 1
            if size > len(self._seen):
                self._seen = np.append(self._seen, np.zeros(max(size, len(self._seen)), dtype=np.bool_))
            fresh = frame.series[~self._seen[frame.series]]
            if len(fresh):
                self._seen[fresh] = True
                self._name(np.unique(fresh).tolist())

    def _name(self, series: Sequence[int]) -> None:
        """Of a node the number of each GPU is a series, so a source is asked for once."""
        for source in dict.fromkeys(source_of(self._registry.key(one)) for one in series):
            if not self._taken(source):
                known = self._unclaimed or Unclaimed(0, source)
                self._unclaimed = Unclaimed(known.count + 1, known.sample)
