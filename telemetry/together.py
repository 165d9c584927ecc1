"""Several sinks that follow the journal as one: its bytes are read once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from telemetry.frame import Frame
from telemetry.store import PutsOff, Sink


class Part(Sink, PutsOff, Protocol):
    """A sink that knows which place it would go on from, and which measurements it takes."""

    @property
    def measurements(self) -> tuple[str, ...]:
        """All that it needs of the journal."""
        ...


class Together:
    """The sinks ``parts`` under the name of the last one, each of which may be handed a batch again.

    A part that has no place yet joins where the others are: what came before it, nobody kept for it.
    """

    def __init__(self, *parts: Part) -> None:
        self._parts = parts
        self.name = parts[-1].name
        self.measurements = tuple(name for part in parts for name in part.measurements)

    @property
    def safe(self) -> int:
        """What every part needs nothing of again."""
        return min(part.safe for part in self._parts)

    async def open(self) -> int:
        """Open all; the position up to which each that has a place took everything. Raises StoreError."""
        positions = [await part.open() for part in self._parts]
        return min((one for one in positions if one), default=0)

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Hand ``frames`` to each in turn. Raises StoreError; the same batch may then be given again."""
        for part in self._parts:
            wanted = [frame for frame in frames if frame.measurement.name in part.measurements]
            await part.append(wanted, position)

    async def write_place(self, position: int) -> None:
        """Each that has put its place off writes it down. Raises StoreError."""
        for part in self._parts:
            if part.safe < position:
                await part.write_place(position)

    async def close(self) -> None:
        """Close all."""
        for part in self._parts:
            await part.close()
