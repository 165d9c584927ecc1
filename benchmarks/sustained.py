"""Does the service hold a rate without backlog? Messages are acknowledged after commit and stored in DuckDB.

Tells what was sent, acknowledged and stored, how far acknowledgement and store were behind, and the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benchmarks.figure import Figure, judged, load_arguments, tell
from benchmarks.rig import Rig, rig
from simulator.loadtest import LoadTest

GOALS = {
    12_500: ("10 minutes without backlog, under 0.7 core", 0.7),
    25_000: ("10 minutes without backlog", None),
}
"""Messages a second -> the goal in words, and the most cores of the service."""

_ASKED_S = 600

_LATE_S = 2.0
"""A backlog of less than this is the batch on its way, not one that grows."""


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Load the service for ``options.seconds``."""
    async with rig(options) as running:
        load = running.load()
        watching = asyncio.create_task(_watch(running, load))
        before, began = running.cpu(), time.perf_counter()
        result = await load.run()
        ended = time.perf_counter()
        watching.cancel()
        await running.until_stored(result)
        late_s = time.perf_counter() - ended
        cores = (running.cpu().service - before.service) / (time.perf_counter() - began)
        told = await running.settled()
        most = await watching
    goal, allowed = GOALS.get(round(options.rate), ("without backlog", None))
    kept_up = result.behind_s < 1.0 and late_s < _LATE_S and most < _LATE_S * options.rate
    complete = told["stored_rows"] == running.rows and told["acknowledged"] == told["received"]
    odd = sum(told["rejected"].values()) + told["late"] + told["duplicates"]
    value = (
        f"{result.rate:,.0f} messages/s for {result.seconds:.0f} s, {cores:.2f} cores of service; at most "
        f"{most:,} messages without acknowledgement, all stored {late_s:.1f} s after the last"
    )
    counts = {
        "sent": result.sent,
        "acknowledged": result.acknowledged,
        "rows": running.rows,
        "stored": told["stored_rows"],
        "odd": odd,
    }
    within = kept_up and complete and odd == 0 and (allowed is None or cores < allowed)
    met = judged(within, options.seconds >= _ASKED_S)
    return [Figure(f"sustained, {options.rate:,.0f} messages/s", goal, value, met, counts)]


async def _watch(running: Rig, load: LoadTest) -> int:
    """The largest number of messages without acknowledgement, looked at once a second."""
    most, before = 0, (await running.ingest())["acknowledged"]
    try:
        while True:
            await asyncio.sleep(1)
            sent = load.sent
            most = max(most, sent - ((await running.ingest())["acknowledged"] - before))
    except asyncio.CancelledError:
        return most


if __name__ == "__main__":
    tell(asyncio.run(measure(load_arguments(__doc__, 600).parse_args())))
