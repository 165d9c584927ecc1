"""One store that several processes write to and read from, as a server is: it knows names, not their ids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from telemetry.catalogue import Measurement
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.store import REPEATS, SeriesQuery, StoreCounts, WindowQuery
from telemetry.stored import STORED
from telemetry.stores.memory import MemoryOptions, MemoryStore

_BY_NAME = {measurement.named: measurement for measurement in STORED.values()}


class Server:
    """The rows of all, in memory; each process opens a :class:`SharedStore` of its own on it."""

    def __init__(self) -> None:
        self.registry = SeriesRegistry()
        self.rows = MemoryStore(MemoryOptions(), self.registry, Path())
        self.writes = 0
        self.places: dict[str, int] = {}


class SharedStore:
    """What one process, whose names are in ``registry``, has of ``server``; ``place`` names its own place."""

    def __init__(self, server: Server, registry: SeriesRegistry, place: str) -> None:
        self.name = "shared"
        self._server, self._registry, self._place = server, registry, place

    async def open(self) -> int:
        """How far this process has written."""
        return self._server.places.get(self._place, 0)

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Take ``frames`` under their names; a second write of the same rows is harmless."""
        self._server.writes += 1
        known = [Frame(f.measurement, self._renamed(f), f.at_ms, f.columns) for f in frames]
        await self._server.rows.append(known, self._server.writes)
        self._server.places[self._place] = position

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest rows, whoever wrote them."""
        return await self._server.rows.latest(query)

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates over what all have written."""
        return await self._server.rows.window(query)

    async def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows, whoever wrote them."""
        async for batch in self._server.rows.raw(query):
            yield batch

    async def prune(self, measurement: Measurement, before: datetime) -> None:
        """Forget old rows."""
        await self._server.rows.prune(measurement, before)

    async def counts(self) -> StoreCounts:
        """Rows of all."""
        return await self._server.rows.counts()

    async def repeats(self, start: datetime, end: datetime) -> pa.Table:
        """A server does not say."""
        return REPEATS.empty_table()

    async def close(self) -> None:
        """Nothing to release."""

    def _renamed(self, frame: Frame) -> np.ndarray:
        keys = (self._registry.key(int(one)) for one in frame.series)
        ids = [self._server.registry.id(_BY_NAME[name], labels) for name, labels in keys]
        return np.array(ids, dtype=np.int32)
