"""A whole intake of one process, from decoded messages to its store, to be killed at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from collectors.decoders.native import NativeDecoder
from collectors.shard import Shard
from collectors.source import Message
from runtime.backoff import Backoff
from runtime.clock import ManualClock, to_ms
from telemetry.batch import Batch
from telemetry.completeness import Completeness
from telemetry.completeness_lines import CompletenessLines
from telemetry.completeness_stored import StoredHours
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.ingest import Ingest
from telemetry.intake import INTAKE
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.restore import restore
from telemetry.rollups import Rollups
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.store import Sink, Store

OpenStore = Callable[[SeriesRegistry, Path], Store]
"""A store for the process whose names are in the registry and whose place is kept in the folder."""


class Part:
    """What the process of ``shard`` is, over all its lives, with everything it keeps in ``folder``."""

    def __init__(self, folder: Path, shard: Shard, clock: ManualClock, store: OpenStore) -> None:
        folder.mkdir()
        self.folder, self.shard, self.clock, self._open_store = folder, shard, clock, store
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, periods: dict[str, timedelta]) -> None:
        """Open everything as the service does; ``periods`` are those of all configured devices."""
        self.registry = SeriesRegistry(share=self.shard.share)
        self.journal = Journal(self.folder / "journal.sqlite", self.registry, wall=self.clock)
        await self.journal.open()
        self.store = self._open_store(self.registry, self.folder)
        live = LiveState(self.registry)
        self.book = SourceBook(self.registry, live)
        for source in periods:
            self.book.expect(source, "meter", "gdansk")
        await restore(self.journal, self.store, live, self.book)
        self.reader = self._follower(self.store, "*")
        self.rollups = Rollups(self.journal, self.reader, self.store)
        self.ingest = Ingest(
            self.journal,
            live,
            self.book,
            Quality(self.registry, wall=self.clock),
            Followers(self.journal, [self.reader], self.store),
        )
        account = self.ingest.account
        account.declare(periods.get)
        account.expect(periods)
        hours = StoredHours(self.store, account.sources)
        self.ledger = Completeness(self.journal, self.reader, hours, account, self.clock)
        self.lines = CompletenessLines(self.ledger, hours, account)
        self._follow = [
            self.reader,
            self._follower(self.rollups, "*"),
            self._follower(self.ledger, INTAKE.name),
        ]
        self.followers = Followers(self.journal, self._follow, self.store)
        self.decoder = NativeDecoder(self.registry)
        self._tasks = [asyncio.create_task(one.run()) for one in self._follow]
        while not self.ledger.opened:
            await self._follow[2].wait_moved()

    async def kill(self) -> None:
        """Let the tasks end where they are; what only memory knows is gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.journal.append([])  # returns after a commit that was on its way to the disk
        await self.rollups.close()
        await self.store.close()
        await self.journal.close()

    async def hear(self, messages: Sequence[Message]) -> None:
        """One batch, as the collector commits it."""
        batch = Batch()
        self.decoder.decode(messages, batch, to_ms(self.clock.now()))
        await self.ingest.commit(batch)

    async def tend(self) -> None:
        """Everything that is due is written, also what that brings about."""
        for _ in range(2):
            await self._reach()
            await self.rollups.tend()
            await self.ledger.tend()
        await self._reach()

    async def _reach(self) -> None:
        while min(one.position for one in self._follow) < (head := self.journal.head):
            await self.followers.wait_for(head)

    def _follower(self, sink: Sink, measurements: str) -> Follower:
        options = FollowOptions(interval=timedelta(0), measurements=(measurements,))
        return Follower(self.journal, sink, options, Backoff(0.001, 0.002))
