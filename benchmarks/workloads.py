"""How long the accounts of 1,000 jobs on 12,500 nodes take: one quarter-hour, and a tenant's month.

``python -m benchmarks.workloads [--nodes N] [--jobs J]``
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from energy.interval import QUARTER, QUARTER_MS, Period
from energy.workloads.book import keep
from energy.workloads.days import move
from energy.workloads.lines import Wanted
from energy.workloads.minutes import MINUTE, gpu_minutes
from energy.workloads.reckoning import reckoned
from energy.workloads.share import SiteInterval
from energy.workloads.state import Reached, load_jobs, save_reached
from energy.workloads.statement import Workloads
from energy.workloads.tables import ACCOUNT, INTERVAL
from runtime.clock import to_ms
from runtime.database import Database
from telemetry.frame import Frame
from telemetry.job import JobEvent
from telemetry.rollup import MINUTE_MS, REGISTER
from telemetry.series import SeriesRegistry
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

START = datetime(2026, 11, 1, tzinfo=UTC)
GPUS = 8
LOCAL = timedelta(hours=1)
"""Months of people begin and end beside those of UTC."""

FIGURES = SiteInterval(25_000_000, 21_000_000, 15_000_000, 1_000_000, 9_000_000, 4_000_000)


def nodes(count: int) -> list[str]:
    """Places of so many nodes, in halls of 2,500."""
    return [f"h{number // 2500}/r{number // 25 % 100:02}/n{number % 25:02}" for number in range(count)]


def frames(registry: SeriesRegistry, places: list[str]) -> Iterator[Frame]:
    """Every GPU's minutes from 20 before the quarter-hour until 20 after it."""
    labels = [("gdansk", *place.split("/"), str(gpu)) for place in places for gpu in range(GPUS)]
    ids = np.array([registry.id(MINUTE, one) for one in labels], dtype=np.int32)
    for minute in range(-20, 35):
        register = np.full(len(ids), (minute + 100) * 42_000.0)
        columns = {
            f"{REGISTER}_first": register,
            REGISTER: register + 41_300,
            "power_w": np.full(len(ids), 700.0),
        }
        yield Frame(MINUTE, ids, np.full(len(ids), to_ms(START) + minute * MINUTE_MS), columns)


async def measure(count: int, jobs: int, folder: Path) -> None:
    """Print what each step takes."""
    registry, places = SeriesRegistry(), nodes(count)
    store = DuckDBStore(DuckDBOptions(), registry, folder)
    await store.open()
    for position, frame in enumerate(frames(registry, places), start=1):
        await store.append([frame], position)
    database = Database(f"sqlite+aiosqlite:///{folder / 'state.sqlite'}")
    await database.create_all()
    size = count // jobs
    told = [
        JobEvent("gdansk", f"j{n}", "start", to_ms(START) - 1000, f"t{n % 20}", "p", None,
                 tuple(places[n * size : (n + 1) * size]))
        for n in range(jobs)
    ]  # fmt: skip
    began = time.perf_counter()
    async with database.begin() as connection:
        await keep(connection, told, START)
    print(f"keep {jobs} events: {time.perf_counter() - began:.2f} s")  # noqa: T201
    period = Period(START, START + QUARTER)
    for _ in range(2):
        began, cpu = time.perf_counter(), time.process_time()
        async with database.read() as connection:
            found = await load_jobs(connection, "gdansk", period.start, period.end)
        loaded = time.perf_counter()
        minutes = await gpu_minutes(store, "gdansk", period)
        read = time.perf_counter()
        quarter = to_ms(START) // QUARTER_MS
        cut = reckoned(quarter, FIGURES, minutes.quarter(quarter), found.quarter(quarter))
        done = time.perf_counter()
        print(  # noqa: T201
            f"one quarter-hour of {count * GPUS:,} GPUs, {len(cut.lines)} accounts, coverage "
            f"{cut.told_ms / cut.expected_ms:.3f}: jobs {loaded - began:.2f} s, minutes "
            f"{read - loaded:.2f} s ({len(minutes.minutes.gpu):,}), reckoning {done - read:.2f} s, "
            f"CPU {time.process_time() - cpu:.2f} s"
        )
    await month(database, jobs)
    await store.close()
    await database.close()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")  # noqa: T201


async def month(database: Database, jobs: int) -> None:
    """What reading a month of accounts takes, by tenant and by job."""
    first, days = to_ms(START) // QUARTER_MS, 30
    amounts = {"gpu_wh": 17_500, "it_wh": 21_000, "green_wh": 15_000, "unknown_wh": 1_000}
    amounts |= {"co2_location_g": 9_000, "co2_market_g": 4_000, "told_ms": 1, "expected_ms": 1, "flags": 0}
    began = time.perf_counter()
    for day in range(days):
        headers, lines = [], []
        for quarter in range(first + day * 96, first + day * 96 + 96):
            key = {"site": "gdansk", "quarter": quarter, "revision": 1}
            head = {"known_at": START, "figures": "", "digest": "", "load_wh": 1, "eit_wh": 1, "gpu_wh": 1}
            headers.append(key | head | {"idle_gpu_wh": 0, "told_ms": 1, "expected_ms": 1, "flags": 0})
            lines += [
                key | amounts | {"job": n + 1, "owner": n % 20 + 1, "total_wh": 25_000} for n in range(jobs)
            ]
        async with database.begin() as connection:
            await connection.execute(insert(INTERVAL), headers)
            await connection.execute(insert(ACCOUNT), lines)
            await move(connection, "gdansk", [header["quarter"] for header in headers], 1)
            await save_reached(connection, "gdansk", Reached(first, first + (day + 1) * 96, 0))
    took = time.perf_counter() - began
    each = 1000 * took / days / 96
    print(f"write {days} days, {days * 96 * jobs:,} accounts: {took:.0f} s, {each:.0f} ms each")  # noqa: T201
    workloads = Workloads(database)
    whole = Period(START + LOCAL, START + timedelta(days=days) - LOCAL)
    for name, wanted in (
        ("a tenant's day", Wanted("gdansk", Period(START, START + timedelta(days=1)), tenant="t3")),
        ("a tenant's month", Wanted("gdansk", whole, tenant="t3")),
        ("all tenants' month", Wanted("gdansk", whole)),
        ("all tenants' month as of later", Wanted("gdansk", whole, as_of=START + timedelta(days=99))),
        ("a job's month", Wanted("gdansk", whole, job="j7")),
    ):
        began = time.process_time()
        found = (await workloads.statements(wanted, ("project", "job")))["job"]
        took = 1000 * (time.process_time() - began)
        print(f"{name}: {took:.0f} ms CPU, {len(found.accounts)} accounts")  # noqa: T201


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=12_500)
    parser.add_argument("--jobs", type=int, default=1_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(asked.nodes, asked.jobs, Path(folder)))


if __name__ == "__main__":
    main()
