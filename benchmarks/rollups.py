"""CPU per message of the rollups: from the journal's batches to closed minutes written back, and the memory.

A message is a node of 8 GPUs with 5 fields each; every node speaks once a second. The rollups follow a
journal as in the service. Reading and decoding its batches is told apart: every sink of a journal pays it.
No store follows, so repairs and hours, which are questions to a store, are not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.clock import SystemClock, to_ms
from telemetry.catalogue import GPU
from telemetry.follower import Follower
from telemetry.frame import Frame
from telemetry.journal import Journal
from telemetry.rollups import Rollups
from telemetry.series import SeriesRegistry
from telemetry.stores.memory import MemoryOptions, MemoryStore

GPUS = 8
_MB = 1 << 20


@dataclass(frozen=True)
class Result:
    """CPU in µs per message, bytes of the journal per row of a rollup, rows written, and MB of memory."""

    rollups: float
    reading: float
    rows: int
    row_bytes: float
    grown_mb: float


def frames(registry: SeriesRegistry, nodes: int, messages: int, seconds: int) -> Iterator[Frame]:
    """Batches of ``messages`` messages, from so long ago that the wall clock closes nothing early."""
    labels = (
        ("site", f"h{n % 8}", f"r{n // 32}", f"n{n}", str(g)) for n in range(nodes) for g in range(GPUS)
    )
    series = np.array([registry.id(GPU, one) for one in labels], dtype=np.int32)
    random = np.random.default_rng(1)
    start = to_ms(SystemClock().now()) // 60_000 * 60_000 - (seconds // 60 + 2) * 60_000
    size = messages * GPUS
    columns = {
        "power_w": random.normal(600, 80, size).round(1),
        "util": random.integers(0, 101, size).astype(np.float64),
        "temp_c": random.normal(60, 5, size).round(1),
        "mem_temp_c": random.normal(70, 5, size).round(1),
    }
    for turn in range(seconds * nodes // messages):
        row = np.arange(turn * size, (turn + 1) * size)
        at_ms = start + row // len(series) * 1000 + row % len(series) // GPUS * 900 // nodes
        told = {name: np.roll(column, turn) for name, column in columns.items()}
        joules = 9e8 + row // len(series) * 600.0 + random.integers(0, 100, size)
        yield Frame(
            GPU, series[row % len(series)], at_ms, {**told, "energy_j": np.asarray(joules, np.float64)}
        )


async def run(nodes: int, messages: int, seconds: int) -> Result:
    """Let the rollups follow ``seconds`` of all nodes in batches of ``messages``."""
    with tempfile.TemporaryDirectory() as folder:
        registry = SeriesRegistry(4_000_000)
        journal = Journal(Path(folder) / "journal.sqlite", registry)
        await journal.open()
        store = MemoryStore(MemoryOptions(), registry, Path(folder))
        rollups = Rollups(journal, Follower(journal, store), store)
        position = await rollups.open()
        spent = reading = size = 0.0
        rows = count = 0
        before = _resident()
        for frame in frames(registry, nodes, messages, seconds):
            await journal.append([frame])
            began, held = time.process_time(), journal.status().bytes
            entries = await journal.read(position)
            read = time.process_time()
            position = entries[-1].position
            await rollups.append([f for e in entries for f in e.frames], position)
            reading, spent = reading + read - began, spent + time.process_time() - read
            if journal.head > position:
                size += journal.status().bytes - held
                rows += sum(len(f) for e in await journal.read(position) for f in e.frames)
                await journal.trim(rollups.safe)
            count += messages
        grown = (_resident() - before) / _MB
        await rollups.close()
        await journal.close()
    assert rows, "no minute was closed: take more seconds"
    return Result(spent / count * 1e6, reading / count * 1e6, rows, size / rows, grown)


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=12_500)
    parser.add_argument("--messages", type=int, nargs="+", default=[2_500, 12_500])
    parser.add_argument("--seconds", type=int, default=150)
    options = parser.parse_args()
    print("messages a batch | µs CPU per message | reading | rollup rows | bytes a row | MB more")  # noqa: T201
    for messages in options.messages:
        found = asyncio.run(run(options.nodes, messages, options.seconds))
        print(  # noqa: T201
            f"{messages:16,} | {found.rollups:18.2f} | {found.reading:7.2f} | {found.rows:11,} | "
            f"{found.row_bytes:11.1f} | {found.grown_mb:7.0f}"
        )


if __name__ == "__main__":
    main()
