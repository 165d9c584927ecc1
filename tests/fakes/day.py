"""A day in which every page has something to show: telemetry, alarms of all kinds, reports, people."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from alerts.board import Alert, AlertState, Delivery
from alerts.verdict import Severity
from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.consumption import consumption
from energy.certificates.desk import Certificates
from energy.certificates.pool import Wanted
from energy.certificates.selection import Selection
from energy.certificates.sheet import Source
from energy.interval import Period
from runtime.clock import to_ms
from runtime.errors import StoreError
from telemetry.catalogue import COOLING, GPU, METER, SUPPLY, Measurement
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.status import IngestStatus, JournalStatus, RejectSample, SourceStatus, StoreStatus
from telemetry.store import WindowQuery
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes import background
from tests.fakes.board import MemoryBoard
from tests.fakes.figures import SyntheticFigures, night, site
from tests.fakes.house import NO_PLANTS, PASSWORD, CountedIngest, FakeHouse

AT = datetime(2026, 10, 20, 14, 2, 11, tzinfo=UTC)
SETTLED = datetime(2026, 10, 20, 14, 0, tzinfo=UTC)
MINUTE_MS = 60_000
SITES = {
    "gdansk": site("Gdańsk", "Europe/Warsaw", "PL", battery=True),
    "kaunas": site("Kaunas", "Europe/Vilnius", "LT", 9_000, battery=True),
}


class BrokenStore(MemoryStore):
    """A store that refuses every question."""

    async def window(self, query: WindowQuery) -> pa.Table:
        raise StoreError("the disk is full")


class Unsettled(SyntheticFigures):
    """A ledger in which nothing is settled yet."""

    async def settled_until(self, site: str, as_of: datetime | None = None) -> datetime | None:
        return None


@asynccontextmanager
async def day_house(folder: Path) -> AsyncIterator[FakeHouse]:
    """The house at :data:`AT`; the operator ``jana`` and the viewer ``otto`` may sign in."""
    fake = FakeHouse(folder, now=AT, sites=SITES)
    at_ms = to_ms(AT)
    frames = _frames(fake.registry, at_ms - 25 * 60 * MINUTE_MS, at_ms - 8_000, 5 * MINUTE_MS)
    await fake.store.append(frames, 1)
    for frame in _frames(fake.registry, at_ms - 8_000, at_ms - 8_000, 1):
        fake.live.update(frame)
    for alarm in alarms():
        fake.board.put(alarm)
        told = alarm.since + timedelta(seconds=4)
        key = alarm.key
        fake.board.sent(Delivery(f"{key}:1", alarm.id, "on-call", "firing", alarm.since, 1, told, None))
        fake.board.sent(Delivery(f"{key}:2", alarm.id, "pager", "firing", alarm.since, 3, None, "HTTP 503"))
    for key in SITES:
        await fake.desk.issue(key, "2026-09")
    windless = [night(datetime(2026, 10, day, tzinfo=UTC)) for day in (3, 11)]
    hole = Period(datetime(2026, 10, 14, 9, tzinfo=UTC), datetime(2026, 10, 14, 15, tzinfo=UTC))
    fake.figures = SyntheticFigures(SITES, SETTLED, windless, [hole])
    fake.ingest = CountedIngest(_status(), _sources())
    fake.rules, fake.deliveries = background.rules(AT), background.channels(AT)
    fake.jobs = background.jobs(AT)
    fake.processes = background.processes(AT)
    await fake.database.create_all()
    await _certify(fake)
    await fake.users.create("jana", PASSWORD, "operator")
    await fake.users.create("otto", PASSWORD, "viewer")
    try:
        yield fake
    finally:
        await fake.close()


async def _certify(fake: FakeHouse) -> None:
    """Certificates in every state: of both registries, from abroad, time-stamped, about to expire."""
    desk, now = Certificates(fake.database, SITES, NO_PLANTS), Act("jana", AT)
    headers = "number_from,number_to,volume,production_start,production_end,technology,plant,zone"
    rows = [
        "PL-000001,PL-003000,3000,2026-09-01,2026-09-30,wind,Farma Kaszuby,PL",
        "PL-003001,PL-003400,400,2026-08-01,2026-08-31,solar,Solparken Skåne,SE4",
        "PL-005001,PL-005040,40,2025-10-20,2025-11-05,hydro,Elektrownia Żydowo,PL",
        *(f"GC-{h:02d}001,GC-{h:02d}008,8,2026-09-05T{h:02d}:00Z,2026-09-05T{h + 1:02d}:00Z,wind,"
          "Farma Kaszuby,PL" for h in range(4, 8)),
    ]  # fmt: skip
    await desk.take("PL", Source("tge-2026-09.csv", "\n".join([headers, *rows]).encode()), now)
    old = "LT-000001,LT-000050,50,2025-08-01,2025-08-31,wind,Šilutės VE,LT"
    await desk.take(
        "LT", Source("litgrid.csv", f"{headers}\n{old}\n".encode()), Act("jana", AT - timedelta(90))
    )
    september = Order("PL", "gdansk", "2026-09", 1500 * 1_000_000)
    await desk.book.allocate(september, now)
    period = consumption("2026-09", SITES["gdansk"].tz)
    proof = Act("jana", AT, document="TGE/2026/10/77")
    await desk.book.cancel(Selection(site="gdansk", period=period), AT, proof)
    await desk.book.allocate(Order("PL", "gdansk", "2026-09", 300 * 1_000_000), now)
    await desk.book.sell(Wanted("PL"), 200 * 1_000_000, Act("jana", AT, document="contract 9"))


def first_minute(folder: Path) -> FakeHouse:
    """The house before anything is measured, settled or alarmed, its store and its broker in trouble."""
    fake = FakeHouse(folder, now=AT, sites=SITES)
    fake.store = BrokenStore(MemoryOptions(), fake.registry, folder)
    fake.ingest = CountedIngest(IngestStatus(0, 0, 0, 0, 0, {}, JournalStatus(0, 0, 1_000_000_000, 0), []))
    fake.figures = Unsettled(SITES, AT - timedelta(days=365))
    fake.board = MemoryBoard()
    fake.readiness.found = ["the broker cannot be reached"]
    fake.past.share = 0.4
    fake.rules, fake.deliveries = background.ToldRules(), background.ToldChannels()
    fake.jobs = background.ToldJobs()
    return fake


def alarms() -> list[Alert]:
    """One of each severity, in different states."""
    ago = timedelta

    def one(number: int, key: str, severity: Severity, **more: object) -> Alert:
        given: dict[str, object] = {
            "id": number, "key": key, "rule": key.split("/")[0], "site": "gdansk", "severity": severity,
            "state": AlertState.UNACKNOWLEDGED, "title": key, "summary": "", "value": None, "limit": None,
            "unit": "", "since": AT - ago(minutes=6), "ended": None, "acknowledged_by": None,
            "acknowledged_at": None, "note": None, "rev": 1, "link": "", "evidence": {},
        }  # fmt: skip
        given |= more
        return Alert(**given, fired_at=given["since"])  # type: ignore[arg-type]

    return [
        one(1, "contract/gdansk", Severity.CRITICAL, title="Power above contract",
            summary="Gdańsk draws 16.4 MW of 16.0 MW", value=16_400.0, limit=16_000.0, unit="kW",
            evidence={"meter": "main-1", "window": "15 min"}),
        one(2, "pue/gdansk", Severity.HIGH, title="PUE above limit", summary="PUE 1.43 over the last hour",
            value=1.43, limit=1.4, unit="", since=AT - ago(minutes=51)),
        one(3, "source_silent/kaunas-ups", Severity.MEDIUM, title="Meter ups-a is silent", site="kaunas",
            summary="No reading for 2 h", since=AT - ago(hours=2), state=AlertState.ACKNOWLEDGED,
            acknowledged_by="Jana", acknowledged_at=AT - ago(hours=1), note="Electrician is on the way"),
        one(4, "store_lag/influx", Severity.LOW, title="Store influx lags", site=None,
            summary="74 s behind", value=74.0, limit=60.0, unit="s"),
        one(5, "green_target/gdansk", Severity.HIGH, title="100-percent-green at risk",
            state=AlertState.NORMAL, summary="best possible 97.2 %", value=0.972, limit=1.0,
            unit="share", since=AT - ago(days=3), ended=AT - ago(days=2)),
        one(6, "target/gdansk-day", Severity.MEDIUM, title="80-percent-a-day missed",
            state=AlertState.RETURNED, summary="72 %, the goal is 80 %", value=0.72, limit=0.8, unit="share",
            since=AT - ago(hours=30), ended=AT - ago(hours=14)),
        one(7, "source_silent/gdansk-pv", Severity.MEDIUM, title="Supply pv-roof was silent",
            state=AlertState.RETURNED, summary="No reading for 9 min", since=AT - ago(hours=5),
            ended=AT - ago(hours=4)),
    ]  # fmt: skip


def _watts(key: str, device: str, at_ms: int) -> float:
    hours = at_ms / 3.6e6
    scale = 1.0 if key == "gdansk" else 0.55
    it = 10e6 * scale * (1 + 0.1 * math.sin(hours / 24 * 2 * math.pi))
    sun = max(0.0, math.sin((hours % 24 - 6) / 12 * math.pi)) * 2.4e6 * scale
    return {
        "ups-a": it,
        "main-1": it * 1.2 - sun,
        "pv-roof": sun,
        "ppa-wind-1": 8e6 * scale * (0.6 + 0.4 * math.sin(hours / 17)),
        "battery-1": 0.4e6 * scale,
        "crac-1": it * 0.12,
        "0": it * 0.8,
    }[device]


def _frames(registry: SeriesRegistry, start_ms: int, end_ms: int, step_ms: int) -> list[Frame]:
    devices: list[tuple[Measurement, tuple[str, ...], str]] = []
    for key in SITES:
        devices += [(METER, (key, name), name) for name in ("main-1", "ups-a")]
        devices += [(SUPPLY, (key, name), name) for name in ("pv-roof", "ppa-wind-1", "battery-1")]
        devices += [(COOLING, (key, "crac-1"), "crac-1"), (GPU, (key, "a", "r1", "n01", "0"), "0")]
    times = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
    return [
        Frame(
            measurement,
            np.full(len(times), registry.id(measurement, labels), np.int32),
            times,
            {"power_w": np.array([_watts(labels[0], name, int(at)) for at in times])},
        )
        for measurement, labels, name in devices
    ]


def _status() -> IngestStatus:
    return IngestStatus(
        received=1_204_331,
        acknowledged=1_204_331,
        stored_rows=9_520_112,
        duplicates=211,
        late=38,
        rejected={"implausible": 12, "not decodable": 3},
        journal=JournalStatus(412, 118_000_000, 1_000_000_000, 90_412),
        stores=[
            StoreStatus("duckdb", 90_412, 0.0),
            StoreStatus("influx", 90_020, 74.0, "HTTP 500 from 127.0.0.1:8086"),
        ],
        samples=[
            RejectSample(AT, "implausible", "dc/v1/gdansk/meter/main-1", "power_w 9e12 W", '{"power_w":9e12}')
        ],
        connected=True,
    )


def _sources() -> list[SourceStatus]:
    ago = timedelta
    return [
        SourceStatus("gdansk/meter/main-1", "meter", "gdansk", AT - ago(seconds=12), 41_000, True),
        SourceStatus("gdansk/supply/pv-roof", "supply", "gdansk", AT - ago(minutes=9), 40_120),
        SourceStatus("gdansk/a/r1/n01/gpu", "gpu", "gdansk", AT - ago(seconds=1), 610_000, True),
        SourceStatus("kaunas/meter/ups-a", "meter", "kaunas", AT - ago(hours=2), 38_000, False),
        SourceStatus("kaunas/supply/battery-1", "supply", "kaunas", None, 0),
    ]
