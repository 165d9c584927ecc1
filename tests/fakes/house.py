"""A house of working twins: two sites, an hour of telemetry, alerts, a report, a user of each role."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from argon2 import PasswordHasher
from fastapi import FastAPI

from alerts.board import AlertState, Delivery
from alerts.reading import DeliveryView, ProcessView
from alerts.verdict import Severity
from dashboards.app import create_app
from dashboards.assets import DIST
from dashboards.house import AuthOptions, House, JobView, RuleView
from dashboards.passwords import Passwords
from dashboards.server import WebServer
from dashboards.users import Users
from energy.certificates.desk import Certificates
from energy.certificates.mapping import MappingOptions
from energy.configuration.site import SiteOptions
from energy.targets.target import TargetOptions
from energy.workloads.statement import Workloads
from reports.eu.desk import EuDesk
from runtime.clock import ManualClock, to_ms
from runtime.database import Database
from telemetry.catalogue import GPU, GRID, METER, SUPPLY, Measurement
from telemetry.completeness_book import FULL, NOTHING, SPOKE
from telemetry.completeness_lines import CompletenessView, SourceHour
from telemetry.disk import DiskPart, DiskRoom
from telemetry.frame import Frame
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.status import IngestStatus, JournalStatus, RejectSample, SourceStatus, StoreStatus
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.fakes.board import MemoryBoard, alert
from tests.fakes.desk import FolderDesk
from tests.fakes.figures import SyntheticFigures, night, site

NOW = datetime(2026, 10, 20, 12, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ENTRIES = ("style.css", "app.js", "overview.js", "green.js", "alarm.js", "reports.js", "system.js")


SITES = {
    "gdansk": site(),
    "kaunas": site("Kaunas").model_copy(update={"grid": "LT", "zone": "Europe/Vilnius"}),
}
"""Two sites; what the contract of kaunas delivers in another zone than its own earns it nothing."""


NO_PLANTS = tuple(MappingOptions(registry=key, supplies={}) for key in ("PL", "LT"))
"""No certificate is of a supply of these sites."""


@dataclass
class CountedIngest:
    """An ingest that has stopped: what it counted, and who spoke."""

    status_now: IngestStatus
    devices: Sequence[SourceStatus] = ()

    async def status(self) -> IngestStatus:
        return self.status_now

    def sources(self) -> Sequence[SourceStatus]:
        return self.devices


@dataclass
class ToldHours:
    """A completeness ledger that was filled by hand."""

    hours: Sequence[SourceHour] = ()
    full: Mapping[str, Sequence[int]] = field(default_factory=dict)

    async def lines(
        self,
        start: datetime,
        end: datetime,
        wanted: Callable[[str], bool] | None = None,
        only: Collection[str] | None = None,
    ) -> Sequence[SourceHour]:
        return [
            one
            for one in self.hours
            if start <= one.hour < end
            and (wanted is None or wanted(one.source))
            and (only is None or one.source in only)
        ]

    def shares(self, at: datetime) -> Mapping[str, Sequence[int]]:
        return self.full


@dataclass
class Problems:
    """Ready unless ``found`` says otherwise."""

    found: list[str] = field(default_factory=list)

    async def problems(self) -> list[str]:
        return self.found


@dataclass
class Past:
    """``share`` of a recorded past is loaded; None when none is being loaded."""

    share: float | None = None

    def loading(self) -> float | None:
        return self.share


class FakeHouse:
    """Builds the house of twins in ``folder`` and lets a test move or exchange its parts.

    ``clock`` stands at :data:`NOW`, or where a test needs it; ``tokens`` holds a bearer token for each role.
    """

    def __init__(
        self,
        folder: Path,
        *,
        auth: AuthOptions | None = None,
        now: datetime = NOW,
        sites: Mapping[str, SiteOptions] | None = None,
    ) -> None:
        self.folder = folder
        self.clock = ManualClock(now)
        self.sites: dict[str, SiteOptions] = dict(sites or SITES)
        self.registry = SeriesRegistry()
        self.live = LiveState(self.registry)
        self.store = MemoryStore(MemoryOptions(), self.registry, folder)
        self.board = MemoryBoard()
        self.desk = FolderDesk(folder, self.sites, now)
        self.ingest = CountedIngest(_status(), _sources())
        self.figures = SyntheticFigures(self.sites, now - timedelta(hours=1), windless=[night(now)])
        self.rules: RuleView | None = None
        self.deliveries: DeliveryView | None = None
        self.jobs: JobView | None = None
        self.processes: ProcessView | None = None
        self.completeness: CompletenessView | None = ToldHours(_hours(now), _shares())
        self.readiness, self.past = Problems(), Past()
        self.database = Database(f"sqlite+aiosqlite:///{folder / 'state.db'}")
        self.users = Users(self.database, self.clock, Passwords(QUICK))
        self.auth = auth or AuthOptions()
        self.tokens: dict[str, str] = {}
        self._position = 0

    @property
    def house(self) -> House:
        """The house itself."""
        return House(
            clock=self.clock,
            sites=self.sites,
            targets=(TargetOptions(name="100-percent-green", site=next(iter(self.sites))),),
            store=self.store,
            live=self.live,
            ingest=self.ingest,
            figures=self.figures,
            alerts=self.board,
            reports=self.desk,
            users=self.users,
            readiness=self.readiness,
            history=self.past,
            auth=self.auth,
            version="0.1.0",
            rules=self.rules,
            deliveries=self.deliveries,
            jobs=self.jobs,
            data_dir=self.folder,
            hosts=("energy.example.org",),
            completeness=self.completeness,
            processes=self.processes,
            workloads=Workloads(self.database),
            eu=EuDesk(self.database, self.figures, self.sites),
            certificates=Certificates(self.database, self.sites, NO_PLANTS),
        )

    async def furnish(self) -> None:
        """An hour of telemetry until now, three alerts, a report, the users and the tokens."""
        await self.database.create_all()
        for role in ("viewer", "operator"):
            await self.users.create(role, PASSWORD, role)  # type: ignore[arg-type]
            self.tokens[role] = await self.users.token_create(role, f"{role} probe")  # type: ignore[arg-type]
        at = self.clock.now()
        for minute in range(60, -1, -1):
            await self.minute(at - timedelta(minutes=minute))
        self.board.put(alert(1, at - timedelta(minutes=20)))
        self.board.put(alert(2, at - timedelta(minutes=5), severity=Severity.CRITICAL, rev=3))
        over = at - timedelta(days=1)
        self.board.put(
            alert(3, over, state=AlertState.NORMAL, ended=over + timedelta(hours=1), site="kaunas")
        )
        self.board.sent(Delivery("m-1", 1, "on-call", "firing", at, 1, at, None))
        await self.desk.issue("gdansk", "2026-09")

    async def minute(self, at: datetime) -> None:
        """One reading of everything ``at`` a time; gdansk takes 12 MW, its IT 10 MW."""
        for key in self.sites:
            await self.read(METER, (key, "main-1"), at, power_w=11.4e6, energy_wh=to_ms(at) / 3.6)
            await self.read(METER, (key, "ups-a"), at, power_w=10e6, energy_wh=to_ms(at) / 4)
            await self.read(SUPPLY, (key, "pv-roof"), at, power_w=0.6e6, energy_wh=to_ms(at) / 60)
            await self.read(SUPPLY, (key, "ppa-wind-1"), at, power_w=5.4e6, energy_wh=to_ms(at) / 6)
            for gpu in range(2):
                await self.read(GPU, (key, "a", "r1", "n01", str(gpu)), at, power_w=700.0, temp_c=61.5)
        await self.read(GRID, ("PL",), at, renewable_share=0.31, carbon_g_per_kwh=610.0)

    async def read(
        self, measurement: Measurement, labels: tuple[str, ...], at: datetime, **values: float
    ) -> None:
        """One row, into the store and the live state."""
        frame = Frame(
            measurement,
            np.array([self.registry.id(measurement, labels)], dtype=np.int32),
            np.array([to_ms(at)], dtype=np.int64),
            {name: np.array([value]) for name, value in values.items()},
        )
        await self.keep([frame])
        self.live.update(frame)

    async def keep(self, frames: Sequence[Frame]) -> None:
        """One batch, into the store alone."""
        self._position += 1
        await self.store.append(frames, self._position)

    def app(self, *, interval_s: float = 1.0) -> FastAPI:
        """The application that looks into it."""
        return create_app(self.house, interval_s=interval_s, wall=self.clock, static=self._static())

    async def close(self) -> None:
        """Release the database."""
        await self.database.close()

    def _static(self) -> Path:
        """The built files of the pages; where they are not built, empty ones of the same names."""
        if (DIST / "meta.json").exists():
            return DIST
        dist = self.folder / "dist"
        dist.mkdir(exist_ok=True)
        outputs = {}
        for entry in ENTRIES:
            name, _, kind = entry.partition(".")
            (dist / f"{name}-TEST.{kind}").write_text("")
            outputs[f"dist/{name}-TEST.{kind}"] = {"entryPoint": f"web/{entry}"}
        (dist / "meta.json").write_text(json.dumps({"outputs": outputs}))
        return dist


@asynccontextmanager
async def furnished(folder: Path, *, auth: AuthOptions | None = None) -> AsyncIterator[FakeHouse]:
    """A furnished house, closed at the end."""
    fake = FakeHouse(folder, auth=auth)
    await fake.furnish()
    try:
        yield fake
    finally:
        await fake.close()


@asynccontextmanager
async def serving(fake: FakeHouse, *, interval_s: float = 0.05, port: int = 0) -> AsyncIterator[WebServer]:
    """Its application on a (free) port of loopback; ``server.url`` tells where."""
    server = WebServer(fake.app(interval_s=interval_s), f"127.0.0.1:{port}")
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


_DISK = DiskRoom(
    "/var/lib/amberwatt",
    free=59_000_000_000,
    total=252_000_000_000,
    parts=(DiskPart("journal", 34_567), DiskPart("store duckdb", 12_000_000_000)),
)


def _status() -> IngestStatus:
    return IngestStatus(
        received=1_000,
        acknowledged=1_000,
        stored_rows=4_200,
        duplicates=3,
        late=2,
        rejected={"range": 4, "undecodable": 1},
        journal=JournalStatus(entries=12, bytes=34_567, limit_bytes=1_000_000, head=61),
        stores=[StoreStatus("memory", 61, 0.0, None, 2, 17, NOW - timedelta(hours=2))],
        samples=[
            RejectSample(NOW, "range", "dc/v1/gdansk/meter/main-1", "power_w = 9e12", '{"power_w":9e12}')
        ],
        connected=True,
        mqtt="5",
        missed=7,
        session_gaps=1,
        unstamped=5,
        unknown_fields=9,
        disks=(_DISK,),
    )


def _hours(now: datetime) -> list[SourceHour]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    bad = {"undecodable": 1, "out_of_range": 2}
    before = hour - timedelta(hours=1)
    return [
        SourceHour("gdansk/meter/main-1", before, 60, 33, 31, 1, 2, bad, 30, 0, 4, 0, 30),
        SourceHour("gdansk/meter/main-1", hour, 30, 31, 31, 0, 0, {}, 0, 0, 0, 0, 31),
        SourceHour("gdansk/a/r1/n01/gpu", hour, None, 62, 496, 0, 0, {}, 3, 3, 0, 0, 62),
        SourceHour("kaunas/supply/pv-roof", before, 60, 0, 0, 0, 0, {}, 60, 0, 0, 0, 0),
        SourceHour("grid/PL", hour, None, 4, 4, 0, 0, {}, None, 0, 0, 0, 4),
        SourceHour("", hour, None, 7, 0, 0, 0, {"topic": 5}, None, 0, 0, 1, 2),
    ]


def _shares() -> dict[str, list[int]]:
    return {
        "gdansk/meter/main-1": [FULL] * 22 + [FULL // 2, FULL],
        "gdansk/a/r1/n01/gpu": [NOTHING] * 12 + [SPOKE] * 12,
        "kaunas/supply/pv-roof": [FULL] * 20 + [190, 100, 1, 0],
    }


def _sources() -> list[SourceStatus]:
    return [
        SourceStatus("gdansk/meter/main-1", "meter", "gdansk", NOW, 61),
        SourceStatus("gdansk/a/r1/n01/gpu", "gpu", "gdansk", NOW, 61),
        SourceStatus("kaunas/supply/pv-roof", "supply", "kaunas", NOW - timedelta(hours=2), 5, False),
    ]
