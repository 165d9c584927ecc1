"""CPU of the service for each message, socket to store, rollups included, at a steady rate.

Take more than 75 seconds: minutes are closed 15 s after their end, and their rows are part of the cost.
"""

from __future__ import annotations

import argparse
import asyncio

from benchmarks.figure import Figure, judged, load_arguments, tell
from benchmarks.rig import rig

GOAL_US, STRETCH_US = 35, 20
_MINUTES_CLOSE_S = 75


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Microseconds of service, broker and publisher for each message of ``options.seconds``."""
    async with rig(options) as running:
        before = running.cpu()
        result = await running.load().run()
        await running.until_stored(result)
        service_us, broker_us = running.cpu().per_message(before, result.sent)
    value = (
        f"{service_us:.1f} µs at {result.rate:,.0f} messages/s of {result.bytes / result.sent:.0f} B "
        f"(mosquitto {broker_us:.1f}, publisher {result.cpu_us_per_message:.1f})"
    )
    goal = f"under {GOAL_US} µs, stretch {STRETCH_US}"
    met = judged(service_us < GOAL_US, options.seconds >= _MINUTES_CLOSE_S)
    counts = {"sent": result.sent, "acknowledged": result.acknowledged, "stored": running.rows}
    return [Figure("service CPU per message", goal, value, met, counts)]


if __name__ == "__main__":
    tell(asyncio.run(measure(load_arguments(__doc__, 120).parse_args())))
