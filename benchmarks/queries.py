"""The four questions of the pages at full size, asked while readings are stored: how long an answer takes.

Builds a day of minutes of all GPUs and racks and a month of hours of racks, seals what has come to rest, and
stores the readings of the minute that is still open. Then it asks each question several times while every
second all GPUs' readings, and every minute their rollups, go into the same store. Milliseconds on the wall,
until the answer is JSON as the API gives it out; pages and rules of this process ask for the last values,
and their answer is a copy of the columns.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped]

from benchmarks.figure import Figure, judged, tell
from benchmarks.hall import Hall
from dashboards.rows import SeriesRows
from runtime.clock import from_ms
from telemetry.catalogue import GPU
from telemetry.frame import Frame
from telemetry.live import LiveState
from telemetry.planned import PlannedStore
from telemetry.rollup import HOUR_MS, ROLLUPS
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

_HOURS, _NODES = 24, 12_500
"""What the goals ask for; a smaller run can only miss them."""

_DAY = timedelta(days=1)
_OPEN_S = 75
"""Seconds since the last whole minute, at most: readings answer for them."""

_GOALS_MS = {
    "last value of every series": 100,
    "site power, steps of 1 min": 200,
    "one GPU, steps of 1 min": 100,
    "energy of one hall, a month of hours": 300,
}
_MB = 1 << 20


@dataclass
class Writer:
    """Stores frames under rising positions, and remembers how long each of them waited."""

    store: DuckDBStore
    position: int = 0
    waits_s: list[float] = field(default_factory=list)
    rows: int = 0

    async def put(self, frames: list[Frame]) -> None:
        """Store ``frames`` as one batch."""
        began = time.perf_counter()
        self.position += 1
        await self.store.append(frames, self.position)
        self.waits_s.append(time.perf_counter() - began)
        self.rows += sum(map(len, frames))

    async def every_second(self, hall: Hall, live: LiveState, first: int) -> None:
        """Readings of all GPUs each second and rollups each minute, until cancelled."""
        second = first
        while True:
            due = time.perf_counter() + 1.0
            frame = await asyncio.to_thread(hall.readings, second)
            live.update(frame)
            await self.put([frame])
            second += 1
            if second % 60 == 0:
                await self.put(await asyncio.to_thread(hall.minute, second // 60 - 1))
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Build, ask, and tell how long it took."""
    process = psutil.Process()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        registry = SeriesRegistry(4_000_000)
        hall, live = Hall(registry, options.nodes), LiveState(registry)
        store = DuckDBStore(DuckDBOptions(), registry, Path(folder))
        before = process.memory_info().rss
        await store.open()
        sizes: list[int] = []
        watching = asyncio.create_task(_watch(process, sizes))
        writer = Writer(store)
        await _build(hall, writer, options.hours)
        built_s, writer.waits_s = max(writer.waits_s), []
        await store.seal()
        _tell_disk(Path(folder), writer)
        last = options.hours * 3600
        for second in range(last, last + _OPEN_S):
            await writer.put([await asyncio.to_thread(hall.readings, second)])
        live.update(hall.readings(last + _OPEN_S))
        writer.waits_s = []
        load = options.load
        loading = asyncio.create_task(writer.every_second(hall, live, last + _OPEN_S + 1)) if load else None
        asked = _questions(store, live, options.hours).items()
        taken = {name: [await _timed(ask) for _ in range(options.rounds)] for name, ask in asked}
        for task in (watching, loading) if loading else (watching,):
            task.cancel()
            await asyncio.wait([task])
        await store.close()
    whole = options.hours >= _HOURS and options.nodes >= _NODES and load
    waits = (built_s, max(writer.waits_s, default=0.0))
    return [*_answers(taken, whole), _memory(max(sizes) - before), _waits(waits)]


def _answers(taken: Mapping[str, list[float]], whole: bool) -> list[Figure]:
    """Nineteen in twenty answers must be within the goal."""
    figures = []
    for name, ms in taken.items():
        goal, most = _GOALS_MS[name], sorted(ms)[-(-len(ms) * 19 // 20) - 1]
        value = f"{median(ms):.0f} ms, 95 % within {most:.0f} ms, longest {max(ms):.0f} ms"
        figures.append(Figure(f"query: {name}", f"under {goal} ms", value, judged(most < goal, whole)))
    return figures


def _memory(grown: int) -> Figure:
    return Figure("query: memory of the store", "none set", f"{grown / _MB:,.0f} MB at most", None)


def _waits(longest_s: tuple[float, float]) -> Figure:
    value = f"{longest_s[1] * 1e3:,.0f} ms at most, {longest_s[0] * 1e3:,.0f} ms while all was filled at once"
    return Figure("query: rows of a second wait for the store", "none set", value, None)


async def _watch(process: psutil.Process, sizes: list[int]) -> None:
    while True:
        sizes.append(process.memory_info().rss)
        await asyncio.sleep(0.1)


async def _build(hall: Hall, writer: Writer, hours: int) -> None:
    began = time.perf_counter()
    for minute in range(hours * 60):
        await writer.put(await asyncio.to_thread(hall.minute, minute))
    for hour in range(30 * 24):
        await writer.put(hall.hour(hour))
    sys.stdout.write(
        f"{len(hall.gpus):,} GPUs, {hours} h of minutes, a month of hours: {writer.rows:,} rows stored in "
        f"{time.perf_counter() - began:.0f} s\n"
    )


def _tell_disk(folder: Path, writer: Writer) -> None:
    sealed = list(folder.rglob("*.parquet"))
    size = sum(path.stat().st_size for path in sealed) / 1e6
    table = (folder / "telemetry.duckdb").stat().st_size / 1e6
    sys.stdout.write(f"{len(sealed)} sealed files of {size:,.0f} MB, the database {table:,.0f} MB\n")


def _questions(store: DuckDBStore, live: LiveState, hours: int) -> Mapping[str, Callable[[], Awaitable[int]]]:
    start = from_ms(Hall.T0)
    end = start + timedelta(hours=hours)
    planned = PlannedStore(store, lambda step_ms: (Hall.T0, Hall.T0 + hours * HOUR_MS))
    gpu = {"site": ("site",), "hall": ("h7",), "rack": ("r0",), "node": ("n7",), "gpu": ("3",)}
    minute, hour, edge = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=_OPEN_S)

    async def rows(asked: WindowQuery) -> int:
        found = await planned.window(asked)
        select, labels = asked.select, asked.select.measurement.labels
        answer = SeriesRows(
            select.measurement, labels if asked.group_by is None else asked.group_by, select.fields
        )
        answer.add(found)
        body = b"".join(answer.encoded(None))
        return int(found.num_rows) if body else 0

    async def last() -> int:
        return len(live.table(GPU).series)

    site = WindowQuery(
        SeriesQuery(GPU, start + edge, end + edge, {}, ("power_w",)), minute, "mean", ("site",)
    )
    one = WindowQuery(SeriesQuery(GPU, start + edge, end + edge, gpu, ("power_w",)), minute)
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
    parser.add_argument("--nodes", type=int, default=_NODES)
    parser.add_argument("--hours", type=int, default=_HOURS)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where to keep the files meanwhile: 7 GB")
    parser.add_argument("--no-load", dest="load", action="store_false", help="ask while nothing is stored")
    tell(asyncio.run(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
