"""What the journal retains for the rollups: how much, and how old the rows in it are."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telemetry.frame import Frame
from telemetry.rollups.state import RollupState

_ROW_BYTES = 24
"""Bytes that a row takes in the journal, at most about."""


@dataclass(frozen=True)
class _Chunk:
    position: int
    rows: int
    oldest_ms: Mapping[str, int]
    oldest_unreleased_ms: Mapping[str, int]


class Retained:
    """Batches that an open minute or a dirty one may still need."""

    def __init__(self) -> None:
        self._chunks: deque[_Chunk] = deque()

    def take(self, frames: Sequence[Frame], position: int, state: RollupState) -> None:
        """The batches up to ``position``, which hold ``frames``, are retained."""
        oldest = {frame.measurement.name: int(frame.at_ms.min()) for frame in frames}
        unreleased = dict(oldest)
        for frame in frames:
            name, released = frame.measurement.name, state.released(frame.measurement.name)
            if oldest[name] < released:
                left = frame.at_ms[frame.at_ms >= released]
                unreleased[name] = int(left.min()) if len(left) else released
        self._chunks.append(_Chunk(position, sum(map(len, frames)), oldest, unreleased))

    def let_go(self, position: int) -> None:
        """Nothing up to ``position`` is needed any more."""
        while self._chunks and self._chunks[0].position <= position:
            self._chunks.popleft()

    @property
    def size(self) -> int:
        """Bytes, at most about."""
        return sum(chunk.rows for chunk in self._chunks) * _ROW_BYTES

    def oldest_ms(self, measurement: str) -> int | None:
        """Time of the oldest row of ``measurement``; None if there is none."""
        found = (chunk.oldest_ms.get(measurement) for chunk in self._chunks)
        return min((one for one in found if one is not None), default=None)

    def oldest_unreleased_ms(self, measurement: str) -> int | None:
        """The same of the rows whose readings were not released when they came."""
        found = (chunk.oldest_unreleased_ms.get(measurement) for chunk in self._chunks)
        return min((one for one in found if one is not None), default=None)
