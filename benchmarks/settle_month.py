"""How long the ledger takes: a month of 20 meters at once, one quarter-hour, a month of hourly rows.

Run ``python -m benchmarks.settle_month`` in the checkout; ``--meters`` and ``--period`` change the load.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import numpy as np

from energy.configuration.site import SiteOptions
from energy.interval import Period, Step
from energy.proof.act import Act
from energy.proof.check import check_site
from energy.proof.key import SigningKey
from energy.proof.locking import lock_month
from energy.proof.seal import seal_days
from energy.reading.reader import LedgerFigures
from energy.settlement.ledger import Ledger
from energy.settlement.marker import Marker
from runtime.clock import to_ms
from runtime.database import Database
from telemetry.catalogue import METER, SUPPLY
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

START = datetime(2026, 10, 1, tzinfo=UTC)
MONTH = timedelta(days=31)


def site(meters: int) -> SiteOptions:
    """One inlet, the rest IT meters, and two supplies."""
    it = [{"id": f"it-{n}", "role": "it", "category": "pue2"} for n in range(meters - 1)]
    return SiteOptions.model_validate(
        {
            "name": "Gdańsk",
            "zone": "UTC",
            "grid": "PL",
            "meter": [{"id": "main-1", "role": "utility"}, *it],
            "supply": [
                {"id": "pv", "kind": "onsite_solar"},
                {"id": "wind", "kind": "ppa_wind", "zone": "PL"},
            ],
        }
    )


def frames(registry: SeriesRegistry, config: SiteOptions, span: Period, period: timedelta) -> list[Frame]:
    """Readings of every meter and supply from a minute before ``span`` on."""
    at = np.arange(to_ms(span.start) - 60_000, to_ms(span.end), period // timedelta(milliseconds=1))
    elapsed = at - to_ms(START)
    found = []
    for measurement, ids in ((METER, [m.id for m in config.meter]), (SUPPLY, [s.id for s in config.supply])):
        for number, name in enumerate(ids):
            series = registry.id(measurement, ("gdansk", name))
            energy = 1e9 + elapsed / 3.6e6 * (1e6 if name == "main-1" else 4e4 + number)
            columns = {"energy_wh": np.rint(energy), "power_w": np.full(len(at), 4e4)}
            found.append(Frame(measurement, np.full(len(at), series, dtype=np.int32), at, columns))
    return found


async def measure(folder: Path, meters: int, period: timedelta) -> dict[str, float]:
    """Milliseconds of each unit of work, and the rows behind them."""
    config, registry = site(meters), SeriesRegistry()
    database = Database(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    await database.create_all()
    store = DuckDBStore(DuckDBOptions(), registry, folder)
    marker = Marker(database, registry, {"gdansk": config})
    await store.open()
    await marker.open()

    async def caught_up() -> None:
        """Everything is appended before it is settled."""

    ledger = Ledger(database, store, {"gdansk": config}, caught_up)
    figures = LedgerFigures(database, store, {"gdansk": config})
    month = Period(START, START + MONTH)
    told: dict[str, float] = {}

    async def timed(name: str, work) -> None:  # type: ignore[no-untyped-def]
        begun = perf_counter()
        await work
        told[name] = round(1000 * (perf_counter() - begun), 1)

    batch = frames(registry, config, month, period)
    told["rows"] = sum(len(frame) for frame in batch)
    await timed("mark_ms", marker.append(batch, 1))
    await store.append(batch, 1)
    await timed("settle_month_ms", ledger.settle(month.end + timedelta(minutes=2)))
    for number in (1, 2):
        end = month.end + number * timedelta(minutes=15)
        batch = frames(
            registry, config, Period(end - timedelta(minutes=14), end + timedelta(minutes=2)), period
        )
        await store.append(batch, 1 + number)
        await timed("mark_quarter_ms", marker.append(batch, 1 + number))
        await timed("settle_quarter_ms", ledger.settle(end + timedelta(minutes=2)))
    await _prove(timed, (database, marker, store, ledger), (registry, config), period)
    await timed("kpi_hours_cold_ms", figures.kpi("gdansk", month, Step.HOUR))
    await timed("kpi_hours_ms", figures.kpi("gdansk", month, Step.HOUR))
    await timed("kpi_month_ms", figures.kpi("gdansk", month))
    await timed("mix_hours_ms", figures.mix("gdansk", month, Step.HOUR))
    await store.close()
    await database.close()
    return told


async def _prove(timed, rooms, described, period: timedelta) -> None:  # type: ignore[no-untyped-def]
    """A late day of every meter (a Wh more, so that all of it changes), seals, a lock and a check."""
    database, marker, store, ledger = rooms
    registry, config = described
    end = START + MONTH + timedelta(hours=1)
    await timed("seal_days_ms", seal_days(database, "gdansk", end))
    day = Period(START + timedelta(days=9), START + timedelta(days=10))
    batch = frames(registry, config, day, period)
    for frame in batch:
        frame.columns["energy_wh"][len(frame) // 2 :] += 1.0
    await store.append(batch, 9)
    await marker.append(batch, 9)
    await timed("settle_late_day_ms", ledger.settle(end))
    await timed("seal_day_ms", seal_days(database, "gdansk", end))
    with tempfile.TemporaryDirectory() as folder:
        key = SigningKey(Path(folder) / "key")
        figures = LedgerFigures(database, store, {"gdansk": config})
        month, act = ("gdansk", "2026-10", Period(START, START + MONTH)), Act("benchmark", end)
        await timed("lock_month_ms", lock_month(database, figures, key, month, act))
        await timed("check_month_ms", check_site(database, "gdansk", key))


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=20)
    parser.add_argument("--period", type=int, default=60, help="seconds between readings")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(measure(Path(folder), chosen.meters, timedelta(seconds=chosen.period)))
        told["database_bytes"] = sum(f.stat().st_size for f in Path(folder).glob("state.db*"))
    print(json.dumps(told))  # noqa: T201 - the figures are what it is run for


if __name__ == "__main__":
    main()
