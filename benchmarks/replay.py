"""What a replay costs per quarter-hour, on the demo's two sites and four targets.

The ledger is settled first; then the rules are asked for its last ``--days``. Told are CPU milliseconds of
the whole process per quarter-hour, how many transitions there were, and the longest time for which the event
loop, and so every page, did not come round meanwhile: of the first replay after a start, and of one more.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.options import AlertOptions
from alerts.reading import Reading
from alerts.replay import Replay, Replayed
from benchmarks.green_check import GRACE, Readings
from energy.interval import Period
from energy.reading.reader import LedgerFigures
from energy.settlement.ledger import Ledger
from energy.settlement.marker import Marker
from runtime.database import Database
from settings import resolve
from simulator.demo import demo_settings
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

START = datetime(2026, 9, 27, tzinfo=UTC)
_AT_ONCE = timedelta(days=7)


async def measure(folder: Path, days: int) -> dict[str, float]:
    """CPU milliseconds per quarter-hour, of a replay just after the start and of one more."""
    replayed = Period(START + timedelta(days=1), START + timedelta(days=1 + days))
    async with _settled(folder, Period(START, replayed.end)) as reading:
        gc.collect()
        gc.freeze()  # as the service does once it is built
        replay = Replay(AlertOptions().rules(), reading)
        told: dict[str, float] = {"quarters": replayed.quarters}
        for name in ("first", "again"):
            told |= {f"{name}_{key}": value for key, value in (await _timed(replay, replayed)).items()}
    return told


@asynccontextmanager
async def _settled(folder: Path, span: Period) -> AsyncIterator[Reading]:
    """What rules read, after ``span`` was settled."""
    settings, registry = resolve(demo_settings(folder, 1, 0)).settings, SeriesRegistry()
    database = Database(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    await database.create_all()
    store, marker = DuckDBStore(DuckDBOptions(), registry, folder), Marker(database, registry, settings.sites)
    await store.open()
    await marker.open()

    async def caught_up() -> None:
        """Everything is appended before it is settled."""

    readings, position, at = Readings(registry, settings.sites), 0, span.start
    while at < span.end:
        until = min(at + _AT_ONCE, span.end + timedelta(minutes=1))
        frames = readings.between(Period(at, until))
        position += 1
        await marker.append(frames, position)
        await store.append(frames, position)
        at = until
    await Ledger(database, store, settings.sites, caught_up).settle(span.end + GRACE)
    figures = LedgerFigures(database, store, settings.sites)
    yield Reading(settings.sites, settings.target, figures, LiveState(registry), ingest=None)  # type: ignore[arg-type]
    await store.close()
    await database.close()


async def _timed(replay: Replay, period: Period) -> dict[str, float]:
    async def all_of_it() -> list[Replayed]:
        return [change async for change in replay.run(period)]

    begun, cpu = time.perf_counter(), time.process_time()
    replaying = asyncio.create_task(all_of_it())
    held, last = 0.0, begun
    while not replaying.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        held, last = max(held, now - last), now
    spent = time.process_time() - cpu
    return {
        "transitions": len(await replaying),
        "cpu_ms_per_quarter": round(1000 * spent / period.quarters, 2),
        "wall_s": round(last - begun, 1),
        "loop_held_ms": round(1000 * held, 1),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=14)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(measure(Path(folder), chosen.days))
    print(json.dumps(told))  # noqa: T201 - the figures are what it is run for


if __name__ == "__main__":
    main()
