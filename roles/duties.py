"""What has to be done by somebody, once: settle, judge, tell, issue, and forget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.triggers.interval import IntervalTrigger

from alerts.book import KEPT, Book
from alerts.compose import Composer
from alerts.message import AlertMessage, Channel
from alerts.mirror import Mirrors
from alerts.outbox import Outbox
from alerts.reading import ProcessView, Reading
from alerts.route import Report, Router
from alerts.watch import Watch
from energy.proof.act import Act
from energy.proof.cause import SERVICE
from energy.trailing.keeping import Keeper
from energy.workloads.accountant import Accountant
from reports.due import MonthlyIssue
from reports.green_check import GREEN_CHECK, GreenCheck
from roles.ground import Ground
from roles.records import Records
from roles.sight import Sight
from runtime.clock import EPOCH
from runtime.lifecycle import Component
from runtime.schedule import Job, Schedule, every

WATCH_EVERY = timedelta(seconds=10)

ACCOUNT_EVERY = timedelta(minutes=2)
"""How often workload accounts are brought up to what is settled."""

KEEP_EVERY = timedelta(minutes=5)
"""How often what figures of twelve months are added up from is brought up to what is settled."""

_, MONTHLY_REPORT, ALARM_HISTORY, WORKLOADS, EXPIRY, SEALING, PROVING, YEARS = JOBS = (
    GREEN_CHECK,
    "monthly-report",
    "alarm-history",
    "workload-accounts",
    "certificate-expiry",
    "ledger-seal",
    "ledger-check",
    "year-sums",
)
"""The jobs of every schedule, as the run table names them."""


@dataclass(frozen=True)
class Telling:
    """How people are told: channels, and the outbox that works them off."""

    outbox: Outbox
    channels: dict[str, Channel]
    router: Router
    book: Book

    async def announce(self, message: AlertMessage) -> None:
        """Hand a report's message to the channels that its site has for it."""
        await self.outbox.post(message, self.router.channels_for(Report(message.site, message.alert_key)))


@dataclass(frozen=True)
class Duties:
    """The parts that act by themselves; two processes must not do so at once."""

    ground: Ground
    sight: Sight
    telling: Telling
    reading: Reading
    watch: Watch
    check: GreenCheck
    schedule: Schedule

    async def watch_live(self) -> None:
        """Judge the rules on live values every few seconds; a past that is being loaded raises no alarm."""
        while True:
            await asyncio.sleep(WATCH_EVERY.total_seconds())
            if self.sight.loading() is None and self.sight.backlog.over:
                await self.watch.evaluate_live(self.ground.clock.now())

    def components(self) -> list[Component]:
        """What runs as long as this process has the duties."""
        telling = self.telling
        mirrors = Mirrors(telling.channels, telling.book, self.ground.wall)
        return [
            Component("outbox", telling.outbox.run, essential=bool(telling.channels)),
            Component("alert mirrors", mirrors.run, essential=False),
            Component("backlog", self.sight.backlog.wait, essential=False),
            Component("live rules", self.watch_live),
            Component("schedule", self.schedule.run),
        ]


def open_telling(ground: Ground, sight: Sight) -> Telling:
    """The outbox over the configured channels; those over MQTT send by what is seen here."""
    alerting, settings = ground.configuration.alerting, ground.settings
    channels = alerting.channels(sight.publish)
    outbox = Outbox(ground.database, channels, ground.wall, alerting.delivery, owner=ground.owner)
    ground.opened.push_async_callback(outbox.close)
    router = alerting.router()
    book = Book(ground.database, router, Composer(settings.sites, alerting.url), outbox.wake)
    return Telling(outbox, channels, router, book)


def open_duties(
    ground: Ground,
    sight: Sight,
    records: Records,
    processes: ProcessView | None = None,
    more: Sequence[Job] = (),
) -> Duties:
    """The duties over ``records``; ``more`` are jobs that this process has beside :data:`JOBS`."""
    settings, database = ground.settings, ground.database
    telling = open_telling(ground, sight)
    reading = records.reading(ground, sight, telling.outbox, processes)
    watch = Watch(ground.configuration.alerting.rules(), reading, telling.book, ground.wall)
    grace = settings.service.settle_grace
    issue = MonthlyIssue(records.reports, records.material, telling.announce, settings.reports.after)
    check = GreenCheck(ground.clock, sight.backlog, records.ledger, watch, issue)

    async def forget(due: datetime) -> None:
        await telling.book.prune(due - KEPT)

    accountant = Accountant(database, sight.store, records.figures)
    keeper = Keeper(database, settings.sites, records.figures)

    async def prove(due: datetime) -> None:
        await records.proof.check(Act(SERVICE, due), whole=False)

    jobs = [
        Job(GREEN_CHECK, IntervalTrigger(minutes=15, start_date=EPOCH + grace), check.check, "each"),
        Job(MONTHLY_REPORT, every(timedelta(minutes=5)), check.issue, "latest"),
        Job(ALARM_HISTORY, every(timedelta(days=1)), forget, "latest"),
        Job(WORKLOADS, every(ACCOUNT_EVERY), _at_rest(sight, accountant.account), "latest"),
        Job(EXPIRY, every(timedelta(hours=1)), records.certificates.expire, "latest"),
        Job(SEALING, every(timedelta(hours=1)), _at_rest(sight, records.proof.seal), "latest"),
        Job(PROVING, every(timedelta(days=1)), _at_rest(sight, prove), "latest"),
        Job(YEARS, every(KEEP_EVERY), _at_rest(sight, keeper.keep), "latest"),
        *more,
    ]
    schedule = Schedule(jobs, database, ground.clock, owner=ground.owner)
    return Duties(ground, sight, telling, reading, watch, check, schedule)


def _at_rest(
    sight: Sight, work: Callable[[datetime], Awaitable[object]]
) -> Callable[[datetime], Awaitable[None]]:
    """``work`` as a job that does nothing while a past is coming in: at its end all is done, once."""

    async def run(due: datetime) -> None:
        if sight.loading() is None:
            await work(due)

    return run
