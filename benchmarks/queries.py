"""The four questions of the pages at full size, asked while readings are stored: how long an answer takes.

Builds a day of minutes of all GPUs and racks and a month of hours of racks, seals what has come to rest, and
then asks each question several times while every second all GPUs' readings go into the same store. Prints
milliseconds on the wall: median, and the longest.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.hall import Hall
from runtime.clock import from_ms
from telemetry.catalogue import GPU
from telemetry.frame import Frame
from telemetry.live import LiveState
from telemetry.planned import PlannedStore
from telemetry.rollup import HOUR_MS, ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

_DAY = timedelta(days=1)
_LATER_MS = 30 * 24 * HOUR_MS
_GOALS_MS = {
    "last value of every series": 100,
    "site power, steps of 1 min": 200,
    "one GPU, steps of 1 min": 100,
    "energy of one hall, a month of hours": 300,
}


class Writer:
    """Stores frames under rising positions, and remembers the longest wait."""

    def __init__(self, store: DuckDBStore, position: int) -> None:
        self._store, self._position = store, position
        self.longest_s = 0.0
        self.rows = 0

    async def put(self, frames: list[Frame]) -> None:
        """Store ``frames`` as one batch."""
        began = time.perf_counter()
        self._position += 1
        await self._store.append(frames, self._position)
        self.longest_s = max(self.longest_s, time.perf_counter() - began)
        self.rows += sum(map(len, frames))

    async def every_second(self, hall: Hall, live: LiveState, first: int) -> None:
        """Readings of all GPUs each second, until cancelled."""
        second = first
        while True:
            due = time.perf_counter() + 1.0
            frame = await asyncio.to_thread(hall.readings, second)
            live.update(frame)
            await self.put([frame])
            second += 1
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def run(nodes: int, hours: int, rounds: int, load: bool) -> None:
    """Build, ask, print."""
    with tempfile.TemporaryDirectory() as folder:
        registry = SeriesRegistry(4_000_000)
        store = DuckDBStore(DuckDBOptions(), registry, Path(folder))
        await store.open()
        hall, writer, live = Hall(registry, nodes), Writer(store, 0), LiveState(registry)
        await _build(hall, writer, hours)
        await store.seal()
        _tell_disk(Path(folder), writer)
        live.update(hall.readings(hours * 3600))
        writer.longest_s = 0.0
        # From here on the clock stands a month later: the day of minutes lies in the past, as it would.
        loading = asyncio.create_task(writer.every_second(hall, live, _LATER_MS // 1000)) if load else None
        for name, ask in _questions(store, live, hours).items():
            taken = [await _timed(ask) for _ in range(rounds)]
            print(  # noqa: T201
                f"{name:38} {median(taken):7.0f} ms, longest {max(taken):.0f} (goal {_GOALS_MS[name]})"
            )
        if loading is not None:
            loading.cancel()
            await asyncio.wait([loading])
            print(f"longest wait of the writer meanwhile   {writer.longest_s * 1e3:7.0f} ms")  # noqa: T201
        await store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory, most                           {peak:7.0f} MB")  # noqa: T201


async def _build(hall: Hall, writer: Writer, hours: int) -> None:
    began = time.perf_counter()
    for minute in range(hours * 60):
        await writer.put(await asyncio.to_thread(hall.minute, minute))
    for hour in range(30 * 24):
        await writer.put(hall.hour(hour))
    print(  # noqa: T201
        f"{len(hall.gpus):,} GPUs, {hours} h of minutes, a month of hours: {writer.rows:,} rows stored in "
        f"{time.perf_counter() - began:.0f} s; the longest wait {writer.longest_s * 1e3:.0f} ms"
    )


def _tell_disk(folder: Path, writer: Writer) -> None:
    sealed = list(folder.rglob("*.parquet"))
    size = sum(path.stat().st_size for path in sealed) / 1e6
    table = (folder / "telemetry.duckdb").stat().st_size / 1e6
    print(f"{len(sealed)} sealed files of {size:,.0f} MB, the database {table:,.0f} MB")  # noqa: T201


def _questions(store: DuckDBStore, live: LiveState, hours: int) -> Mapping[str, Callable[[], Awaitable[int]]]:
    start = from_ms(Hall.T0)
    end = start + timedelta(hours=hours)
    planned = PlannedStore(store, lambda step_ms: (Hall.T0, Hall.T0 + hours * HOUR_MS))
    gpu = {"site": ("site",), "hall": ("h7",), "rack": ("r0",), "node": ("n7",), "gpu": ("3",)}
    minute, hour = timedelta(minutes=1), timedelta(hours=1)

    async def rows(asked: WindowQuery) -> int:
        found = await planned.window(asked)
        return int(found.num_rows)

    async def last() -> int:
        return len(live.table(GPU).series)

    site = WindowQuery(SeriesQuery(GPU, start, end, {}, ("power_w",)), minute, "mean", ("site",))
    one = WindowQuery(SeriesQuery(GPU, start, end, gpu, ("power_w",)), minute)
    energy = SeriesQuery(ROLLUPS["rack_1h"], start, start + 30 * _DAY, {"hall": ("h3",)}, ("energy_wh",))
    month = WindowQuery(energy, hour, "sum", ("hall",))
    asks = (last, lambda: rows(site), lambda: rows(one), lambda: rows(month))
    return dict(zip(_GOALS_MS, asks, strict=True))


async def _timed(ask: Callable[[], Awaitable[int]]) -> float:
    began = time.perf_counter()
    found = await ask()
    taken = (time.perf_counter() - began) * 1e3
    assert found, "a question without an answer measures nothing"
    return taken


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=12_500)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--no-load", dest="load", action="store_false", help="ask while nothing is stored")
    options = parser.parse_args()
    asyncio.run(run(options.nodes, options.hours, options.rounds, options.load))


if __name__ == "__main__":
    main()
