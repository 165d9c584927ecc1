"""Amberwatt: the composition root and the command line.

``build`` puts every room's parts together in a straight line; nothing else in the house knows them all.
"""

from __future__ import annotations

from runtime import interrupt  # first: what follows takes a second

# isort: split
import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import structlog
from apscheduler.triggers.interval import IntervalTrigger

from alerts.book import KEPT, Book
from alerts.compose import Composer
from alerts.desk import Desk as AlertDesk
from alerts.message import AlertMessage
from alerts.mirror import Mirrors
from alerts.outbox import Outbox
from alerts.reading import Reading
from alerts.replay import Replay
from alerts.route import Report
from alerts.watch import Watch
from collectors.connect import open_decoder, open_source
from collectors.declared import declared
from collectors.mqtt import MqttCollector
from collectors.source import MessageSource
from commands.cli import cli
from dashboards.app import create_app
from dashboards.house import House
from dashboards.server import WebServer
from dashboards.users import Users
from energy.device import devices
from energy.ledger import Ledger
from energy.marker import Marker
from energy.reader import LedgerFigures
from energy.site import SiteOptions
from reports.desk import Desk as ReportDesk
from reports.due import MonthlyIssue
from reports.green_check import GreenCheck
from reports.monthly import Material
from runtime.clock import EPOCH, Clock, ReplayClock, SystemClock, from_ms
from runtime.lifecycle import Component, run_all
from runtime.lock import exclusive
from runtime.migrate import open_database
from runtime.schedule import Job, Schedule, every
from runtime.version import VERSION
from settings import Configuration
from telemetry.backlog import Backlog
from telemetry.completeness import Completeness
from telemetry.completeness_lines import CompletenessLines
from telemetry.completeness_stored import StoredHours
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.frame import Frame
from telemetry.ingest import Ingest
from telemetry.intake import INTAKE
from telemetry.intake_account import IntakeAccount
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.order import newest_ms
from telemetry.planned import PlannedStore
from telemetry.quality import Quality
from telemetry.restore import restore
from telemetry.retention import Retention
from telemetry.rollups import Rollups
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook

log = structlog.get_logger(__name__)

WATCH_EVERY = timedelta(seconds=10)
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
    backlog: Backlog
    server: WebServer = field(init=False)
    components: list[Component] = field(init=False)
    quiet_components: list[Component] = field(init=False)
    caught_up: Callable[[], Awaitable[None]] = field(init=False)
    started: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    history: Callable[[], float | None] = field(default_factory=lambda: _nothing, init=False)
    vital: Sequence[Follower] = field(default=(), init=False)

    async def problems(self) -> list[str]:
        """Why the service is not ready (``/readyz``)."""
        status = self.journal.status()
        full = status.bytes >= status.limit_bytes
        found = ["journal: full, so nothing is acknowledged until a store catches up"] if full else []
        if self.collector.problem is not None and not full:
            found.append(f"journal: {self.collector.problem}")
        if (self.source.problem or not self.source.connected) and self.loading() is None:
            found.append(f"broker: {self.source.problem or 'not connected yet'}")
        found += [f"store {one.name}: {one.error}" for one in self.vital if one.error is not None]
        unsettled = self.check.unsettled
        return found if unsettled is None else [*found, f"ledger: not settled: {unsettled}"]

    def loading(self) -> float | None:
        """Share of a recorded past that is loaded; None when none is being loaded."""
        return self.history()

    async def watch_live(self) -> None:
        """Judge the rules on live values every few seconds; a past that is being loaded raises no alarm."""
        while True:
            await asyncio.sleep(WATCH_EVERY.total_seconds())
            if self.loading() is None and self.backlog.over:
                await self.watch.evaluate_live(self.clock.now())

    async def serve(self) -> None:
        """Serve the pages until cancelled, and tell other processes of this machine where."""
        await self.server.start()
        address = self.data_dir / "address"
        address.write_text(self.server.url + "\n", encoding="utf-8")
        self.started.set()
        try:
            await self.server.wait()
        finally:
            address.unlink(missing_ok=True)
            await self.server.stop()

    async def run(self, stop: asyncio.Event) -> None:
        """Run every component until ``stop`` is set or an essential one ends."""
        await run_all(self.components, stop)


