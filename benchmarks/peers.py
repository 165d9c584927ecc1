"""The same messages by other ways: what each holds, what it costs, and what is lost when it is killed.

Every peer gets a fresh mosquitto and InfluxDB (Debian's 1.6.7), ``--seconds`` of load to measure it by, then
as much again, in the middle of which it is killed (SIGKILL) and started at once. What was sent and is not in
the store when no more comes is lost; each message has a time of its own, so that none can hide another.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.behind import GPUS
from benchmarks.figure import Figure, load_arguments, tell
from benchmarks.peer import DATABASE, Amberwatt, Peer, Place, peers
from benchmarks.rig import SITE
from runtime.clock import SystemClock
from simulator.loadtest import LoadOptions, LoadTest
from tests.servers.influxdb import influxdb
from tests.servers.mosquitto import mosquitto

_LOOK_S = 0.5
_STILL = 20
"""Looks without any new row after which no more is expected."""

_LATE_S = 3.0
"""Who has stored all so soon after the last was sent held the rate: some flush once a second."""

_PATIENCE_S = 60


@dataclass(frozen=True)
class Held:
    """Messages a second that were stored, and microseconds of CPU for each."""

    rate: float
    cpu_us: float


async def measure(options: argparse.Namespace) -> list[Figure]:
    """A figure for each peer that can be had."""
    return [await compare(kind, options) for kind in peers()]


async def compare(kind: type[Peer], options: argparse.Namespace) -> Figure:
    """Load, kill and count one peer."""
    async with place() as here:
        peer = kind(here)
        peer.start()
        try:
            sent = await _first_rows(peer, options)
            held = await _steady(peer, options, sent)
            sent = round(sent + options.rate * options.seconds)
            sent += await _killed(peer, options)
            rows = await _settled(peer, sent * GPUS)
        finally:
            peer.kill()
    lost = sent - rows // GPUS
    value = (
        f"{held.rate:,.0f} messages/s of {options.rate:,.0f}, {held.cpu_us:.0f} µs CPU a "
        f"message, {lost:,} of {sent:,} lost after a SIGKILL"
    )
    ours = issubclass(kind, Amberwatt)
    counts = {"sent": sent, "lost": lost}
    return Figure(kind.name, "none lost" if ours else "a peer", value, lost == 0 if ours else None, counts)


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """Fresh servers, and a database in InfluxDB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        here = Place(folder, mosquitto(folder), influxdb(folder))
        here.broker.start()
        try:
            here.influx.start()
            await asyncio.to_thread(here.ask, f"CREATE DATABASE {DATABASE}")
            yield here
        finally:
            here.influx.stop()
            here.broker.stop()


async def _first_rows(peer: Peer, options: argparse.Namespace) -> int:
    """Send a few messages at a time until some are stored, then wait for the last; how many got through.

    Nobody keeps what is sent before the peer has subscribed.
    """
    deadline = time.perf_counter() + _PATIENCE_S
    while not (before := await asyncio.to_thread(peer.rows)):
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{peer.name} stored nothing: {_tail(peer)}")
        await _load(peer, options, 0.2).run()
        await asyncio.sleep(_LOOK_S)
    return await _settled(peer, before + 1) // GPUS


async def _steady(peer: Peer, options: argparse.Namespace, sent: int) -> Held:
    cpu_s, began = peer.cpu_s(), time.perf_counter()
    result = await _load(peer, options, options.seconds).run()
    rows = await _settled(peer, (sent + result.sent) * GPUS)
    stored = rows // GPUS - sent
    cost_us = 1e6 * (peer.cpu_s() - cpu_s) / stored
    if stored == result.sent and time.perf_counter() - began < result.seconds + _LATE_S:
        return Held(result.rate, cost_us)
    quiet_s = 0.0 if stored == result.sent else _STILL * _LOOK_S
    return Held(stored / (time.perf_counter() - began - quiet_s), cost_us)


async def _killed(peer: Peer, options: argparse.Namespace) -> int:
    """Messages sent while the peer was killed and started again."""
    loading = asyncio.create_task(_load(peer, options, options.seconds).run())
    await asyncio.sleep(options.seconds / 2)
    peer.kill()
    peer.start()
    return (await loading).sent


async def _settled(peer: Peer, expected: int) -> int:
    """Rows stored once they are ``expected``, or once no more come."""
    rows, still = 0, 0
    while rows < expected and still < _STILL:
        await asyncio.sleep(_LOOK_S)
        found = await asyncio.to_thread(peer.rows)
        # One that is still starting after a kill has shown nothing new yet.
        still = still + 1 if found == rows else 0
        rows = found
    return rows


def _load(peer: Peer, options: argparse.Namespace, seconds: float) -> LoadTest:
    chosen = LoadOptions(
        port=peer.place.broker.port,
        nodes=options.nodes,
        rate=options.rate,
        seconds=seconds,
        connections=options.connections,
        site=SITE,
    )
    return LoadTest(chosen, SystemClock())


def _tail(peer: Peer) -> str:
    return (peer.place.folder / "peer.log").read_text(errors="replace")[-2_000:]


if __name__ == "__main__":
    parser = load_arguments(__doc__, 30)
    parser.set_defaults(nodes=1_000, rate=2_000, connections=10)
    tell(asyncio.run(measure(parser.parse_args())))
