"""How fast the store makes good an outage while live traffic goes on: times real time.

The journal of a stopped service is filled with what would have come during the outage; then the service
starts, the load goes on, and the store follows both.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benchmarks.behind import GPUS, fall_behind
from benchmarks.figure import Figure, judged, load_arguments, tell
from benchmarks.rig import Rig, broker_alone, serving
from simulator.loadtest import LoadTest

GOAL = 3.0
_ASKED_S = 600
_LAG_S = 1.0
"""Behind by less than this is what a store in good order is: it writes several times a second."""


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Catch up with ``options.outage`` seconds of ``options.rate``."""
    async with broker_alone() as place:
        data_dir = place[0] / "data"
        data_dir.mkdir()
        behind = await fall_behind(data_dir, options.nodes, options.rate, options.outage)
        async with serving(options, place) as running:
            began, before = time.perf_counter(), (await running.ingest())["stored_rows"]
            load = running.load(options.outage)
            loading = asyncio.create_task(load.run())
            await _level(running, load, behind.rows, options.rate)
            took_s = time.perf_counter() - began
            load.finish()
            result = await loading
            running.rows = behind.rows
            await running.until_stored(result)
            told = await running.ingest()
    left_s = (behind.rows - before) / GPUS / options.rate
    speed = left_s / took_s
    value = (
        f"{speed:.1f} times real time: of {options.outage:.0f} s of {options.rate:,.0f} messages/s the last "
        f"{left_s:.0f} s were made good in {took_s:.0f} s, {result.rate:,.0f} messages/s live"
    )
    counts = {
        "sent": behind.messages + result.sent,
        "acknowledged": told["acknowledged"],
        "rows": running.rows,
        "stored": told["stored_rows"],
    }
    met = judged(speed >= GOAL and told["stored_rows"] == running.rows, options.outage >= _ASKED_S)
    return [
        Figure(
            "catch-up after an outage of the store",
            f"{GOAL:g} times real time, live traffic on",
            value,
            met,
            counts,
        )
    ]


async def _level(running: Rig, load: LoadTest, behind: int, rate: float) -> None:
    """Return once the store is no further behind the load than it always is."""

    async def level() -> bool:
        missing = behind + load.sent * GPUS - (await running.ingest())["stored_rows"]
        return bool(load.sent and missing < _LAG_S * rate * GPUS)

    await running.service.until(level, "did not catch up", 1_800)


if __name__ == "__main__":
    parser = load_arguments(__doc__, 0)
    parser.add_argument("--outage", type=float, default=600, help="seconds for which the store was away")
    tell(asyncio.run(measure(parser.parse_args())))