@asynccontextmanager
async def build(  # noqa: C901 - a straight line; the jobs stand in it beside what they use
    configuration: Configuration, clock: Clock | None = None
) -> AsyncIterator[Service]:
    """Construct and open everything below ``configuration``'s data directory; close it in reverse order.

    Raises ConfigError, StoreError or ServiceError when something cannot be opened.
    """
    settings = configuration.settings
    data_dir, wall = settings.service.data_dir, SystemClock()
    async with AsyncExitStack() as opened:
        opened.enter_context(exclusive(data_dir))
        database = await open_database(settings.service.database_url)
        opened.push_async_callback(database.close)

        registry = SeriesRegistry(settings.ingest.max_series)
        journal = Journal(data_dir / "journal.sqlite", registry, settings.journal)
        await journal.open()
        opened.push_async_callback(journal.close)
        clock = clock or _clock(settings.service.replay_from)
        live, quality = LiveState(registry), Quality(registry, settings.ingest)
        sources = SourceBook(registry, live, settings.sites)
        _expect(sources, settings.sites)

        stores = [c.build(registry, data_dir, c.name) for c in configuration.stores]
        for store in stores:
            opened.push_async_callback(store.close)
        follow = [
            Follower(journal, store, cast(FollowOptions, chosen.options))
            for store, chosen in zip(stores, configuration.stores, strict=True)
        ]
        marked = Follower(journal, Marker(database, registry, settings.sites, clock))
        retention = Retention(stores, settings.retention, clock)
        rollups = Rollups(journal, follow[0], stores[0], gone=retention.gone)
        rolled = Follower(journal, rollups)
        opened.push_async_callback(rollups.close)
        periods = _periods(settings.sites)
        account = IntakeAccount(registry, quality)
        account.declare(declared(settings.ingest.cadence, periods))
        account.expect(periods)
        hours = StoredHours(stores[0], account.sources)
        complete = Completeness(journal, follow[0], hours, account, clock)
        counted = Follower(journal, complete, FollowOptions(measurements=(INTAKE.name,)))
        followers = Followers(journal, [*follow, rolled, counted, marked], stores[0])
        await restore(journal, stores[0], live, sources)
        ingest = Ingest(journal, live, sources, quality, followers)
        ingest.account = account
        if isinstance(clock, ReplayClock):
            ingest.listen(_observe(clock))
            if journal.newest_ms is not None:
                clock.observe(from_ms(journal.newest_ms))

        source = open_source(settings.broker, data_dir / "session.json")
        ingest.connected = lambda: source.connected
        decoder = open_decoder(settings.ingest.decoder, registry, settings.ingest.allow)
        collector = MqttCollector(source, decoder, ingest, wall)

        async def caught_up() -> None:
            head = journal.head
            await follow[0].wait_for(head)  # not every store: InfluxDB may be gone for an hour
            await marked.wait_for(head)

        ledger = Ledger(database, stores[0], settings.sites, caught_up, settings.service.settle_grace)
        figures = LedgerFigures(database, stores[0], settings.sites)

        alerting = configuration.alerting
        channels = alerting.channels(source.publish)
        outbox = Outbox(database, channels, wall, alerting.delivery, owner=settings.broker.client_id)
        opened.push_async_callback(outbox.close)
        router = alerting.router()
        book = Book(database, router, Composer(settings.sites, alerting.url), outbox.wake)
        board = AlertDesk(database)

        material = Material(figures, board, settings.sites, settings.target)
        reports = ReportDesk(material, database, data_dir / "reports", clock, settings.reports)
        reading = Reading(settings.sites, settings.target, figures, live, ingest, outbox, reports)
        watch = Watch(alerting.rules(), reading, book, wall)

        backlog = Backlog(live.newest_ms, clock, lambda: source.connected)

        async def announce(message: AlertMessage) -> None:
            await outbox.post(message, router.channels_for(Report(message.site, message.alert_key)))

        issue = MonthlyIssue(reports, material, announce, settings.reports.after)
        check = GreenCheck(clock, backlog, ledger, watch, issue)

        async def forget(due: datetime) -> None:
            await book.prune(due - KEPT)

        async def prune(due: datetime) -> None:
            if service.loading() is None:  # a past that is still coming in is asked for first
                await retention.prune(due)

        offset = EPOCH + settings.service.settle_grace
        schedule = Schedule(
            [
                Job("green-check", IntervalTrigger(minutes=15, start_date=offset), check.check, "each"),
                Job("monthly-report", every(timedelta(minutes=5)), check.issue, "latest"),
                Job("alarm-history", every(timedelta(days=1)), forget, "latest"),
                Job("retention", every(HOUR), prune, "latest"),
            ],
            database,
            clock,
            owner=settings.broker.client_id,
        )
        users = Users(database, wall)
        service = Service(clock, data_dir, journal, ingest, check, watch, users, source, collector, backlog)
        app = create_app(
            House(
                clock=clock,
                sites=settings.sites,
                targets=settings.target,
                store=PlannedStore(stores[0], lambda step: retention.whole_ms(step, rollups.whole_ms(step))),
                live=live,
                ingest=ingest,
                figures=figures,
                alerts=board,
                reports=reports,
                users=users,
                readiness=service,
                history=service,
                auth=settings.auth,
                version=VERSION,
                replay=Replay(alerting.rules(), reading),
                rules=watch,
                deliveries=outbox,
                jobs=schedule,
                data_dir=data_dir,
                hosts=settings.service.names,
                completeness=CompletenessLines(complete, hours, account),
            )
        )
        service.server = WebServer(app, settings.service.listen)
        # Of the other stores an alert tells: that InfluxDB is away is no reason to take the pages away too.
        service.vital = (follow[0], marked, rolled)
        service.caught_up = caught_up
        service.quiet_components = [
            Component("journal followers", followers.run),
            Component("web server", service.serve),
        ]
        service.components = [
            Component("journal followers", followers.run),
            Component("rollups", rollups.run),
            Component("completeness", complete.run),
            Component("outbox", outbox.run, essential=bool(channels)),
            Component("alert mirrors", Mirrors(channels, book, wall).run, essential=False),
            Component("backlog", backlog.wait, essential=False),
            Component("live rules", service.watch_live),
            Component("schedule", schedule.run),
            Component("web server", service.serve),
            Component("collector", collector.run),
        ]
        gc.freeze()  # what was built stays: scanning it again held the event loop for 90 ms
        try:
            yield service
        finally:
            gc.unfreeze()
            await ingest.flush()


def _nothing() -> None:
    """Of no past being loaded."""


def _clock(replay_from: datetime | None) -> Clock:
    return SystemClock() if replay_from is None else ReplayClock(replay_from)


def _observe(clock: ReplayClock) -> Callable[[Sequence[Frame]], None]:
    def observe(frames: Sequence[Frame]) -> None:
        newest = newest_ms(frames)
        if newest is not None:
            clock.observe(from_ms(newest))

    return observe


def _periods(sites: Mapping[str, SiteOptions]) -> dict[str, timedelta]:
    """How often each configured device reports, by the name of its source."""
    found = [device for key, site in sites.items() for device in devices(key, site)]
    return {f"{d.site}/{d.measurement.name}/{d.id}": d.period for d in found}


def _expect(sources: SourceBook, sites: Mapping[str, SiteOptions]) -> None:
    """Whoever is configured and never speaks is silent, not absent."""
    for key, site in sites.items():
        for device in devices(key, site):
            name = device.measurement.name
            sources.expect(f"{key}/{name}/{device.id}", name, key)


def main() -> None:
    """The command line; see ``service.py --help``."""
    try:
        interrupt.heed()
        cli(obj=build)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
