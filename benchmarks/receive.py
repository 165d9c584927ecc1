"""CPU and rate of each MQTT client, from socket to PUBACK: ``python -m benchmarks.receive [MESSAGES]``.

A mosquitto on loopback holds a backlog for a persistent session, which each client then drains; messages
are acknowledged batch by batch, as after a commit that costs nothing.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from mqttium.api import AsyncClient, PublishMessage

from benchmarks.decode import FORMS
from collectors.connect import open_source
from collectors.source import BrokerOptions
from tests.servers.mosquitto import mosquitto

TOPIC, PAYLOAD = FORMS["8 GPUs, JSON objects"]


async def _drain(options: BrokerOptions, count: int) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and the largest batch of receiving and acknowledging ``count`` messages."""
    source = open_source(options)
    task = asyncio.create_task(source.run())
    wall, cpu, seen, largest = perf_counter(), process_time(), 0, 0
    while seen < count:
        messages = await source.receive()
        await source.acknowledge(messages)
        seen += len(messages)
        largest = max(largest, len(messages))
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
    """Print one line per client."""
    with tempfile.TemporaryDirectory() as folder:
        broker = mosquitto(Path(folder), "max_queued_messages 0")
        broker.start()
        for client in ("mqtt5", "mqttium", "aiomqtt"):
            table = {"url": f"mqtt://127.0.0.1:{broker.port}", "client": client, "client_id": client}
            options = BrokerOptions.model_validate(table)
            await _leave_session(options)
            await _fill(broker.port, count)
            wall, cpu, largest = await _drain(options, count)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            sys.stdout.write(
                f"{client:8} {count / wall:8.0f} messages/s {cpu / count * 1e6:6.1f} µs CPU each,"
                f" largest batch {largest}, peak {memory} MB so far\n"
            )
        broker.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000))
