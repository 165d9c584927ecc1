"""A site whose readings tests write by hand: store, marker and ledger on a database of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from energy.configuration.site import SiteOptions
from energy.settlement.ledger import Ledger, Settlement
from energy.settlement.marker import Marker
from runtime.clock import to_ms
from runtime.database import Database
from telemetry.catalogue import MEASUREMENTS
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.store import Store
from telemetry.stores.memory import MemoryOptions, MemoryStore

START = datetime(2026, 10, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)


def site(*, exports: str = "metered", **tables: object) -> SiteOptions:
    """A site with an inlet and a UPS, and whatever ``tables`` say.

    A site that generates claims its own use of that only where its inlet tells ``exports``, or has ``none``.
    """
    base = {
        "name": "Gdańsk",
        "zone": "Europe/Warsaw",
        "grid": "PL",
        "meter": [
            {"id": "main-1", "role": "utility", "exports": exports},
            {"id": "ups-a", "role": "it", "category": "pue1"},
        ],
    }
    return SiteOptions.model_validate({**base, **tables})


class Plant:
    """Feeds rows the way followers do: to the marker and to the store, with one position."""

    def __init__(
        self,
        tmp_path: Path,
        sites: Mapping[str, SiteOptions],
        registry: SeriesRegistry | None = None,
        database: Database | None = None,
    ) -> None:
        self.sites = sites
        self.registry = registry or SeriesRegistry()
        self.database = database or Database(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
        self.marker = Marker(self.database, self.registry, sites)
        self.position = 0
        self.use(MemoryStore(MemoryOptions(), self.registry, tmp_path))

    def use(self, store: Store) -> None:
        """Keep readings in ``store`` from now on."""
        self.store = store
        self.ledger = Ledger(self.database, store, self.sites, self._caught_up)

    async def open(self) -> None:
        await self.database.create_all()
        self.position = await self.marker.open()

    async def close(self) -> None:
        await self.database.close()

    async def _caught_up(self) -> None:
        """Every batch is in the store before :meth:`feed` returns."""

    def frame(self, topic: str, at: Sequence[datetime], fields: Mapping[str, Sequence[float]]) -> Frame:
        """Rows of one device: ``topic`` is ``meter/gdansk/main-1`` or ``grid/PL``."""
        name, *labels = topic.split("/")
        measurement = MEASUREMENTS[name]
        series = self.registry.id(measurement, tuple(labels))
        return Frame(
            measurement,
            np.full(len(at), series, dtype=np.int32),
            np.array([to_ms(moment) for moment in at], dtype=np.int64),
            {name: np.asarray(values, dtype=np.float64) for name, values in fields.items()},
        )

    async def feed(self, *frames: Frame) -> None:
        """One batch of the journal."""
        self.position += 1
        await self.marker.append(frames, self.position)
        await self.store.append(frames, self.position)

    async def counts(
        self,
        topic: str,
        power_w: float,
        minutes: tuple[int, int],
        first: float = 0.0,
        field: str = "energy_wh",
    ) -> None:
        """A reading a minute from a constant load: ``minutes`` after :data:`START`, both included."""
        numbers = np.arange(minutes[0], minutes[1] + 1)
        at = [START + int(n) * MINUTE for n in numbers]
        await self.feed(self.frame(topic, at, {field: first + power_w / 60 * numbers}))

    async def settle(self, minutes: float) -> Settlement:
        """Settle as of ``minutes`` after :data:`START`."""
        return await self.ledger.settle(START + minutes * MINUTE)
