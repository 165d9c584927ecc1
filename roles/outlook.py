"""What a process sees that takes nothing in itself: the store that is shared, signs of life, and a tap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors.connect import open_decoder, open_source
from collectors.mqtt import MqttCollector
from collectors.shard import WHOLE, shard
from collectors.source import MessageSource
from energy.configuration.device import devices
from roles.ground import Ground
from roles.intake import expect
from roles.sight import Sight
from roles.station import Station, instance, shard_names
from runtime.beats import Beats
from runtime.clock import ReplayClock
from runtime.lifecycle import Component
from settings import Settings
from telemetry.completeness_lines import CompletenessLines
from telemetry.live import LiveState
from telemetry.quality import Quality
from telemetry.recall import Recall
from telemetry.series import SeriesRegistry
from telemetry.shared_ingest import SharedIngest
from telemetry.sources import SourceBook
from telemetry.store import Store
from telemetry.tap import Tap


@dataclass(frozen=True)
class Outlook:
    """Handles to what others take in."""

    store: Store
    live: LiveState
    recall: Recall
    shared: SharedIngest
    tap: Tap
    source: MessageSource
    collector: MqttCollector

    def problems(self) -> Iterator[str]:
        """Why too little is seen, or what is lost without anybody noticing."""
        yield from self.shared.problems()
        if self.recall.problem is not None:
            yield f"store {self.store.name}: {self.recall.problem}"
        if self.source.problem or not self.source.connected:
            yield f"broker: {self.source.problem or 'not connected yet'}"
        lost = self.tap.unclaimed
        if lost is not None:
            yield (
                f"shards: nobody takes dc/v1/{lost.sample}, one of {lost.count} such sources; "
                "add their topics to a [[shard]]"
            )

    def components(self) -> list[Component]:
        """What runs as long as the process looks on."""
        return [
            Component("shared ingest", self.shared.run),
            Component("shared store", self.recall.run),
            Component("tap", self.collector.run),
        ]

    def sight(self) -> Sight:
        """The same as the parts above need it."""
        return Sight(
            store=self.store,
            live=self.live,
            ingest=self.shared,
            publish=self.source.publish,
            backlog=self.shared,
            caught_up=self.shared.caught_up,
            loading=lambda: None,
            completeness=CompletenessLines(self.recall, self.recall.hours, self.recall),
        )


async def look_out(base: Ground, station: Station, beats: Beats) -> Outlook:
    """Construct everything; what can be away is opened later, by the components."""
    settings, chosen = base.settings, base.configuration.stores[0]
    registry = SeriesRegistry(settings.ingest.max_series)
    live = LiveState(registry)
    book = SourceBook(registry, live, settings.sites)
    expect(book, settings.sites)
    for key, site in settings.sites.items():  # the store is asked for series by their names
        for device in devices(key, site):
            registry.id(device.measurement, (key, device.id))
    store = chosen.build(registry, base.data_dir, chosen.name)
    base.opened.push_async_callback(store.close)
    topics = {name: topics_of(settings, name) for name in shard_names(settings)}
    retired = settings.service.retired_shards
    shared = SharedIngest(beats, topics, book, settings.journal.limit, retired)
    if isinstance(base.clock, ReplayClock):
        shared.newest = base.clock.observe
    await shared.refresh()
    parts = [shard(settings.shard, one.name) for one in settings.shard]
    quality = Quality(registry, settings.ingest)
    taken = (lambda source: any(part.takes(source) for part in parts)) if parts else (lambda _: True)
    tap = Tap(registry, live, book, quality, taken)
    source = open_source(settings.broker.passing(f"{station.role}-{instance(settings.service)}"))
    decoder = open_decoder(settings.ingest.decoder, registry, settings.ingest.allow)
    return Outlook(
        store=store,
        live=live,
        recall=Recall(registry, store, live, book, base.clock),
        shared=shared,
        tap=tap,
        source=source,
        collector=MqttCollector(source, decoder, tap, base.wall),
    )


def topics_of(settings: Settings, name: str) -> Sequence[str]:
    """The MQTT filters of the ingest process ``name``, as it subscribes them."""
    part = shard(settings.shard, name) if settings.shard else WHOLE
    return part.broker(settings.broker).topics
