"""A house in which every page has something to show: two sites, a day of telemetry, alarms, a report."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from alerts.board import Alert, AlertState, Delivery, StaleRevision, Transition
from alerts.verdict import Severity
from dashboards.house import AuthOptions, House
from dashboards.passwords import Passwords
from dashboards.users import Users
from energy.interval import Period
from energy.site import SiteOptions
from energy.target import TargetOptions
from reports.report import FORMATS, Format, Progress, ReportEntry
from runtime.clock import ManualClock, to_ms
from runtime.database import Database
from runtime.errors import StoreError
from telemetry.catalogue import COOLING, GPU, METER, SUPPLY, Measurement
from telemetry.frame import Frame
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.status import IngestStatus, JournalStatus, RejectSample, SourceStatus, StoreStatus
from telemetry.store import WindowQuery
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes import background
from tests.fakes.figures import SyntheticFigures, night

AT = datetime(2026, 10, 20, 14, 2, 11, tzinfo=UTC)
SETTLED = datetime(2026, 10, 20, 14, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
MINUTE_MS = 60_000


def site(name: str, zone: str, grid: str, contracted_kw: float = 16_000) -> SiteOptions:
    """One inlet, one UPS output, a roof of panels, a wind contract and a battery."""
    return SiteOptions.model_validate(
        {
            "name": name,
            "zone": zone,
            "grid": grid,
            "contracted_kw": contracted_kw,
            "meter": [
                {"id": "main-1", "role": "utility"},
                {"id": "ups-a", "role": "it", "category": "pue1", "parent": "main-1"},
            ],
            "supply": [
                {"id": "pv-roof", "kind": "onsite_solar"},
                {"id": "ppa-wind-1", "kind": "ppa_wind", "zone": grid},
                {"id": "battery-1", "kind": "battery"},
            ],
        }
    )


SITES = {
    "gdansk": site("Gdańsk", "Europe/Warsaw", "PL"),
    "kaunas": site("Kaunas", "Europe/Vilnius", "LT", 9_000),
}


class Board:
    """An alert board in memory that obeys its protocol, commands included."""

    def __init__(self, alerts: Sequence[Alert]) -> None:
        self.by_id = {alert.id: alert for alert in alerts}
        self.moves: list[Transition] = [
            Transition(
                a.id, a.since, AlertState.NORMAL, AlertState.UNACKNOWLEDGED, f"rule {a.rule}", a.summary
            )
            for a in alerts
        ]

    async def alerts(
        self,
        *,
        active: bool | None = None,
        site: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Sequence[Alert]:
        quiet = (AlertState.NORMAL, AlertState.PENDING)
        found = [
            a
            for a in self.by_id.values()
            if (active is None or (a.state not in quiet) is active)
            and (site is None or a.site in (site, None))
            and (start is None or (a.ended or a.since) >= start)
            and (end is None or a.since < end)
        ]
        seen = (AlertState.ACKNOWLEDGED, *quiet)
        return sorted(found, key=lambda a: (a.state in seen, a.severity.number, a.since))

    async def alert(self, alert_id: int) -> Alert | None:
        return self.by_id.get(alert_id)

    async def timeline(self, alert_id: int) -> Sequence[Transition]:
        return [move for move in self.moves if move.alert_id == alert_id]

    async def deliveries(self, alert_id: int) -> Sequence[Delivery]:
        alert = self.by_id[alert_id]
        told = alert.since + timedelta(seconds=4)
        return [
            Delivery(f"{alert.key}:1", alert.id, "on-call", "firing", alert.since, 1, told, None),
            Delivery(f"{alert.key}:2", alert.id, "pager", "firing", alert.since, 3, None, "HTTP 503"),
        ]

    async def acknowledge(
        self, alert_id: int, *, who: str, note: str | None, rev: int | None, at: datetime
    ) -> Alert:
        alert = self.by_id[alert_id]
        if rev is not None and rev != alert.rev:
            raise StaleRevision
        acked = replace(
            alert,
            state=AlertState.ACKNOWLEDGED,
            acknowledged_by=who,
            acknowledged_at=at,
            note=note,
            rev=alert.rev + 1,
        )
        self.by_id[alert_id] = acked
        self.moves.append(Transition(alert_id, at, alert.state, AlertState.ACKNOWLEDGED, who, note))
        return acked

    async def silence(
        self, alert_id: int, *, who: str, note: str | None, until: datetime, at: datetime
    ) -> Alert:
        alert = replace(
            self.by_id[alert_id], silenced_until=until, note=note, rev=self.by_id[alert_id].rev + 1
        )
        self.by_id[alert_id] = alert
        self.moves.append(Transition(alert_id, at, alert.state, alert.state, who, note))
        return alert


class Desk:
    """A report desk that writes small files and issues in steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issued: dict[tuple[str, str], ReportEntry] = {}
        self.put("gdansk", "2026-09", "provisional", 2)
        self.put("kaunas", "2026-09", "provisional", 1)

    def put(self, site: str, period: str, state: str, revision: int) -> ReportEntry:
        sums = {f: f"{hash((site, period, f)) & 0xFFFFFFFF:08x}" * 8 for f in FORMATS}
        entry = ReportEntry(site, period, state, revision, AT - timedelta(days=19), sums)  # type: ignore[arg-type]
        self.issued[site, period] = entry
        return entry

    async def entries(self, site: str | None = None) -> Sequence[ReportEntry]:
        found = [e for e in self.issued.values() if site in (None, e.site)]
        return sorted(found, key=lambda e: e.period, reverse=True)

    async def issue(
        self, site: str, period: str, *, formats: Sequence[Format] = FORMATS, progress: Progress | None = None
    ) -> ReportEntry:
        if progress:
            progress("building", 0.5)
        return self.put(site, period, "draft", 1)

    async def file(self, site: str, period: str, format: Format, revision: int | None = None) -> Path | None:
        path = self.folder / f"{site}-{period}.{format}"
        path.write_text("report")
        return path


