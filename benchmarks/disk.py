"""Bytes on disk: of a row of five fields that DuckDB's store has sealed, of a reading in the journal."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.behind import GPUS, fall_behind, frames
from benchmarks.figure import Figure, load_arguments, tell
from telemetry.catalogue import GPU
from telemetry.series import SeriesRegistry
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

ROW_BYTES, READING_BYTES = 8.0, 4.0
_A_SECOND = 20
"""Batches that the store takes at once."""


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Store and journal ``options.seconds`` of ``options.rate``."""
    with tempfile.TemporaryDirectory() as name:
        return [await _store(options, Path(name)), await _journal(options, Path(name))]


async def _store(options: argparse.Namespace, folder: Path) -> Figure:
    registry = SeriesRegistry()
    chosen = DuckDBOptions(seal_after=timedelta(0), seal_rows=options.seal_rows)
    store = DuckDBStore(chosen, registry, folder)
    await store.open()
    waiting, written = [], 0
    for position, frame in enumerate(frames(registry, options.nodes, options.rate, options.seconds), start=1):
        waiting.append(frame)
        written += len(frame)
        if len(waiting) == _A_SECOND:
            await store.append(waiting, position)
            waiting = []
    await store.append(waiting, position + 1)
    await store.seal()
    files, rows, size = _sealed(folder)
    counted = (await store.counts()).rows
    await store.close()
    value = f"{size / rows:.2f} B, {rows:,} rows in {files} sealed files" if rows else "nothing was sealed"
    value += f" of {options.seal_rows:,} or a minute more"
    met = bool(rows) and size / rows < ROW_BYTES
    counts = {"rows": written, "stored": counted}
    goal = f"under {ROW_BYTES:g} B after compaction"
    return Figure(f"disk, a row of {len(GPU.fields)} fields", goal, value, met, counts)


def _sealed(folder: Path) -> tuple[int, int, int]:
    """Number, rows and bytes of the sealed files."""
    files = list(folder.rglob("*.parquet"))
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    return len(files), rows, sum(file.stat().st_size for file in files)


async def _journal(options: argparse.Namespace, folder: Path) -> Figure:
    seconds = min(20.0, options.seconds)
    behind = await fall_behind(folder, options.nodes, options.rate, seconds)
    each = behind.bytes / behind.rows / len(GPU.fields)
    value = f"{each:.2f} B, {each * len(GPU.fields):.1f} B a row"
    counts = {"rows": round(options.rate * seconds) * GPUS, "stored": behind.rows}
    return Figure(
        "disk, a reading in the journal", f"under {READING_BYTES:g} B", value, each < READING_BYTES, counts
    )


if __name__ == "__main__":
    parser = load_arguments(__doc__, 600)
    rows = DuckDBOptions().seal_rows
    parser.add_argument("--seal-rows", type=int, default=rows, help="rows of a sealed file")
    tell(asyncio.run(measure(parser.parse_args())))
