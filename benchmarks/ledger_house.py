"""A ledger with a year of readings of two sites behind it, for benchmarks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.metered_sites import Readings, site
from energy.certificates.act import Act
from energy.certificates.book import Book, Order
from energy.certificates.importing import import_file
from energy.certificates.mapping import MappingOptions
from energy.certificates.registry import registries
from energy.certificates.selection import Selection
from energy.certificates.sheet import Source
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER, Period, month
from energy.settlement.ledger import Ledger
from energy.settlement.marker import Marker
from energy.tables import LEDGER
from runtime.database import Database
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

KEYS = ("gdansk", "poznan")
DAY = timedelta(days=1)

_STEP = 5 * DAY
"""What is stored at once."""

_CERTIFICATES = "number_from;number_to;volume;production_start;production_end;technology;plant;zone"


@dataclass
class House:
    """Store, marker and ledger of two sites over ``span``, outside any service."""

    folder: Path
    meters: int
    span: Period
    period: timedelta
    rows: int = 0
    position: int = 0
    sites: dict[str, SiteOptions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sites = {key: site(self.meters) for key in KEYS}
        registry = SeriesRegistry()
        self.database = Database(f"sqlite+aiosqlite:///{self.folder / 'state.db'}")
        self.store = DuckDBStore(DuckDBOptions(), registry, self.folder)
        self.marker = Marker(self.database, registry, self.sites)
        self.ledger = Ledger(self.database, self.store, self.sites, self._caught_up)
        self.readings = Readings(registry, self.sites, self.period)

    async def _caught_up(self) -> None:
        """Everything is stored and marked before it is settled."""

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[House]:
        """With empty tables."""
        await self.database.create_all()
        await self.store.open()
        await self.marker.open()
        try:
            yield self
        finally:
            await self.store.close()
            await self.database.close()

    @property
    def late(self) -> Period:
        """The day that comes late, of the first site."""
        start = self.span.end - min(10 * DAY, (self.span.end - self.span.start) / 2)
        return Period(start, start + DAY)

    async def fill(self) -> None:
        """Store and mark all readings but those of the late day, and seal what has come to rest."""
        await self._take(list(self.readings.grid(self.span)))
        start = self.span.start - QUARTER + self.period
        while start < self.span.end:
            end = min(start + _STEP, self.span.end + QUARTER)
            for key in KEYS:
                for part in self._parts(Period(start, end)) if key == KEYS[0] else [Period(start, end)]:
                    await self._take(self.readings.of(key, part))
            start = end
        await self.store.seal()

    async def come_late(self) -> None:
        """The readings of the late day arrive."""
        await self._take(self.readings.of(KEYS[0], self.late))
        await self.store.seal()

    def _parts(self, span: Period) -> Sequence[Period]:
        ends = [(span.start, min(span.end, self.late.start)), (max(span.start, self.late.end), span.end)]
        return [Period(start, end) for start, end in ends if start < end]

    async def _take(self, frames: Sequence[Frame]) -> None:
        self.position += 1
        self.rows += sum(len(frame) for frame in frames)
        await self.marker.append(frames, self.position)
        await self.store.append(frames, self.position)

    @property
    def intervals(self) -> int:
        """What all registers of both sites have, with one before ``span``: a battery has two registers."""
        one = self.sites[KEYS[0]]
        registers = len(one.meter) + len(one.supply) + 1
        return len(KEYS) * registers * ((self.span.end - self.span.start) // QUARTER + 1)

    async def written(self) -> tuple[int, int]:
        """Rows of the ledger: first revisions, and later ones."""
        async with self.database.read() as connection:
            wanted = select(LEDGER.c.revision == 1, func.count()).group_by(LEDGER.c.revision == 1)
            found = {bool(first): int(rows) for first, rows in await connection.execute(wanted)}
        return found.get(True, 0), found.get(False, 0)

    async def certify(self, name: str) -> None:
        """Certificates of the first site for a month, by the month and for the hours of a day, cancelled."""
        period = month(name, self.sites[KEYS[0]].tz)
        rules = registries([MappingOptions(registry="PL", supplies={})])
        act = Act("benchmark", period.end + 20 * DAY, document="a statement")
        rows = [f"PL-000001;PL-000400;400;{name}-01;{name}-28;wind;farm;PL"]
        for hour in range(23):
            numbers = f"GC-{hour * 100_000 + 1};GC-{(hour + 1) * 100_000};0,100000"
            hours = f"{name}-02T{hour:02d}:00Z;{name}-02T{hour + 1:02d}:00Z"
            rows.append(f"{numbers};{hours};wind;farm;PL")
        source = Source("certificates.csv", "\n".join([_CERTIFICATES, *rows, ""]).encode())
        taken = await import_file(self.database, rules["PL"], source, act)
        if not taken.taken:
            raise ValueError(f"the certificates were not taken: {taken.wrong}")
        book = Book(self.database, self.sites, rules)
        await book.allocate(Order("PL", KEYS[0], name), act)
        await book.cancel(Selection(site=KEYS[0], period=period), act.at, act)
