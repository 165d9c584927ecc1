"""How old a message is when it is acknowledged, and a reading when the page shows it, under load.

Both count from the time that the publisher wrote into the message, so a publisher or broker that falls behind
is in it. A relay between broker and service sees each PUBACK; one that does not come counts as endless. A
meter of its own sends numbers that an open dashboard (a WebSocket client) recognises.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Sequence

import numpy as np

from benchmarks.figure import Figure, load_arguments, tell
from benchmarks.probe import Probe
from benchmarks.rig import Rig, broker_alone, configuration, serving
from benchmarks.tap import Tap
from runtime.clock import SystemClock
from simulator.loadtest import LoadResult
from tests.eventually import eventually

ACKNOWLEDGED_S, SHOWN_S = 1.0, 2.0

_LAST_S = 10.0
"""How long the last answers may take before they count as those that never come."""


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Delays over ``options.seconds`` of load."""
    clock = SystemClock()
    async with (
        broker_alone() as place,
        Tap(place[1].port, clock) as tap,
        serving(options, place, configuration(tap.port, options.client)) as running,
    ):
        await running.warm_up()
        await running.service.until(lambda: _nothing_owed(tap), "did not acknowledge what warmed it up")
        tap.delays.clear()
        running.viewer.ticks.clear()
        probe = Probe(clock)
        result = await _load(running, probe, place[1].port)
        await running.until_rows(running.rows + result.rows + len(probe.sent))

        async def all_told() -> bool:
            return not tap.owed and len(probe.delays(running.viewer.ticks)) == len(probe.sent)

        with contextlib.suppress(TimeoutError):  # then the counts tell what is missing
            await eventually(all_told, _LAST_S)
        stored = (await running.ingest())["stored_rows"]
        shown = probe.delays(running.viewer.ticks)
    load = f"{options.rate:,.0f} messages/s"
    sent = result.sent + len(probe.sent)
    counts = {"sent": sent, "acknowledged": len(tap.delays), "rows": running.rows, "stored": stored}
    probed = {"probed": len(probe.sent), "shown": len(shown)}
    return [
        _figure(f"acknowledgement delay p99, {load}", _with_lost(tap.delays, sent), ACKNOWLEDGED_S, counts),
        _figure(f"ingest to page p99, {load}", _with_lost(shown, len(probe.sent)), SHOWN_S, probed),
    ]


async def _load(running: Rig, probe: Probe, port: int) -> LoadResult:
    probing = asyncio.create_task(probe.run(port))
    result = await running.load().run()
    probing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await probing
    return result


async def _nothing_owed(tap: Tap) -> bool:
    return not tap.owed


def _with_lost(delays: Sequence[float], sent: int) -> list[float]:
    """What has no answer waits for ever."""
    return [*delays, *[float("inf")] * (sent - len(delays))]


def _figure(what: str, delays: Sequence[float], goal_s: float, counts: dict[str, int]) -> Figure:
    half, most = (float(np.percentile(delays, p, method="higher")) for p in (50, 99))
    value = f"{1000 * most:,.0f} ms (median {1000 * half:,.0f} ms, of {len(delays):,})"
    return Figure(what, f"under {goal_s:g} s", value, most < goal_s, counts)


if __name__ == "__main__":
    tell(asyncio.run(measure(load_arguments(__doc__, 60).parse_args())))
