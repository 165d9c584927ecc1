"""A journal, a store and the rollups between them, to be played with and killed at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from runtime.backoff import Backoff
from runtime.clock import ManualClock, from_ms
from telemetry.catalogue import Measurement
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.journal import Journal, JournalOptions
from telemetry.rollups import Rollups
from telemetry.series import SeriesRegistry
from telemetry.share import EVERYTHING, Share
from telemetry.store import SeriesQuery, Store
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes.frames import T0, Row, frame
from tests.fakes.sharing import Server, SharedStore

LATER = datetime(2026, 1, 1, tzinfo=UTC)
"""The wall clock: long after all rows, so that only they close minutes."""


class Rig:
    """A journal, a store that follows it, and rollups that can be killed at any moment.

    With ``server`` it is one process of several that write there, and takes its ``share``.
    """

    def __init__(
        self,
        folder: Path,
        limit: int = 1 << 30,
        duckdb: bool = False,
        share: Share = EVERYTHING,
        server: Server | None = None,
    ) -> None:
        self.clock = ManualClock(LATER)
        self.registry = SeriesRegistry(share=share)
        options = JournalOptions.model_validate({"limit": limit})
        self.journal = Journal(folder / "journal.sqlite", self.registry, options, wall=self.clock)
        self.store: Store = MemoryStore(MemoryOptions(), self.registry, folder)
        if duckdb:
            # Sealed as soon as it can be: late rows and repairs meet rows in files.
            sealing = DuckDBOptions(seal_after=timedelta(0), seal_rows=2)
            self.store = DuckDBStore(sealing, self.registry, folder)
        if server is not None:
            self.store = SharedStore(server, self.registry, share.name or "all")
        self.reader = self._follower(self.store)
        self._tasks: list[asyncio.Task[None]] = []

    def _follower(self, sink: Any) -> Follower:
        return Follower(self.journal, sink, FollowOptions(interval=timedelta(0)), Backoff(0.001, 0.002))

    async def start(self) -> None:
        """A new sink, as after a start of the process."""
        self.rollups = Rollups(self.journal, self.reader, self.store)
        self.follower = self._follower(self.rollups)
        self.both = Followers(self.journal, [self.reader, self.follower], self.store)
        self._tasks = [asyncio.create_task(one.run()) for one in (self.reader, self.follower)]

    async def kill(self) -> None:
        """Let the tasks end where they are; what only memory knows is gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.journal.append([])  # returns after a commit that was on its way to the disk

    async def put(self, measurement: Measurement, *rows: Row) -> None:
        await self.journal.append([frame(self.registry, measurement, rows)])

    async def reach(self) -> None:
        """Return once store and rollups have taken all, also what the rollups wrote meanwhile."""
        while min(self.reader.position, self.follower.position) < (head := self.journal.head):
            await self.both.wait_for(head)

    async def settle(self) -> None:
        """As when nothing comes for a while: all minutes closed, all repairs and hours made."""
        await self.reach()
        self.clock.advance(timedelta(minutes=2))
        for _ in range(2):
            await self.rollups.tend()
            await self.reach()

    async def prune(self, measurement: Measurement, second: float) -> None:
        """Forget rows older than that (seconds after T0), as far as the rollups release them."""
        before = from_ms(T0 + round(1000 * second))
        self.rollups.release(measurement, before)
        await self.rollups.tend()
        await self.store.prune(measurement, self.rollups.release(measurement, before))

    async def rows(self, measurement: Measurement) -> list[dict[str, Any]]:
        query = SeriesQuery(measurement, from_ms(0), LATER)
        batches = [batch async for batch in self.store.raw(query)]
        return pa.Table.from_batches(batches).to_pylist() if batches else []


@asynccontextmanager
async def rig(folder: Path, limit: int = 1 << 30, duckdb: bool = False) -> AsyncIterator[Rig]:
    async with running(Rig(folder, limit, duckdb)) as made:
        yield made


@asynccontextmanager
async def running(made: Rig) -> AsyncIterator[Rig]:
    """``made``, opened, and killed at the end."""
    await made.journal.open()
    await made.start()
    try:
        async with asyncio.timeout(30):
            yield made
    finally:
        await made.kill()
        await made.store.close()
        await made.journal.close()
