"""What a process knows of the past that keeps nothing itself: names and newest values, of a shared store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import NoReturn

import structlog

from runtime.backoff import Backoff
from runtime.clock import Clock, to_ms
from runtime.errors import StoreError
from telemetry.catalogue import GPU, MEASUREMENTS
from telemetry.completeness_book import FORGET, SourceHistory
from telemetry.completeness_memory import Repeats, day_until, note_stored
from telemetry.completeness_stored import StoredHours
from telemetry.frame import Floats
from telemetry.intake_sources import IntakeSources, Numbers
from telemetry.live import LiveState
from telemetry.restore import Wanted, find_newest
from telemetry.rollup import ALL_ROLLUPS, GROUPS
from telemetry.series import SeriesRegistry, measurement_of, source_of
from telemetry.sources import SourceBook
from telemetry.store import Store

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)
"""How often the account of the last hours is read again: its rows are written as often."""

_GPUS = 8
"""GPUs of a node, about: from so many series a start knows when it has found all."""


class Recall:
    """Opens ``store``, which others fill, and reads what they know of their sources every minute.

    ``history`` holds how full the last hours of each source were. Until the store answers, what arrives is
    all that is known.
    """

    def __init__(
        self, registry: SeriesRegistry, store: Store, live: LiveState, sources: SourceBook, clock: Clock
    ) -> None:
        self._registry, self._store, self._live = registry, store, live
        self._book, self._clock = sources, clock
        self.sources = IntakeSources(registry, lambda _number, _name: None)
        self.hours = StoredHours(store, self.sources)
        self.history = SourceHistory()
        self._repeats = Repeats(self.hours)
        self.problem: str | None = None
        """Why the store cannot be asked, for people; None while it can."""
        self._grouped = 0

    async def run(self) -> NoReturn:
        """Open, remember, and go on reading until cancelled. Raises StoreError when waiting cannot help."""
        backoff = Backoff(first=0.5, ceiling=30.0)
        await self._insist(self._begin, backoff)
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            await self._insist(self.refresh, backoff)

    def now(self) -> Iterator[tuple[Numbers, int, dict[str, Floats]]]:
        """Nothing: what only memory holds is in the memory of others, who store it every minute."""
        return iter(())

    async def refresh(self) -> None:
        """Read which sources there are, and how full the last hours of each were. Raises StoreError."""
        now = self._clock.now()
        await self.hours.latest(now - FORGET, now)  # whoever has a row there is named by that
        history = SourceHistory()
        history.grow(len(self.sources))
        await self._repeats.refresh(to_ms(now))
        await note_stored(history, self.hours, self._repeats, *day_until(now))
        self.history = history
        self._book.know(self._known())
        await self._name_groups()

    async def _begin(self) -> None:
        await self._store.open()
        await self.refresh()
        found, now = 0, self._clock.now()
        keys = map(self._registry.key, range(len(self._registry)))
        configured = (source_of(key) for key in keys if key[0] in MEASUREMENTS)
        named = Counter(map(measurement_of, {*self._known(), *configured}))
        for measurement in MEASUREMENTS.values():
            each = _GPUS if measurement is GPU else 1
            wanted = Wanted(measurement, now, each * named[measurement.name])
            found += await find_newest(self._registry, self._store, self._live, wanted)
        await self._name_groups()
        log.info("state_recalled", store=self._store.name, series=found, sources=len(self.sources))

    async def _insist(self, work: Callable[[], Awaitable[None]], backoff: Backoff) -> None:
        while True:
            try:
                await work()
            except StoreError as error:
                if error.permanent:
                    raise
                if self.problem is None:
                    log.warning("store_not_asked", store=self._store.name, error=str(error))
                self.problem = str(error)
                await asyncio.sleep(backoff.next())
            else:
                self.problem = None
                backoff.reset()
                return

    def _known(self) -> Iterator[str]:
        """All sources of the last days but nobody in particular."""
        names = map(self.sources.name, range(1, len(self.sources)))
        return (name for name in names if measurement_of(name))

    async def _name_groups(self) -> None:
        """Name racks, halls and sites of new GPUs, as their rows were named by whoever wrote them."""
        for number in range(self._grouped, len(self._registry)):
            base, labels = self._registry.key(number)
            for name in GROUPS if base == GPU.name else ():
                measurement = ALL_ROLLUPS[f"{name}_1m"].measurement
                kept = tuple(labels[GPU.labels.index(label)] for label in measurement.labels)
                self._registry.id(measurement, kept)
            self._grouped = number + 1
            if number % 10_000 == 0:
                await asyncio.sleep(0)
