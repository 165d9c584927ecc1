"""What takes messages in and keeps them: from the broker over the journal to the stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from collectors.connect import open_decoder, open_source
from collectors.declared import declared
from collectors.mqtt import MqttCollector
from collectors.shard import WHOLE, Shard
from collectors.source import MessageSource, Speaks
from energy.configuration.device import devices
from energy.configuration.site import SiteOptions
from energy.settlement.marker import Marker
from energy.workloads.book import JobBook
from roles.ground import Ground, observing
from runtime.clock import ReplayClock, from_ms
from runtime.lifecycle import Component
from telemetry.completeness import Completeness
from telemetry.completeness_stored import StoredHours
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.ingest import Ingest
from telemetry.intake import INTAKE
from telemetry.intake_account import IntakeAccount
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.restore import restore
from telemetry.retention import Retention
from telemetry.rollup import Rollup
from telemetry.rollups import Rollups
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.store import Store
from telemetry.together import Together


@dataclass(frozen=True)
class Kept:
    """The journal, and everything that follows it. ``first`` follows for ``store``, the one that is read."""

    journal: Journal
    live: LiveState
    sources: SourceBook
    quality: Quality
    account: IntakeAccount
    store: Store
    first: Follower
    marked: Follower
    rolled: Follower
    followers: Followers
    retention: Retention
    rollups: Rollups
    complete: Completeness
    hours: StoredHours

    @property
    def vital(self) -> Sequence[Follower]:
        """Without these nothing is ready; of the other stores an alert tells.

        That InfluxDB is away is no reason to take the pages away too.
        """
        return self.first, self.marked, self.rolled

    async def caught_up(self) -> None:
        """Return once the store that is read and the ledger's marker have taken what the journal holds."""
        head = self.journal.head
        await self.first.wait_for(head)  # not every store: InfluxDB may be gone for an hour
        await self.marked.wait_for(head)

    def whole_ms(self, rollup: Rollup) -> tuple[int, int]:
        """From when to when, in ms, all rows of a rollup can be read."""
        return self.retention.whole_ms(rollup.step_ms, self.rollups.whole_ms(rollup))

    def components(self) -> list[Component]:
        """What runs as long as the service takes anything in."""
        return [
            Component("journal followers", self.followers.run),
            Component("rollups", self.rollups.run),
            Component("completeness", self.complete.run),
        ]


@dataclass(frozen=True)
class Intake:
    """The way in, above what is kept."""

    kept: Kept
    ingest: Ingest
    source: MessageSource
    collector: MqttCollector

    def problems(self, loading: bool = False) -> list[str]:
        """Why nothing is taken in, or not stored; ``loading`` a past is no time to miss the broker."""
        status = self.kept.journal.status()
        full = status.bytes >= status.limit_bytes
        found = ["journal: full, so nothing is acknowledged until a store catches up"] if full else []
        if self.collector.problem is not None and not full:
            found.append(f"journal: {self.collector.problem}")
        if (self.source.problem or not self.source.connected) and not loading:
            found.append(f"broker: {self.source.problem or 'not connected yet'}")
        found += [f"store {one.name}: {one.error}" for one in self.kept.vital if one.error is not None]
        return found


async def keep(ground: Ground, part: Shard = WHOLE) -> Kept:
    """Open journal and stores, and find what was known before of ``part``. Raises StoreError."""
    settings, opened = ground.settings, ground.opened
    registry = SeriesRegistry(settings.ingest.max_series, part.share)
    journal = Journal(ground.data_dir / "journal.sqlite", registry, settings.journal)
    await journal.open()
    opened.push_async_callback(journal.close)
    live, quality = LiveState(registry), Quality(registry, settings.ingest)
    sources = SourceBook(registry, live, settings.sites)
    expect(sources, settings.sites)
    stores, follow = _stores(ground, journal)
    for store in stores:
        opened.push_async_callback(store.close)
    marker = Marker(ground.database, registry, settings.sites, ground.clock)
    book = JobBook(ground.database, ground.clock, registry.share)
    accounts = Together(book, marker)
    marked = Follower(journal, accounts, FollowOptions(measurements=accounts.measurements))
    rollups = Rollups(journal, follow[0], stores[0])
    rolled = Follower(journal, rollups, Rollups.follow)
    retention = Retention(stores, settings.retention, ground.clock, rollups.release)
    opened.push_async_callback(rollups.close)
    account = IntakeAccount(registry, quality, journal.seen)
    periods = _periods(settings.sites)
    account.declare(declared(settings.ingest.cadence, periods))
    account.expect(periods)
    hours = StoredHours(stores[0], account.sources)
    complete = Completeness(journal, follow[0], hours, account, ground.clock)
    counted = Follower(journal, complete, FollowOptions(measurements=(INTAKE.name,)))
    followers = Followers(journal, [*follow, rolled, counted, marked], stores[0], retention.gone)
    await restore(journal, stores[0], live, sources)
    return Kept(
        journal=journal, live=live, sources=sources, quality=quality, account=account, store=stores[0],
        first=follow[0], marked=marked, rolled=rolled, followers=followers, retention=retention,
        rollups=rollups, complete=complete, hours=hours,
    )  # fmt: skip


def take_in(ground: Ground, kept: Kept, part: Shard = WHOLE) -> Intake:
    """The ingest over what is ``kept``, and the collector that feeds it with ``part``."""
    settings, journal = ground.settings, kept.journal
    ingest = Ingest(journal, kept.live, kept.sources, kept.quality, kept.followers)
    ingest.account = kept.account
    if isinstance(ground.clock, ReplayClock):
        ingest.listen(observing(ground.clock))
        if journal.newest_ms is not None:
            ground.clock.observe(from_ms(journal.newest_ms))
    source = open_source(part.broker(settings.broker), ground.data_dir / "session.json")
    ingest.connected = lambda: source.connected
    ingest.mqtt = lambda: source.version if isinstance(source, Speaks) else None
    counted = kept.account.counts.find
    decoder = open_decoder(settings.ingest.decoder, journal.registry, settings.ingest.allow, counted)
    return Intake(kept, ingest, source, MqttCollector(source, decoder, ingest, ground.wall))


def expect(sources: SourceBook, sites: Mapping[str, SiteOptions]) -> None:
    """Whoever is configured and never speaks is silent, not absent."""
    for key, site in sites.items():
        for device in devices(key, site):
            name = device.measurement.name
            if not device.by_file:
                sources.expect(f"{key}/{name}/{device.id}", name, key)


def _stores(ground: Ground, journal: Journal) -> tuple[list[Store], list[Follower]]:
    chosen = ground.configuration.stores
    stores = [one.build(journal.registry, ground.data_dir, one.name) for one in chosen]
    follow = [
        Follower(journal, store, cast(FollowOptions, one.options), mirror=store is not stores[0])
        for store, one in zip(stores, chosen, strict=True)
    ]
    return stores, follow


def _periods(sites: Mapping[str, SiteOptions]) -> dict[str, timedelta]:
    """How often each configured device reports, by the name of its source."""
    found = [device for key, site in sites.items() for device in devices(key, site)]
    return {f"{d.site}/{d.measurement.name}/{d.id}": d.period for d in found}
