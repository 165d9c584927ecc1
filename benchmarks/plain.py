"""The plain way from MQTT to InfluxDB in Python: aiomqtt, ``json``, influxdb-client's ``Point``, batches.

A peer to compare with, written as its libraries' documents show it, and with a persistent session. Points go
to ``/write``: Debian's InfluxDB 1.6 has no ``/api/v2/write``, which influxdb-client's own writer needs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
import aiomqtt
from influxdb_client import Point  # type: ignore[attr-defined]
from influxdb_client.domain.write_precision import WritePrecision

BATCH_POINTS = 5_000
FLUSH_S = 1.0


async def collect(broker_port: int, influx_port: int) -> None:
    """Store what arrives until killed."""
    waiting: list[Point] = []
    full = asyncio.Event()
    client = aiomqtt.Client("127.0.0.1", broker_port, identifier="plain", clean_session=False)
    async with client, aiohttp.ClientSession(f"http://127.0.0.1:{influx_port}") as session:
        await client.subscribe("dc/v1/#", qos=1)
        flushing = asyncio.create_task(_flush(session, waiting, full))
        async for message in client.messages:
            waiting += points(message.topic.value, message.payload)
            if len(waiting) >= BATCH_POINTS:
                full.set()
        await flushing


def points(topic: str, payload: object) -> list[Point]:
    """A point for each GPU of a node's message."""
    assert isinstance(payload, bytes)
    _, _, site, hall, rack, node, _ = topic.split("/")
    told = json.loads(payload)
    found = []
    for gpu in told["gpus"]:
        point: Any = Point("gpu")  # type: ignore[no-untyped-call]
        for label, value in (
            ("site", site),
            ("hall", hall),
            ("rack", rack),
            ("node", node),
            ("gpu", gpu["i"]),
        ):
            point.tag(label, str(value))
        point.time(told["ts"], WritePrecision.MS)
        for name, value in gpu.items():
            if name != "i":
                point.field(name, float(value))
        found.append(point)
    return found


async def _flush(session: aiohttp.ClientSession, waiting: list[Point], full: asyncio.Event) -> None:
    while True:
        try:
            async with asyncio.timeout(FLUSH_S):
                await full.wait()
        except TimeoutError:
            pass
        full.clear()
        batch, waiting[:] = waiting[:], []
        if batch:
            lines = "\n".join(map(Point.to_line_protocol, batch))
            async with session.post("/write?db=peers&precision=ms", data=lines) as answer:
                answer.raise_for_status()


if __name__ == "__main__":
    asyncio.run(collect(int(sys.argv[1]), int(sys.argv[2])))
