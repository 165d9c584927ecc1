"""Everything between a decoder and the completeness ledger, to be played with and killed at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from collectors.decoders.native import NativeDecoder
from collectors.source import Message
from runtime.backoff import Backoff
from runtime.clock import ManualClock, from_ms, to_ms
from telemetry.batch import Batch
from telemetry.completeness import Completeness
from telemetry.completeness_lines import CompletenessLines, SourceHour
from telemetry.completeness_stored import StoredHours
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.ingest import Ingest
from telemetry.intake import INTAKE
from telemetry.journal import Journal, JournalOptions
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.restore import restore
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.store import Store
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.fakes.frames import T0


class IntakeRig:
    """One life of a process: journal, store, ingest and ledger on ``folder``; ``clock`` is the wall too."""

    def __init__(
        self,
        folder: Path,
        clock: ManualClock,
        periods: dict[str, timedelta],
        options: JournalOptions | None = None,
    ) -> None:
        self.clock = clock
        self.registry = SeriesRegistry()
        self.journal = Journal(folder / "journal.sqlite", self.registry, options, wall=clock)
        self.store: Store = DuckDBStore(DuckDBOptions(), self.registry, folder)
        self.periods = periods
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open everything as the service does."""
        await self.journal.open()
        live = LiveState(self.registry)
        sources = SourceBook(self.registry, live)
        await restore(self.journal, self.store, live, sources)
        self.reader = self._follower(self.store, "*")
        followers = Followers(self.journal, [self.reader], self.store)
        self.ingest = Ingest(self.journal, live, sources, Quality(self.registry, wall=self.clock), followers)
        account = self.ingest.account
        self.decoder = NativeDecoder(self.registry, counted=account.counts.find)
        account.declare(self.periods.get)
        account.expect(self.periods)
        stored = StoredHours(self.store, account.sources)
        self.ledger = Completeness(self.journal, self.reader, stored, account, self.clock)
        self.view = CompletenessLines(self.ledger, stored, account)
        self.follower = self._follower(self.ledger, INTAKE.name)
        self.followers = Followers(self.journal, [self.reader, self.follower], self.store)
        self._tasks = [asyncio.create_task(one.run()) for one in (self.reader, self.follower)]
        while not self.ledger.opened:
            await self.follower.wait_moved()

    async def kill(self) -> None:
        """Let the tasks end where they are; what only memory knows is gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.journal.append([])  # returns after a commit that was on its way to the disk
        await self.store.close()
        await self.journal.close()

    async def hear(self, messages: Sequence[Message], session_gaps: int = 0) -> None:
        """One batch, as the collector commits it."""
        batch = Batch(session_gaps=session_gaps)
        self.decoder.decode(messages, batch, to_ms(self.clock.now()))
        await self.ingest.commit(batch)

    async def reach(self) -> None:
        """Return once store and ledger have taken all, also what the ledger wrote meanwhile."""
        while min(self.reader.position, self.follower.position) < (head := self.journal.head):
            await self.followers.wait_for(head)

    async def tend(self) -> None:
        """Everything counted is stored."""
        await self.reach()
        await self.ledger.tend()
        await self.reach()

    async def lines(self) -> Sequence[SourceHour]:
        """All that the ledger tells."""
        return await self.view.lines(from_ms(0), from_ms(2 * T0))

    def _follower(self, sink: Completeness | Store, measurements: str) -> Follower:
        options = FollowOptions(interval=timedelta(0), measurements=(measurements,))
        return Follower(self.journal, sink, options, Backoff(0.001, 0.002))


@asynccontextmanager
async def intake(
    folder: Path,
    clock: ManualClock,
    periods: dict[str, timedelta] | None = None,
    options: JournalOptions | None = None,
) -> AsyncIterator[IntakeRig]:
    """One life of the process on ``folder``, killed at the end."""
    rig = IntakeRig(folder, clock, periods or {}, options)
    await rig.start()
    try:
        async with asyncio.timeout(30):
            yield rig
    finally:
        await rig.kill()
