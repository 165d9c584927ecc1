"""Sinks that follow as one: each gets its own, and the place is that of the slowest that has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from telemetry.catalogue import GRID, METER, Measurement
from telemetry.frame import Frame
from telemetry.store import PutsOff
from telemetry.together import Together


@dataclass
class Place:
    """A sink that remembers how far it is, and of what it was told."""

    name: str
    measurements: tuple[str, ...]
    safe: int
    told: list[tuple[str, int]] = field(default_factory=list)
    closed: bool = False

    async def open(self) -> int:
        return self.safe

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        self.told += [(frame.measurement.name, position) for frame in frames]
        self.safe = position

    async def write_place(self, position: int) -> None:
        self.told.append(("place", position))
        self.safe = position

    async def close(self) -> None:
        self.closed = True


def frame(measurement: Measurement) -> Frame:
    """One empty row."""
    return Frame(measurement, np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int64), {})


async def test_each_gets_what_it_takes_and_all_get_the_position() -> None:
    book, marker = Place("book", ("grid",), 4), Place("ledger", ("meter",), 6)
    both = Together(book, marker)
    assert (both.name, both.measurements) == ("ledger", ("grid", "meter"))
    assert await both.open() == 4
    await both.append([frame(METER), frame(GRID)], 7)
    assert (book.told, marker.told) == ([("grid", 7)], [("meter", 7)])
    book.safe = 5
    assert both.safe == 5
    assert isinstance(both, PutsOff), "the journal would wait for a place that is never written"
    await both.write_place(7)
    assert (book.told, marker.told) == ([("grid", 7), ("place", 7)], [("meter", 7)])
    await both.close()
    assert book.closed
    assert marker.closed


async def test_one_that_was_never_there_joins_where_the_others_are() -> None:
    assert await Together(Place("book", (), 0), Place("ledger", (), 6)).open() == 6
    assert await Together(Place("book", (), 0), Place("ledger", (), 0)).open() == 0
