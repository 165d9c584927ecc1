"""The role ``all``: every part in one process, each with a direct handle to the others."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alerts.replay import Replay
from alerts.watch import Watch
from collectors.mqtt import MqttCollector
from collectors.source import MessageSource
from dashboards.app import create_app
from dashboards.house import House
from dashboards.server import WebServer
from dashboards.users import Users
from reports.eu.desk import EuDesk
from reports.green_check import GreenCheck
from roles.documents import document_jobs, note_uses
from roles.doorplate import serve
from roles.duties import Duties, open_duties
from roles.ground import Ground, ground
from roles.intake import Intake, keep, take_in
from roles.records import Records, open_records
from roles.sight import Sight
from runtime.clock import Clock
from runtime.lifecycle import Component, run_all
from runtime.schedule import Job, every
from runtime.version import VERSION
from settings import Configuration
from telemetry.backlog import Backlog
from telemetry.completeness_lines import CompletenessLines
from telemetry.follower import Follower
from telemetry.ingest import Ingest
from telemetry.journal import Journal
from telemetry.planned import PlannedStore

HOUR = timedelta(hours=1)


@dataclass
class Service:
    """All parts, built and opened; ``components`` run in this order and stop in the opposite one."""

    clock: Clock
    data_dir: Path
    journal: Journal
    ingest: Ingest
    check: GreenCheck
    watch: Watch
    users: Users
    source: MessageSource
    collector: MqttCollector
    intake: Intake
    server: WebServer = field(init=False)
    components: list[Component] = field(init=False)
    quiet_components: list[Component] = field(init=False)
    caught_up: Callable[[], Awaitable[None]] = field(init=False)
    started: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    history: Callable[[], float | None] = field(default_factory=lambda: _nothing, init=False)
    vital: Sequence[Follower] = field(default=(), init=False)

    async def problems(self) -> list[str]:
        """Why the service is not ready (``/readyz``)."""
        found = self.intake.problems(loading=self.loading() is not None)
        unsettled = self.check.unsettled
        return found if unsettled is None else [*found, f"ledger: not settled: {unsettled}"]

    def loading(self) -> float | None:
        """Share of a recorded past that is loaded; None when none is being loaded."""
        return self.history()

    async def serve(self) -> None:
        """Serve the pages until cancelled, and tell other processes of this machine where."""
        await serve(self.server, self.data_dir, self.started)

    async def first_login(self) -> tuple[str, str] | None:
        """Name and password of the first operator when there is nobody yet; else None."""
        return await self.users.ensure_first()

    async def run(self, stop: asyncio.Event) -> None:
        """Run every component until ``stop`` is set or an essential one ends."""
        await run_all(self.components, stop)


@asynccontextmanager
async def whole(configuration: Configuration, clock: Clock | None = None) -> AsyncIterator[Service]:
    """Construct and open everything below ``configuration``'s data directory; close it in reverse order.

    Raises ConfigError, StoreError or ServiceError when something cannot be opened.
    """
    settings = configuration.settings
    owner = settings.broker.client_id
    async with ground(configuration, settings.service.data_dir, clock, owner) as base:
        kept = await keep(base)
        intake = take_in(base, kept)
        sight = _sight(base, intake, lambda: service.loading())
        records = open_records(base, sight)

        async def prune(due: datetime) -> None:
            if service.loading() is None:  # a past that is still coming in is asked for first
                await kept.retention.prune(due)

        await note_uses(base)
        retention = Job("retention", every(HOUR), prune, "latest")
        duties = open_duties(base, sight, records, more=[retention, *document_jobs(base)])
        users = Users(base.database, base.wall)
        service = Service(
            base.clock, base.data_dir, kept.journal, intake.ingest, duties.check, duties.watch, users,
            intake.source, intake.collector, intake,
        )  # fmt: skip
        service.vital, service.caught_up = kept.vital, kept.caught_up
        house = _house(base, service, records, duties)
        service.server = WebServer(create_app(house), settings.service.listen)
        pages = Component("web server", service.serve)
        first, *others = kept.components()
        service.quiet_components = [first, pages]
        collecting = Component("collector", intake.collector.run)
        service.components = [first, *others, *duties.components(), pages, collecting]
        gc.freeze()  # what was built stays: scanning it again held the event loop for 90 ms
        try:
            yield service
        finally:
            gc.unfreeze()
            await intake.ingest.flush()


def _nothing() -> None:
    """Of no past being loaded."""


def _sight(base: Ground, intake: Intake, loading: Callable[[], float | None]) -> Sight:
    kept, source = intake.kept, intake.source
    backlog = Backlog(kept.live.newest_ms, base.clock, lambda: source.connected)
    return Sight(
        store=kept.store,
        live=kept.live,
        ingest=intake.ingest,
        publish=source.publish,
        backlog=backlog,
        caught_up=kept.caught_up,
        loading=loading,
        completeness=CompletenessLines(kept.complete, kept.hours, kept.account),
    )


def _house(base: Ground, service: Service, records: Records, duties: Duties) -> House:
    settings, kept = base.settings, service.intake.kept
    return House(
        clock=base.clock,
        sites=settings.sites,
        targets=settings.target,
        store=PlannedStore(kept.store, kept.whole_ms),
        live=kept.live,
        ingest=service.ingest,
        figures=records.figures,
        alerts=records.board,
        reports=records.reports,
        users=service.users,
        readiness=service,
        history=service,
        auth=settings.auth,
        version=VERSION,
        replay=Replay(base.configuration.alerting.rules(), duties.reading),
        rules=duties.watch,
        deliveries=duties.telling.outbox,
        jobs=duties.schedule,
        data_dir=base.data_dir,
        hosts=settings.service.names,
        completeness=duties.sight.completeness,
        workloads=records.workloads,
        eu=EuDesk(base.database, records.figures, settings.sites),
        certificates=records.certificates,
        proof=records.proof,
    )
