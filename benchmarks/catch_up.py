"""How fast an outage is made good while live traffic goes on: times real time.

Of the store: the journal of a stopped service is filled with what would have come meanwhile; then the service
starts, the load goes on, and the store follows both. Of the service (``--where broker``): it is stopped while
the load goes on, so that the broker keeps all of it; then it starts and takes both. The time counts from the
start of the process; the load goes on as soon as that is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass

from benchmarks.behind import GPUS, fall_behind
from benchmarks.figure import Figure, judged, load_arguments, tell
from benchmarks.rig import Place, Rig, broker_alone, serving
from simulator.loadtest import LoadTest

GOAL = 3.0
_ASKED_S = 600
_LAG_S = 1.0
"""Behind by less than this is what a store in good order is: it writes several times a second."""

_QUEUE = "max_queued_messages 0"
"""The broker keeps whatever comes while the service is away; 600 s take 8 GB of memory."""

_WHAT = {
    "journal": "catch-up after an outage of the store, from the journal",
    "broker": "catch-up after an outage of the service, from the broker's queue",
}


@dataclass(frozen=True)
class Backlog:
    """What came during the outage, how much of it its publishers know to have arrived, and earlier rows."""

    messages: int
    acknowledged: int
    rows: int
    before: int = 0

    @property
    def expected(self) -> int:
        """Rows that must be stored once it is made good."""
        return self.before + self.rows


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Catch up with ``options.outage`` seconds of ``options.rate``."""
    async with broker_alone(_QUEUE) as place:
        fill = _in_broker if options.where == "broker" else _in_journal
        backlog = await fill(options, place)
        began = time.perf_counter()
        async with serving(options, place) as running:
            left = backlog.expected - (await running.ingest())["stored_rows"]
            running.rows = backlog.expected
            load = running.load(options.outage)
            loading = asyncio.create_task(load.run())
            await _level(running, load, running.rows, options.rate)
            took_s = time.perf_counter() - began
            load.finish()
            result = await loading
            await running.until_stored(result)
            counts = await running.counts(result)
    speed = options.outage / took_s
    left_s = left / GPUS / options.rate
    value = (
        f"{speed:.1f} times real time: {options.outage:.0f} s of {options.rate:,.0f} messages/s were made "
        f"good in {took_s:.0f} s, the last {left_s:.0f} s of them with {result.rate:,.0f} messages/s live"
    )
    counts["sent"] += backlog.messages
    counts["acknowledged"] += backlog.acknowledged
    met = judged(speed >= GOAL, options.outage >= _ASKED_S)
    return [Figure(_WHAT[options.where], f"{GOAL:g} times real time, live traffic on", value, met, counts)]


async def _in_journal(options: argparse.Namespace, place: Place) -> Backlog:
    data_dir = place[0] / "data"
    data_dir.mkdir()
    behind = await fall_behind(data_dir, options.nodes, options.rate, options.outage)
    return Backlog(behind.messages, behind.messages, behind.rows)


async def _in_broker(options: argparse.Namespace, place: Place) -> Backlog:
    """The load of the outage, sent while a service that had a session is away."""
    async with serving(options, place) as running:
        await running.warm_up()
        load, before = running.load(options.outage), running.rows

        async def all_acknowledged() -> bool:
            return bool((await running.ingest())["acknowledged"] == before // GPUS)

        await running.service.until(all_acknowledged, "did not acknowledge what warmed it up")
    result = await load.run()  # the service is gone, its session is not
    return Backlog(result.sent, result.acknowledged, result.rows, before)


async def _level(running: Rig, load: LoadTest, behind: int, rate: float) -> None:
    """Return once the store is no further behind the load than it always is."""

    async def level() -> bool:
        missing = behind + load.sent * GPUS - (await running.ingest())["stored_rows"]
        return bool(load.sent and missing < _LAG_S * rate * GPUS)

    await running.service.until(level, "did not catch up", 1_800)


if __name__ == "__main__":
    parser = load_arguments(__doc__, 0)
    parser.add_argument("--outage", type=float, default=600, help="how many seconds it lasted")
    parser.add_argument("--where", choices=sorted(_WHAT), default="journal", help="what kept the messages")
    tell(asyncio.run(measure(parser.parse_args())))
