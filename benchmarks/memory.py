"""Memory of the service under load: the most, and how much it grows by the hour once it is warm."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time

import numpy as np

from benchmarks.figure import Figure, judged, load_arguments, tell
from benchmarks.rig import Rig, rig

GOAL_MB = 1_000
FLAT_MB = 50
"""Growth in an hour that counts as flat: DuckDB's buffers come and go by that much."""

_HOUR_S = 3_600


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Resident memory over ``options.seconds``; growth is judged only over half an hour and more."""
    samples: list[tuple[float, float]] = []
    async with rig(options) as running:
        watching = asyncio.create_task(_watch(running, samples))
        result = await running.load().run()
        await running.until_stored(result)
        counts = await running.counts(result)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    times, sizes = np.array(samples).T
    most, span_s = float(sizes.max()), float(times[-1] - times[0])
    value = f"{most:,.0f} MB at most in {span_s:.0f} s of {options.nodes * 8:,} GPUs"
    within = most < GOAL_MB
    if span_s >= _HOUR_S / 2:
        late = times > times[0] + span_s / 3
        growth = float(np.polyfit(times[late], sizes[late], 1)[0]) * _HOUR_S
        value += f", {growth:+,.0f} MB an hour in the last two thirds"
        within = within and growth < FLAT_MB
    met = judged(within, options.seconds >= _HOUR_S)
    return [Figure("memory", f"under {GOAL_MB:,} MB, flat over an hour", value, met, counts)]


async def _watch(running: Rig, into: list[tuple[float, float]]) -> None:
    while True:
        into.append((time.perf_counter(), running.memory_mb()))
        await asyncio.sleep(1)


if __name__ == "__main__":
    tell(asyncio.run(measure(load_arguments(__doc__, 3_600).parse_args())))
