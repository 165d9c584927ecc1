"""CPU of the service for each message, socket to store, rollups included, at a steady rate.

Take more than 75 seconds: minutes are closed 15 s after their end, and their rows are part of the cost. It is
also told as a multiple of what plain Python takes in this run to read such a message and no more: that ratio
is much the same on a slower or busier machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass
from time import process_time_ns

from benchmarks.figure import Figure, judged, load_arguments, tell
from benchmarks.rig import Rig, rig
from simulator.frames import node_frames
from simulator.loadtest import LoadResult

GOAL_US, STRETCH_US = 35, 20
_MINUTES_CLOSE_S = 75

_ROUNDS, _READ = 20, 500


@dataclass(frozen=True)
class Cost:
    """Microseconds of CPU for each message of ``result``: of service, broker, and of reading it plainly."""

    result: LoadResult
    service_us: float
    broker_us: float
    reading_us: float

    @property
    def times(self) -> float:
        """What a message costs the service, in plain readings of it."""
        return self.service_us / self.reading_us


def reading_us() -> float:
    """Microseconds of CPU in which ``json`` reads a message of 8 GPUs into lists by field; the best."""
    (frame,) = node_frames("loadtest", 1, 8)
    payload = bytes(frame.raw[frame.raw.index(b'{"ts":') :])
    best = float("inf")
    for _ in range(_ROUNDS):
        columns: dict[str, list[float]] = {}
        began = process_time_ns()
        for _ in range(_READ):
            for gpu in json.loads(payload)["gpus"]:
                for name, value in gpu.items():
                    columns.setdefault(name, []).append(float(value))
        best = min(best, (process_time_ns() - began) / _READ / 1_000)
    return best


async def cost(running: Rig) -> Cost:
    """What each message of one load costs, until it is stored."""
    plain_us = reading_us()
    before = running.cpu()
    result = await running.load().run()
    await running.until_stored(result)
    service_us, broker_us = running.cpu().per_message(before, result.sent)
    return Cost(result, service_us, broker_us, min(plain_us, reading_us()))


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Microseconds of service, broker and publisher for each message of ``options.seconds``."""
    async with rig(options) as running:
        spent = await cost(running)
        counts = await running.counts(spent.result)
    result = spent.result
    value = (
        f"{spent.service_us:.1f} µs, {spent.times:.1f} times plain reading, at {result.rate:,.0f} messages/s "
        f"of {result.bytes / result.sent:.0f} B (mosquitto {spent.broker_us:.1f}, publisher "
        f"{result.cpu_us_per_message:.1f})"
    )
    goal = f"under {GOAL_US} µs, stretch {STRETCH_US}"
    met = judged(spent.service_us < GOAL_US, options.seconds >= _MINUTES_CLOSE_S)
    return [Figure("service CPU per message", goal, value, met, counts)]


if __name__ == "__main__":
    tell(asyncio.run(measure(load_arguments(__doc__, 120).parse_args())))
