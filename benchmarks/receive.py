"""CPU and rate of each MQTT client, from socket to PUBACK: ``python -m benchmarks.receive [MESSAGES]``.

A mosquitto on loopback holds a backlog for a persistent session, which each client then drains. Messages are
acknowledged batch by batch, as after a commit that costs nothing, or in lots, as after a commit that takes
its time.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
from itertools import product
from pathlib import Path
from time import perf_counter, process_time

from mqttium.api import AsyncClient, PublishMessage

from benchmarks.decode import FORMS
from collectors.connect import open_source
from collectors.source import BrokerOptions, Message
from tests.servers.mosquitto import mosquitto

TOPIC, PAYLOAD = FORMS["8 GPUs, JSON objects"]


LOTS = (1, 2_500)
"""Messages at least that are acknowledged together."""


async def _drain(options: BrokerOptions, count: int, lot: int) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and the largest batch of receiving and acknowledging ``count`` messages."""
    source = open_source(options)
    task = asyncio.create_task(source.run())
    wall, cpu, seen, largest = perf_counter(), process_time(), 0, 0
    held: list[Message] = []
    while seen < count:
        messages = await source.receive()
        held += messages
        seen += len(messages)
        largest = max(largest, len(messages))
        if len(held) >= lot or seen >= count:
            await source.acknowledge(held)
            held = []
    spent = perf_counter() - wall, process_time() - cpu, largest
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return spent


async def _leave_session(options: BrokerOptions) -> None:
    source = open_source(options)
    task = asyncio.create_task(source.run())
    while not source.connected:  # noqa: ASYNC110 - the port has no event for it
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _fill(port: int, count: int) -> None:
    async with AsyncClient("filler", max_outbound_inflight=1_000) as client:
        await client.connect("127.0.0.1", port)
        receipt = await client.publish_many(
            PublishMessage(TOPIC % (n % 12_500), PAYLOAD, qos=1) for n in range(count)
        )
        await receipt.wait()


async def main(count: int) -> None:
    """Print one line per client and size of lots."""
    with tempfile.TemporaryDirectory() as folder:
        broker = mosquitto(Path(folder), "max_queued_messages 0")
        broker.start()
        for client, lot in product(("mqtt5", "mqttium", "aiomqtt"), LOTS):
            table = {"url": f"mqtt://127.0.0.1:{broker.port}", "client": client, "client_id": client}
            options = BrokerOptions.model_validate(table)
            await _leave_session(options)
            await _fill(broker.port, count)
            wall, cpu, largest = await _drain(options, count, lot)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            sys.stdout.write(
                f"{client:8} lots of {lot:5} {count / wall:8.0f} messages/s"
                f" {cpu / count * 1e6:6.1f} µs CPU each, largest batch {largest}, peak {memory} MB so far\n"
            )
        broker.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000))
