"""A week's sealed files of readings: how long a start takes, and what memory a question about all of them.

Seals one file as a gigafactory's are, and lists it under as many names as a week has files. Another process
then opens the store and asks for one GPU, which opens every file and reads every head.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import psutil  # type: ignore[import-untyped]

from benchmarks.figure import Figure, judged, tell
from benchmarks.hall import Hall
from runtime.clock import from_ms
from telemetry.catalogue import GPU
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, WindowQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

_NODES, _MINUTES = 3_125, 2
"""A quarter of the GPUs for as long as a stretch of all of them: one of its four files."""

_LATER_S = 3600
"""A start looks at the newest quarter of an hour, which is never sealed."""

_WEEK = 7 * 24 * 60 // _MINUTES * 4
_MOST_MB, _READY_S = 300, 10.0
_MB = 1 << 20


async def build(folder: Path, files: int) -> None:
    """Store readings, seal them into a file, and list that ``files`` times."""
    registry = SeriesRegistry()
    hall = Hall(registry, _NODES)
    rows = len(hall.gpus) * _MINUTES * 60
    store = DuckDBStore(DuckDBOptions(seal_after=timedelta(0), seal_rows=rows), registry, folder)
    await store.open()
    for second in range(_MINUTES * 120 + 1):
        await store.append([hall.readings(second)], second + 1)
    await store.seal()
    await store.append([hall.readings(_LATER_S)], _LATER_S)
    await store.close()
    await asyncio.to_thread(_list_again, folder, files - 1)


def _list_again(folder: Path, times: int) -> None:
    (sealed,) = folder.rglob("*.parquet")
    with duckdb.connect(folder / "telemetry.duckdb") as database:
        again = database.execute(
            "INSERT INTO sealed SELECT nextval('sealed_file') AS id, sealed.* EXCLUDE (id) "
            "FROM sealed, range(?) RETURNING id",
            [times],
        )
        for (number,) in again.fetchall():
            os.link(sealed, sealed.with_name(f"{number:06d}.parquet"))


async def ask(folder: Path, files: int) -> list[Figure]:
    """Open the store, ask, and tell what it took."""
    registry = SeriesRegistry()
    Hall(registry, _NODES)
    process, store = psutil.Process(), DuckDBStore(DuckDBOptions(), registry, folder)
    began = time.perf_counter()
    await store.open()
    ready_s = time.perf_counter() - began
    before, start = process.memory_info().rss, from_ms(Hall.T0)
    gpu = {"site": ("site",), "hall": ("h7",), "rack": ("r0",), "node": ("n7",), "gpu": ("3",)}
    sizes, began_cpu = [before], time.process_time()
    asked = SeriesQuery(GPU, start, start + timedelta(minutes=_MINUTES), gpu, ("power_w",))
    asking = asyncio.create_task(store.window(WindowQuery(asked, timedelta(minutes=1))))
    while not asking.done():
        await asyncio.wait([asking], timeout=0.05)
        sizes.append(process.memory_info().rss)
    found = (await asking).num_rows
    cpu_s = time.process_time() - began_cpu
    await store.close()
    whole, grown = files >= _WEEK and found == _MINUTES, (max(sizes) - before) / _MB
    asking_took = f"{grown:,.0f} MB at most, {cpu_s / files * 1e3:.2f} ms CPU a file"
    opened = f"{ready_s:.1f} s"
    counts = {"files": files, "minutes": found}
    return [
        Figure(
            f"a question that opens {files:,} sealed files",
            f"under {_MOST_MB} MB",
            asking_took,
            judged(grown < _MOST_MB, whole),
            counts,
        ),
        Figure(
            f"start of a store with {files:,} sealed files",
            f"under {_READY_S:g} s",
            opened,
            judged(ready_s < _READY_S, whole),
        ),
    ]


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=_WEEK)
    parser.add_argument("--ask", type=Path, help="a folder that another run has built")
    options = parser.parse_args()
    if options.ask is not None:
        tell(asyncio.run(ask(options.ask, options.files)))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(build(Path(folder), options.files))
        command = [sys.executable, "-m", "benchmarks.sealed_files"]
        subprocess.run([*command, "--files", str(options.files), "--ask", folder], check=True)


if __name__ == "__main__":
    main()
