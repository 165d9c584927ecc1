"""Rollups between a store and a journal that fail, or end the process, at a moment that a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from runtime.errors import StoreError
from telemetry.counted import Seen
from telemetry.frame import Frame
from telemetry.journal import Journal
from telemetry.store import WindowQuery
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes.rolling import Rig, running


class Killed(BaseException):
    """The process is ended here."""


class Fault:
    """Strikes once, at one of the next touches of the store or the journal by the rollups.

    A touch may be struck before or after it did what it does; a store or journal that fails did nothing.
    """

    def __init__(self) -> None:
        self._before: dict[int, BaseException] = {}
        self._after: dict[int, BaseException] = {}
        self.touches = 0
        self.killed = False
        self.held: asyncio.Event | None = None
        """Set when a question to the store waits for :attr:`let_on`; None lets all pass."""
        self.let_on = asyncio.Event()

    def arm(self, touches: int, kill: bool, after: bool) -> None:
        """Let the touch after so many others fail, or ``kill`` there, or right after it."""
        at, error = self.touches + touches, Killed() if kill else StoreError("away for a moment")
        (self._after if kill and after else self._before)[at] = error

    def disarm(self) -> None:
        """From here on all goes well."""
        self._before, self._after = {}, {}

    @asynccontextmanager
    async def touch(self) -> AsyncIterator[None]:
        """Around every question to the store, and every write of the rollups."""
        number, self.touches = self.touches, self.touches + 1
        self._strike(self._before.pop(number, None))
        yield
        self._strike(self._after.pop(number, None))

    def _strike(self, error: BaseException | None) -> None:
        if error is not None:
            self.killed |= isinstance(error, Killed)
            raise error


class FaultyStore(MemoryStore):
    """Its answers fail when ``fault`` strikes."""

    fault: Fault

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps, or the fault."""
        async with self.fault.touch():
            if self.fault.held is not None:
                self.fault.held.set()
                await self.fault.let_on.wait()
            return await super().window(query)


class FaultyJournal(Journal):
    """What rollups write fails when ``fault`` strikes."""

    fault: Fault

    async def append(
        self,
        frames: Sequence[Frame],
        counters: Mapping[str, int] | None = None,
        statuses: Mapping[str, bool] | None = None,
        derived: bool = False,
        seen: Seen | None = None,
    ) -> int:
        """Commit, or the fault."""
        if not derived:
            return await super().append(frames, counters, statuses, derived, seen)
        async with self.fault.touch():
            return await super().append(frames, counters, statuses, derived, seen)


class FaultyRig(Rig):
    """A rig that survives what ``fault`` does to it, as a service does that is started again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fault = Fault()
        journal = FaultyJournal(folder / "journal.sqlite", self.registry, wall=self.clock)
        store = FaultyStore(MemoryOptions(), self.registry, folder)
        journal.fault = store.fault = self.fault
        self.journal, self.store = journal, store
        self.reader = self._follower(store)

    async def play(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work``; where the process ends meanwhile it is started again, without it."""
        task = asyncio.create_task(work)
        await asyncio.wait([task, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        if self.fault.killed:
            task.cancel()
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if self.fault.killed:
            await self.restart()
        elif error is not None and not isinstance(error, StoreError):
            raise error

    async def restart(self) -> None:
        """End the process here, and start it."""
        self.fault.killed = False
        await self.kill()
        for task in self._tasks:
            assert task.cancelled() or isinstance(task.exception(), Killed)
        await self.start()

    async def rest(self) -> None:
        """Nothing fails any more, and all that is due is done."""
        self.fault.disarm()
        for _ in range(3):
            await self.play(self.settle())


@asynccontextmanager
async def faulty(folder: Path) -> AsyncIterator[FaultyRig]:
    """A faulty rig that runs, and is killed at the end."""
    made = FaultyRig(folder)
    async with running(made):
        yield made
