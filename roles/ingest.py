"""The role ``ingest``: takes one shard in, stores it, marks it for the ledger; judges and shows nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NoReturn

import structlog

from dashboards.house import Side
from dashboards.server import WebServer
from dashboards.side import create_side_app
from dashboards.users import Users
from roles.ground import Ground, ground
from roles.intake import Intake, Kept, keep, take_in
from roles.process import RoleProcess, pulse_of
from roles.station import Station
from runtime.beats import Beats, Pulse
from runtime.clock import Clock
from runtime.errors import StoreError
from runtime.lifecycle import Component
from runtime.version import VERSION
from settings import Configuration
from telemetry.backlog import Backlog
from telemetry.ingest_beat import IngestBeat, Through
from telemetry.rollup import ALL_ROLLUPS

log = structlog.get_logger(__name__)

PRUNE_EVERY = timedelta(hours=1)


class Telling:
    """What this process tells the others with each sign of life."""

    def __init__(self, intake: Intake, backlog: Backlog, topics: Sequence[str]) -> None:
        self._intake, self._backlog, self._topics = intake, backlog, tuple(topics)
        kept = intake.kept
        self._through = Through(kept.journal, [kept.first, kept.marked])
        self.pulse: Pulse | None = None

    async def problems(self) -> list[str]:
        """Why this process is not ready."""
        found = self._intake.problems()
        if self.pulse is not None and self.pulse.problem is not None:
            found.append(f"database: {self.pulse.problem}")
        return found

    async def tell(self) -> str:
        """How it stands now."""
        kept = self._intake.kept
        beat = IngestBeat(
            status=await self._intake.ingest.status(),
            whole={name: kept.whole_ms(rollup) for name, rollup in ALL_ROLLUPS.items()},
            backlog_over=self._backlog.over,
            through_ms=self._through.after(None if self.pulse is None else self.pulse.at),
            newest_ms=kept.journal.newest_ms,
            problems=tuple(self._intake.problems()),
            topics=self._topics,
        )
        return beat.encoded()


@asynccontextmanager
async def ingest(
    configuration: Configuration, clock: Clock | None, station: Station
) -> AsyncIterator[RoleProcess]:
    """Construct and open the process that takes ``station.shard`` in.

    Raises ConfigError, StoreError or ServiceError when something cannot be opened.
    """
    settings = configuration.settings
    part = station.part(settings)
    broker = part.broker(settings.broker)
    async with ground(configuration, station.data_dir(settings.service), clock, broker.client_id) as base:
        kept = await keep(base, part)
        intake = take_in(base, kept, part)
        backlog = Backlog(kept.live.newest_ms, base.clock, lambda: intake.source.connected)
        telling = Telling(intake, backlog, broker.topics)
        telling.pulse = pulse_of(base, station, Beats(base.database), telling.tell)
        process = RoleProcess(base.data_dir, _door(base, intake, telling, station), telling.pulse, [])
        process.components += [
            *kept.components(),
            Component("signs of life", telling.pulse.run),
            Component("backlog", backlog.wait, essential=False),
            Component("retention", lambda: _prune(base, kept)),
            Component("web server", process.serve),
            Component("collector", intake.collector.run),
        ]
        gc.freeze()  # what was built stays: scanning it again holds the event loop
        try:
            yield process
        finally:
            gc.unfreeze()
            await intake.ingest.flush()
            await telling.pulse.last()


def _door(base: Ground, intake: Intake, telling: Telling, station: Station) -> WebServer:
    settings = base.settings
    listens = {one.name: one.listen for one in settings.shard}
    side = Side(
        users=Users(base.database, base.wall),
        auth=settings.auth,
        hosts=settings.service.names,
        readiness=telling,
        version=VERSION,
        ingest=intake.ingest,
    )
    return WebServer(create_side_app(side), listens.get(station.shard or "", "127.0.0.1:0"))


async def _prune(base: Ground, kept: Kept) -> NoReturn:
    """Let the stores that this process writes forget what is old: nobody else may know of them."""
    while True:
        await asyncio.sleep(PRUNE_EVERY.total_seconds())
        try:
            await kept.retention.prune(base.clock.now())
        except StoreError as error:  # told in full where it failed; the next hour asks again
            log.warning("retention_waits", error=str(error))
