"""From a publisher's socket through a real broker into journal and store, with each MQTT client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mqttium.api import AsyncClient, PublishMessage

from collectors.connect import open_source
from collectors.decoders.native import NativeDecoder
from collectors.mqtt import MqttCollector
from collectors.source import BrokerOptions
from runtime.clock import SystemClock
from telemetry.status import IngestStatus
from tests.eventually import eventually
from tests.fakes.frames import T0
from tests.servers.process import Server
from tests.unit.telemetry.test_ingest import House, house

NODES = 300
BAD = (("dc/v1/gdansk/meter/main-1", b"{"), ("dc/v1/nowhere", b"{}"), ("dc/v1/gdansk/meter/m", b"{}"))


def node(number: int) -> PublishMessage:
    gpus = [{"i": i, "power_w": 700.5 + i, "util": 98, "energy_j": 1_000 * number + i} for i in range(8)]
    payload = json.dumps({"ts": T0 + number % 3, "seq": 1, "gpus": gpus}).encode()
    return PublishMessage(f"dc/v1/gdansk/a/r1/n{number}/gpu", payload, qos=1)


@asynccontextmanager
async def collecting(broker: Server, client: str, into: House) -> AsyncIterator[None]:
    """A collector at work on ``broker``."""
    table = {"url": f"mqtt://127.0.0.1:{broker.port}", "client": client, "topics": ["dc/v1/#"]}
    source = open_source(BrokerOptions.model_validate(table))
    decoder = NativeDecoder(into.journal.registry)
    task = asyncio.create_task(MqttCollector(source, decoder, into.ingest, SystemClock()).run())

    async def connected() -> bool:
        return source.connected

    await eventually(connected)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def acknowledged(into: House, count: int) -> IngestStatus:
    """The counters once so many messages are acknowledged."""

    async def enough() -> bool:
        return (await into.ingest.status()).acknowledged >= count

    await eventually(enough)
    return await into.status()


@pytest.mark.parametrize("client", ["mqtt5", "mqttium", "aiomqtt"])
async def test_every_row_is_stored_once_and_every_message_accounted_for(
    broker: Server, client: str, tmp_path: Path
) -> None:
    total = NODES + len(BAD) + 1
    async with house(tmp_path) as into, AsyncClient("publisher") as publisher:
        await publisher.connect("127.0.0.1", broker.port)
        async with collecting(broker, client, into):
            receipt = await publisher.publish_many(node(n) for n in range(NODES))
            await receipt.wait()
            for topic, payload in (*BAD, ("dc/v1/gdansk/a/r1/n0/gpu/status", b"offline")):
                await (await publisher.publish(topic, payload, qos=1, retain=True)).wait()
            status = await acknowledged(into, total)
        assert (status.received, status.stored_rows, status.duplicates) == (total, 8 * NODES, 0)
        assert status.rejected == {"undecodable": 1, "topic": 1, "no_known_field": 1}
        assert len(status.samples) == len(BAD)

        # A new connection is told the retained messages again, and a publisher that repeats itself.
        async with collecting(broker, client, into):
            receipt = await publisher.publish_many(node(n) for n in range(NODES))
            await receipt.wait()
            status = await acknowledged(into, 2 * total)
        assert (status.stored_rows, status.duplicates) == (8 * NODES, 8 * NODES)
        offline = [s for s in into.sources.statuses() if s.online is False]
        assert [s.source for s in offline] == ["gdansk/a/r1/n0/gpu"]
