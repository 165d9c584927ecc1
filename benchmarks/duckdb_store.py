"""CPU of the DuckDB store per message: new rows, repeated rows, what a query costs, and sealing.

A message is a node of 8 GPUs with 5 fields each. Prints microseconds of CPU per message over all threads,
bytes per row on disk in the table and sealed, how much dearer a repeated row is than a new one, and how long
a writer waits while rows are sealed.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.hall import Hall
from benchmarks.nodes import GPUS, batches
from runtime.clock import MILLISECOND, from_ms
from telemetry.catalogue import GPU
from telemetry.order import newest_ms
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore


async def run(nodes: int, messages: int, rounds: int) -> None:
    """Write, write again, ask, and print."""
    with tempfile.TemporaryDirectory() as folder:
        registry = SeriesRegistry()
        store = DuckDBStore(DuckDBOptions(), registry, Path(folder))
        await store.open()
        frames = [batch.frames() for batch in batches(registry, nodes, messages, rounds)]
        await store.append(frames[0], 1)
        new = await _write(store, frames[1:], 2)
        again = await _write(store, frames[-5:], rounds + 1)
        counts = await store.counts()
        newest = from_ms(newest_ms(frames[-1]) or 0) + MILLISECOND
        asked = await _ask(store, SeriesQuery(GPU, newest - timedelta(minutes=10), newest))
        await store.close()
        size = (Path(folder) / "telemetry.duckdb").stat().st_size / counts.rows
    per_message = 1e6 / messages
    print(f"{counts.rows:,} rows in batches of {messages:,} messages, {counts.duplicates:,} repeated")  # noqa: T201
    print(f"new rows       {new * per_message:7.2f} µs CPU per message of {GPUS} rows")  # noqa: T201
    print(f"repeated rows  {again * per_message:7.2f} µs, {again / new:.1f} times a new row")  # noqa: T201
    print(f"on disk        {size:7.1f} bytes per row")  # noqa: T201
    for name, cost in asked.items():
        print(f"{name:14} {cost * 1e3:7.1f} ms CPU")  # noqa: T201


async def seal(nodes: int, seconds: int) -> None:
    """Store ``seconds`` of all nodes, seal half of it alone and half while rows come in, and print."""
    with tempfile.TemporaryDirectory() as folder:
        registry = SeriesRegistry()
        options = DuckDBOptions(seal_after=timedelta(0), seal_rows=seconds * nodes * GPUS // 4)
        store = _ByHand(options, registry, Path(folder))
        await store.open()
        hall = Hall(registry, nodes)
        for second in range(seconds):
            await store.append([hall.readings(second)], second + 1)
        before = time.process_time()
        await store.seal()
        cost = time.process_time() - before
        rows, size = await asyncio.to_thread(_sealed, Path(folder))
        for second in range(seconds, 2 * seconds):
            await store.append([hall.readings(second)], second + 1)
        alone = await _longest(store, hall, 2 * seconds, asyncio.sleep(20))
        meanwhile = await _longest(store, hall, 3 * seconds, store.seal())
        await store.close()
    print(f"sealing        {cost / rows * 1e6:7.2f} µs CPU per row, {size / rows:.1f} bytes per row")  # noqa: T201
    print(f"a second's rows wait at most {alone * 1e3:.0f} ms, {meanwhile * 1e3:.0f} ms while sealing")  # noqa: T201


class _ByHand(DuckDBStore):
    """Seals only when it is asked to."""

    async def _seal_quietly(self) -> None:
        pass


def _sealed(folder: Path) -> tuple[int, int]:
    """Rows and bytes of all sealed files."""
    paths = list(folder.rglob("*.parquet"))
    return sum(pq.read_metadata(path).num_rows for path in paths), sum(path.stat().st_size for path in paths)


async def _longest(store: DuckDBStore, hall: Hall, first: int, work: Coroutine[Any, Any, Any]) -> float:
    """The longest time that a second's rows took to be stored while ``work`` went on, in seconds."""
    job, second, longest = asyncio.ensure_future(work), first, 0.0
    while not job.done():
        frame = hall.readings(second)
        began = time.perf_counter()
        second += 1
        await store.append([frame], second)
        longest = max(longest, time.perf_counter() - began)
        await asyncio.sleep(max(0.0, began + 1.0 - time.perf_counter()))
    return longest


async def _write(store: DuckDBStore, frames: list[list], position: int) -> float:  # type: ignore[type-arg]
    before = time.process_time()
    for number, one in enumerate(frames):
        await store.append(one, position + number)
    return (time.process_time() - before) / len(frames)


async def _ask(store: DuckDBStore, query: SeriesQuery) -> dict[str, float]:
    one = SeriesQuery(GPU, query.start, query.end, {"node": ("n7",), "gpu": ("3",)})
    questions = {
        "latest of all": store.latest(query),
        "one GPU, 1 min": store.window(WindowQuery(one, timedelta(minutes=1))),
        "site, 1 min": store.window(WindowQuery(query, timedelta(minutes=1), group_by=("site",))),
    }
    costs = {}
    for name, question in questions.items():
        before = time.process_time()
        await question
        costs[name] = time.process_time() - before
    return costs


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=12_500)
    parser.add_argument("--messages", type=int, default=12_500)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=320, help="of readings to seal")
    options = parser.parse_args()
    asyncio.run(run(options.nodes, options.messages, options.rounds))
    asyncio.run(seal(options.nodes, options.seconds))


if __name__ == "__main__":
    main()
