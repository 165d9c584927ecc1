"""The service's own metrics in Prometheus' text format; racks and GPUs are left to the stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.board import AlertState
from alerts.verdict import Severity
from dashboards.house import House, Side
from dashboards.now import Now
from runtime.beats import ProcessStatus
from runtime.clock import to_ms
from telemetry.status import IngestStatus

PREFIX = "amberwatt"

_LIVE = {
    "power_w": ("site_power_watts", "What the site takes at its inlet"),
    "grid_w": ("grid_power_watts", "Net import from the grid"),
    "it_w": ("it_power_watts", "What the IT takes"),
    "gpu_w": ("gpu_power_watts", "What the GPUs that report take"),
    "pue": ("pue_ratio", "Power at the inlet over IT power, this moment"),
    "green_share": ("green_share_ratio", "Share of the site's power that contracted renewables deliver"),
    "headroom_w": ("headroom_watts", "What the grid contract still allows"),
}


async def exposition(house: House, now: Now, listening: int) -> bytes:
    """All metrics of this moment, with how many are ``listening`` to the live feed.

    A figure that is not known is absent, not 0.
    """
    ingest, alerts = _ingest(await house.ingest.status()), await _alerts(house)
    feed = GaugeMetricFamily(f"{PREFIX}_live_feed_clients", "Pages and scripts that follow the live feed")
    feed.add_metric([], listening)
    shared = () if house.processes is None else _processes(house.processes.processes())
    return _exposed([*ingest, alerts, *_sites(house, now), feed, *shared], house.version)


async def side_exposition(side: Side) -> bytes:
    """The metrics of a process without pages: what it takes in, if anything, and whom it hears of."""
    ingest = () if side.ingest is None else _ingest(await side.ingest.status())
    shared = () if side.processes is None else _processes(side.processes.processes())
    return _exposed([*ingest, *shared], side.version)


def _exposed(families: Sequence[Metric], version: str) -> bytes:
    build = GaugeMetricFamily(f"{PREFIX}_build", "The running version", labels=["version"])
    build.add_metric([version], 1)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(_Ready([*families, build]))
    return generate_latest(registry)


class _Ready(Collector):
    """Families that are already computed: the registry's own collectors cannot await."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _ingest(status: IngestStatus) -> Iterator[Metric]:
    counters = {
        "messages_received": (status.received, "Messages taken from the broker"),
        "messages_acknowledged": (status.acknowledged, "Messages acknowledged after they were on disk"),
        "messages_missed": (status.missed, "Messages lost on their way here, by their publishers' counters"),
        "session_gaps": (status.session_gaps, "Times that the broker had forgotten our session"),
        "messages_unstamped": (status.unstamped, "Messages without a time of their own"),
        "fields_unknown_estimate": (status.unknown_fields, "Fields nobody knows, by samples of 1 in 256"),
        "rows_stored": (status.stored_rows, "Rows stored; one device at one time each"),
        "rows_duplicate": (status.duplicates, "Rows that had been stored before"),
        "rows_late": (status.late, "Rows that came after newer ones of their series"),
    }
    for name, (value, text) in counters.items():
        yield CounterMetricFamily(f"{PREFIX}_{name}", text, value=value)
    unused = "Whole messages, or single rows of a message, that were refused"
    rejected = CounterMetricFamily(f"{PREFIX}_rejected", unused, labels=["reason"])
    for reason, count in status.rejected.items():
        rejected.add_metric([reason], count)
    yield rejected
    gauges = {
        "journal_entries": (status.journal.entries, "Batches in the journal"),
        "journal_bytes": (status.journal.bytes, "Bytes in the journal"),
        "journal_lost_batches": (status.journal.lost, "Acknowledged, and gone from a damaged journal"),
        "journal_limit_bytes": (status.journal.limit_bytes, "Bytes at which nothing more is acknowledged"),
        "broker_connected": (float(status.connected), "1 while connected to the message broker"),
    }
    for name, (number, text) in gauges.items():
        yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value=number)
    lag = GaugeMetricFamily(
        f"{PREFIX}_store_lag_seconds", "Age of the oldest batch it lacks", labels=["store"]
    )
    refused = "Rows set aside because its server never takes them"
    dead = GaugeMetricFamily(f"{PREFIX}_store_dead_letters", refused, labels=["store"])
    lacking = "Batches that it lacks, and that are filled in as far as the first store has them"
    missed = GaugeMetricFamily(f"{PREFIX}_store_missed_batches", lacking, labels=["store"])
    for store in status.stores:
        lag.add_metric([store.name], store.lag_s)
        dead.add_metric([store.name], store.dead_letters)
        missed.add_metric([store.name], store.missed)
    spoken = "The version of MQTT that is spoken"
    mqtt = GaugeMetricFamily(f"{PREFIX}_broker_mqtt", spoken, labels=["version"])
    if status.mqtt is not None:
        mqtt.add_metric([status.mqtt], 1)
    yield from (lag, dead, missed, mqtt, *_disks(status))


def _processes(processes: Sequence[ProcessStatus]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        f"{PREFIX}_process_sign_age_seconds", "Age of its last sign of life", labels=["process", "role"]
    )
    for one in processes:
        if one.age is not None:
            age.add_metric([one.name, one.role], one.age.total_seconds())
    yield age


async def _alerts(house: House) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_alerts", "Active alerts", labels=["severity", "state"])
    active = await house.alerts.alerts(active=True)
    states = (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED, AlertState.RETURNED)
    for severity in Severity:
        for state in states:
            count = sum(1 for a in active if a.severity is severity and a.state is state)
            family.add_metric([severity.value, state.value], count)
    return family


def _sites(house: House, now: Now) -> Iterator[Metric]:
    everything = now.everything(to_ms(house.clock.now()))
    for name, (metric, text) in _LIVE.items():
        family = GaugeMetricFamily(f"{PREFIX}_{metric}", text, labels=["site"])
        for site in house.sites:
            gauge = everything[site].gauges()[name]
            if gauge.v is not None:
                family.add_metric([site], gauge.v)
        yield family
    known = GaugeMetricFamily(
        f"{PREFIX}_gpus_known", "GPUs heard in the last 24 h, or perhaps heard", labels=["site"]
    )
    reporting = GaugeMetricFamily(f"{PREFIX}_gpus_reporting", "GPUs that report now", labels=["site"])
    for site in house.sites:
        known.add_metric([site], everything[site].gpus)
        reporting.add_metric([site], everything[site].reporting)
    yield from (known, reporting)


def _disks(status: IngestStatus) -> Iterator[Metric]:
    label = ["path"]
    free = GaugeMetricFamily(f"{PREFIX}_disk_free_bytes", "Free where telemetry is kept", labels=label)
    total = GaugeMetricFamily(f"{PREFIX}_disk_total_bytes", "Size of that file system", labels=label)
    takes = GaugeMetricFamily(f"{PREFIX}_disk_used_bytes", "What is kept takes", labels=[*label, "kept"])
    for room in status.disks:
        free.add_metric([room.path], room.free)
        total.add_metric([room.path], room.total)
        for part in room.parts:
            takes.add_metric([room.path, part.what], part.bytes)
    yield from (free, total, takes)
