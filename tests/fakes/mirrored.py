"""A first store and a mirror that follow a journal of a megabyte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from pydantic import ByteSize

from runtime.backoff import Backoff
from runtime.clock import ManualClock, from_ms
from telemetry.catalogue import WEATHER, Measurement
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.frame import Frame
from telemetry.journal import Journal, JournalOptions
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, Store
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.fakes.frames import T0

LIMIT = 1 << 20
HOLD = 0.25


class Site:
    """A small journal with a first store on disk and a ``mirror``; rows come by :meth:`put`."""

    def __init__(self, folder: Path, clock: ManualClock, mirror: Callable[[SeriesRegistry], Store]) -> None:
        self.clock, self.folder = clock, folder
        self.registry = SeriesRegistry()
        limit = JournalOptions(limit=ByteSize(LIMIT))
        self.journal = Journal(folder / "journal.sqlite", self.registry, limit, wall=clock)
        self.first = DuckDBStore(DuckDBOptions(), self.registry, folder)
        self.mirror = mirror(self.registry)
        self.gone: datetime | None = None
        self._random = np.random.default_rng(1)

    @asynccontextmanager
    async def running(self, takes: Sequence[str] = ("*",)) -> AsyncIterator[None]:
        """One life of the process."""
        await self.journal.open()
        quick = FollowOptions(interval=timedelta(0), measurements=tuple(takes))
        held = FollowOptions(interval=timedelta(0), hold=HOLD)
        self.reader = Follower(self.journal, self.first, quick, Backoff(0.001, 0.002))
        self.second = Follower(self.journal, self.mirror, held, Backoff(0.001, 0.002), mirror=True)
        both = [self.reader, self.second]
        self.followers = Followers(self.journal, both, self.first, lambda _: self.gone)
        task = asyncio.create_task(self.followers.run())
        try:
            async with asyncio.timeout(120):
                yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.first.close()
            await self.mirror.close()
            await self.journal.close()

    async def put(self, measurement: Measurement, second: float, series: int = 2_000) -> None:
        """A batch of random values, which take about 10 bytes each."""
        ids = [self._id(measurement, n) for n in range(series)]
        at = np.full(series, T0 + round(1000 * second), dtype=np.int64)
        columns = {measurement.field_names[0]: self._random.random(series)}
        rows = Frame(measurement, np.array(ids, dtype=np.int32), at, columns)
        await self.journal.append([rows])
        await self.reader.wait_for(self.journal.head)
        await self.followers.trim()

    async def filled(self) -> None:
        """Return once the mirror lacks nothing that can be had; each new batch brings a piece."""
        second = 100_000.0
        while self.journal.gaps[self.mirror.name].spans:
            second += 1
            await self.put(WEATHER, second, 1)
            await self.second.wait_for(self.journal.head)

    async def rows(self, store: Store, measurement: Measurement) -> set[tuple[object, ...]]:
        query = SeriesQuery(measurement, from_ms(0), from_ms(2 * T0))
        names = [*measurement.labels, "at_ms", measurement.field_names[0]]
        return {
            row
            async for batch in store.raw(query)
            for row in zip(*(batch[name].to_pylist() for name in names), strict=True)
        }

    def _id(self, measurement: Measurement, n: int) -> int:
        return self.registry.id(measurement, ("gdansk", *(str(n) for _ in measurement.labels[1:])))
