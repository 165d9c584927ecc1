"""How soon the service is ready that knows 100,000 series and whose store is millions of rows behind."""

from __future__ import annotations

import argparse
import asyncio
import time

from benchmarks.behind import GPUS, fall_behind
from benchmarks.figure import Figure, judged, load_arguments, tell
from benchmarks.rig import broker_alone, serving

GOAL_S = 10.0
_ASKED_ROWS = 5_000_000


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Seconds to ready with ``options.rows`` behind, and to the end of them; no load meanwhile."""
    async with broker_alone() as place:
        data_dir = place[0] / "data"
        data_dir.mkdir()
        seconds = 2 * options.nodes / options.rate
        known = await fall_behind(data_dir, options.nodes, options.rate, seconds)
        async with serving(options, place) as running:
            await running.until_rows(known.rows)
        behind_s = options.rows / GPUS / options.rate
        behind = await fall_behind(data_dir, options.nodes, options.rate, behind_s)
        began = time.perf_counter()
        async with serving(options, place) as running:
            ready_s = running.ready_s
            rows = known.rows + behind.rows
            await running.until_rows(rows)
            drained_s = time.perf_counter() - began
            counts = {"rows": rows, "stored": (await running.ingest())["stored_rows"]}
    value = (
        f"ready in {ready_s:.1f} s, {behind.rows:,} rows drained {drained_s:.1f} s after the start, "
        f"{options.nodes * GPUS:,} series"
    )
    met = judged(ready_s < GOAL_S, behind.rows >= _ASKED_ROWS)
    return [Figure("start with a journal behind", f"ready under {GOAL_S:g} s", value, met, counts)]


if __name__ == "__main__":
    parser = load_arguments(__doc__, 0)
    parser.add_argument("--rows", type=int, default=5_000_000, help="how far the store is behind")
    tell(asyncio.run(measure(parser.parse_args())))