class Ingest:
    """What an ingest that has seen some trouble says."""

    async def status(self) -> IngestStatus:
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
                RejectSample(
                    AT, "implausible", "dc/v1/gdansk/meter/main-1", "power_w 9e12 W", '{"power_w":9e12}'
                )
            ],
            connected=True,
        )

    def sources(self) -> Sequence[SourceStatus]:
        ago = timedelta
        return [
            SourceStatus("gdansk/meter/main-1", "meter", "gdansk", AT - ago(seconds=12), 41_000, True),
            SourceStatus("gdansk/supply/pv-roof", "supply", "gdansk", AT - ago(minutes=9), 40_120),
            SourceStatus("gdansk/a/r1/n01/gpu", "gpu", "gdansk", AT - ago(seconds=1), 610_000, True),
            SourceStatus("kaunas/meter/ups-a", "meter", "kaunas", AT - ago(hours=2), 38_000, False),
            SourceStatus("kaunas/supply/battery-1", "supply", "kaunas", None, 0),
        ]


class Calm:
    """Ready, and nothing being loaded."""

    async def problems(self) -> list[str]:
        return []

    def loading(self) -> float | None:
        return None


class Silence:
    """An ingest to which nobody has ever spoken, in a service that is still loading its past."""

    async def status(self) -> IngestStatus:
        return IngestStatus(0, 0, 0, 0, 0, {}, JournalStatus(0, 0, 1_000_000_000, 0), [])

    def sources(self) -> Sequence[SourceStatus]:
        return []

    async def problems(self) -> list[str]:
        return ["the broker cannot be reached"]

    def loading(self) -> float | None:
        return 0.4


class BrokenStore(MemoryStore):
    """A store that refuses every question."""

    async def window(self, query: WindowQuery) -> pa.Table:
        raise StoreError("the disk is full")


class Unsettled(SyntheticFigures):
    """A ledger in which nothing is settled yet."""

    async def settled_until(self, site: str) -> datetime | None:
        return None


def emptied(house: House, folder: Path) -> House:
    """``house`` on its first minute: nothing measured, settled or alarmed, and its store in trouble."""
    registry, nothing = SeriesRegistry(), Silence()
    return replace(
        house,
        store=BrokenStore(MemoryOptions(), registry, folder),
        live=LiveState(registry),
        ingest=nothing,
        figures=Unsettled(SITES, AT - timedelta(days=365)),
        alerts=Board([]),
        readiness=nothing,
        history=nothing,
        rules=background.ToldRules(),
        deliveries=background.ToldChannels(),
        jobs=background.ToldJobs(),
    )


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
        return Alert(**(given | more))  # type: ignore[arg-type]

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


@asynccontextmanager
async def pages_house(folder: Path) -> AsyncIterator[tuple[House, ManualClock, Board]]:
    """The house, its clock and its alerts; the operator ``jana`` and the viewer ``otto`` may sign in."""
    clock, registry = ManualClock(AT), SeriesRegistry()
    store = MemoryStore(MemoryOptions(), registry, folder)
    live = LiveState(registry)
    at_ms = to_ms(AT)
    frames = _frames(registry, at_ms - 25 * 60 * MINUTE_MS, at_ms - 8_000, 5 * MINUTE_MS)
    await store.append(frames, 1)
    for frame in _frames(registry, at_ms - 8_000, at_ms - 8_000, 1):
        live.update(frame)
    database = Database(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    await database.create_all()
    users = Users(database, clock, Passwords())
    await users.create("jana", PASSWORD, "operator")
    await users.create("otto", PASSWORD, "viewer")
    board = Board(alarms())
    windless = [night(datetime(2026, 10, day, tzinfo=UTC)) for day in (3, 11)]
    hole = Period(datetime(2026, 10, 14, 9, tzinfo=UTC), datetime(2026, 10, 14, 15, tzinfo=UTC))
    house = House(
        clock=clock,
        sites=SITES,
        targets=(TargetOptions(name="100-percent-green", site="gdansk"),),
        store=store,
        live=live,
        ingest=Ingest(),
        figures=SyntheticFigures(SITES, SETTLED, windless, [hole]),
        alerts=board,
        reports=Desk(folder),
        users=users,
        readiness=Calm(),
        history=Calm(),
        auth=AuthOptions(),
        version="0.1.0",
        rules=background.rules(AT),
        deliveries=background.channels(AT),
        jobs=background.jobs(AT),
        data_dir=folder,
    )
    yield house, clock, board
    await database.close()
