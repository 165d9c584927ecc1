"""How long a message waits for its acknowledgement, and a reading for the page, under load.

A relay between broker and service sees each PUBLISH and its PUBACK. A meter of its own sends numbers that
an open dashboard (a WebSocket client) recognises.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Sequence

import numpy as np

from benchmarks.figure import Figure, load_arguments, tell
from benchmarks.probe import Probe
from benchmarks.rig import broker_alone, configuration, serving
from benchmarks.tap import Tap
from runtime.clock import SystemClock

ACKNOWLEDGED_S, SHOWN_S = 1.0, 2.0


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Delays over ``options.seconds`` of load."""
    async with (
        broker_alone() as place,
        Tap(place[1].port) as tap,
        serving(options, place, configuration(tap.port, options.client)) as running,
    ):
        await running.warm_up()
        tap.delays.clear()
        running.viewer.ticks.clear()
        probe = Probe(SystemClock())
        probing = asyncio.create_task(probe.run(place[1].port))
        result = await running.load().run()
        probing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await probing
        await running.until_stored(result)
        acknowledged, shown = tap.delays, probe.delays(running.viewer.ticks)
    load = f"{options.rate:,.0f} messages/s"
    counts = {"sent": result.sent + len(probe.sent), "acknowledged": len(acknowledged), "shown": len(shown)}
    return [
        _figure(f"acknowledgement delay p99, {load}", acknowledged, ACKNOWLEDGED_S, counts),
        _figure(f"ingest to page p99, {load}", shown, SHOWN_S, counts),
    ]


def _figure(what: str, delays: Sequence[float], goal_s: float, counts: dict[str, int]) -> Figure:
    if not delays:
        return Figure(what, f"under {goal_s:g} s", "nothing came", False, counts)
    half, most = (float(np.percentile(delays, p)) for p in (50, 99))
    value = f"{1000 * most:,.0f} ms (median {1000 * half:,.0f} ms, of {len(delays):,})"
    return Figure(what, f"under {goal_s:g} s", value, most < goal_s, counts)


if __name__ == "__main__":
    tell(asyncio.run(measure(load_arguments(__doc__, 60).parse_args())))
