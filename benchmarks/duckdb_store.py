"""CPU of the DuckDB store per message: new rows, repeated rows, and what a query costs.

A message is a node of 8 GPUs with 5 fields each. Prints microseconds of CPU per message over all threads,
bytes per row on disk, and how much dearer a repeated row is than a new one.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path

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
    options = parser.parse_args()
    asyncio.run(run(options.nodes, options.messages, options.rounds))


if __name__ == "__main__":
    main()
