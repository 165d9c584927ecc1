"""A sink that fails when it is told to, and otherwise remembers everything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from runtime.errors import StoreError
from telemetry.frame import Frame


class FlakySink:
    """Keeps the times of all rows in the order of their arrival; ``failures`` is how often it refuses next.

    ``lost_position``: it takes rows, but a restart of it finds only what was taken up to there.
    """

    def __init__(self, name: str = "flaky", failures: int = 0) -> None:
        self.name = name
        self.failures = failures
        self.refused = 0
        self.writes: list[tuple[int, list[int]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.lost_position: int | None = None
        self.dead_letters = 0

    @property
    def rows(self) -> list[int]:
        """Times in ms of every row taken, repeats included."""
        return [at for _, times in self.writes for at in times]

    async def open(self) -> int:
        if self.lost_position is not None:
            position, self.lost_position = self.lost_position, None
            return position
        return self.writes[-1][0] if self.writes else 0

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            self.refused += 1
            raise StoreError("the flaky sink refuses")
        self.writes.append((position, [int(at) for f in frames for at in f.at_ms]))

    async def close(self) -> None:
        return None
