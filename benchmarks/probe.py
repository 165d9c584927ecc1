"""A meter whose every reading is another number, so that a page that shows one tells how old it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.rig import METER, SITE
from benchmarks.viewer import Tick
from runtime.clock import Clock, to_ms
from simulator.frames import remaining_length
from simulator.wire import PacketIds, WireConnection

_FIRST_W = 1_000.0
_PUBLISH_QOS1 = 0x32
_GAUGE = f"{SITE}.grid_w"


@dataclass(frozen=True)
class Sent:
    """A reading of ``power_w`` and when it was sent (of :func:`time.perf_counter`)."""

    power_w: float
    sent_s: float


class Probe:
    """Publishes readings of the site's utility meter every ``period_s`` over a connection of its own."""

    def __init__(self, clock: Clock, period_s: float = 0.237) -> None:
        self.sent: list[Sent] = []
        self._clock, self._period_s = clock, period_s

    async def run(self, port: int) -> None:
        """Connect and publish until cancelled."""
        connection = WireConnection("probe", _heard, _lost)
        await connection.open("127.0.0.1", port)
        try:
            while True:
                self._send(connection)
                await asyncio.sleep(self._period_s)
        finally:
            connection.close()

    def delays(self, ticks: Sequence[Tick]) -> list[float]:
        """Seconds from sending each reading to the first of ``ticks`` that shows it or a newer one."""
        found, tick = [], iter([t for t in ticks if t.values.get(_GAUGE, {}).get("v") is not None])
        current = next(tick, None)
        for reading in self.sent:
            while current is not None and current.values[_GAUGE]["v"] < reading.power_w:
                current = next(tick, None)
            if current is None:
                break
            found.append(current.came_s - reading.sent_s)
        return found

    def _send(self, connection: WireConnection) -> None:
        power_w = _FIRST_W + len(self.sent)
        payload = msgspec.json.encode({"ts": to_ms(self._clock.now()), "power_w": power_w})
        topic = f"dc/v1/{SITE}/meter/{METER}".encode()
        number = (len(self.sent) % 65_535 + 1).to_bytes(2)
        body = len(topic).to_bytes(2) + topic + number + payload
        self.sent.append(Sent(power_w, time.perf_counter()))
        connection.send([bytes([_PUBLISH_QOS1]) + remaining_length(len(body)) + body])


def _heard(ids: PacketIds) -> None:
    """What the broker acknowledges is its own affair: what counts is what the page shows."""


def _lost(why: str) -> None:
    raise ConnectionError(f"the probe lost its connection: {why}")
