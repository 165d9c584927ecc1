"""The completeness ledger of the real service: over a broker and a kill it counts what the ingest counts."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mqttium.api import AsyncClient, PublishMessage

from runtime.clock import SystemClock, to_ms
from tests.acceptance.client import Client, token
from tests.acceptance.service_process import ServiceProcess
from tests.servers.process import Server

MINUTE = 60_000
NODES = 3


def tables(port: int) -> dict[str, Any]:
    meters = [
        {"id": "main-1", "role": "utility", "period": "1m"},
        {"id": "ups-a", "role": "it", "category": "pue1", "parent": "main-1", "period": "1m"},
    ]
    return {
        "broker": {"url": f"mqtt://127.0.0.1:{port}"},
        "store": [{"type": "duckdb"}],
        "ingest": {"cadence": [{"topics": "dc/v1/gdansk/+/+/+/gpu", "every": "1m"}]},
        "sites.gdansk": {"name": "Gdańsk", "zone": "Europe/Warsaw", "grid": "PL", "meter": meters},
    }


def node(number: int, at_ms: int) -> PublishMessage:
    told = {"ts": at_ms, "seq": at_ms // MINUTE, "gpus": [{"i": i, "power_w": 700} for i in range(8)]}
    return PublishMessage(f"dc/v1/gdansk/a/r1/n{number}/gpu", json.dumps(told).encode(), qos=1)


def other(topic: str, payload: bytes) -> PublishMessage:
    return PublishMessage(f"dc/v1/{topic}", payload, qos=1)


async def publish(port: int, messages: list[PublishMessage]) -> None:
    async with AsyncClient("publisher") as publisher:
        await publisher.connect("127.0.0.1", port)
        await (await publisher.publish_many(messages)).wait()


def sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the rows of all sources and hours add up to, as ``/api/v1/ingest`` names it."""
    rejected: Counter[str] = Counter()
    for row in rows:
        rejected.update(row["rejected_by"])
    added = {name: sum(row[name] for row in rows) for name in ("received", "missed", "unstamped", "late")}
    return {**added, "duplicates": sum(row["duplicate"] for row in rows), "rejected": dict(rejected)}


async def agreed(service: ServiceProcess, client: Client, received: int) -> list[dict[str, Any]]:
    """The rows of the ledger, once so many messages are in and it counts what the ingest counts."""

    async def same() -> list[dict[str, Any]] | None:
        told = client.ingest()
        rows: list[dict[str, Any]] = client.get("/api/v1/completeness", from_="now-6h")["rows"]
        found = sums(rows)
        enough = told["received"] == received
        return rows if enough and found == {name: told[name] for name in found} else None

    return await service.until(same, "did not count by source what it counted in all")


async def test_every_message_is_in_the_account_of_its_source_and_hour(broker: Server, tmp_path: Path) -> None:
    now = to_ms(SystemClock().now()) // MINUTE * MINUTE
    minutes = [now - back * MINUTE for back in range(150, 0, -1)]
    whole = [node(n, at) for at in minutes for n in range(NODES)]
    lossy = [message for k, message in enumerate(whole) if not (k % NODES == 2 and 60 <= k // NODES < 70)]
    odd = [
        other("gdansk/meter/main-1", b"?"),
        other("gdansk/meter/main-1", b'{"power_w":5}'),
        other("gdansk/meter/main-1", b'{"ts":%d,"power_w":9e12}' % now),
        other("berlin/meter/main-1", b'{"ts":%d,"power_w":1}' % now),
        other("nowhere", b"{}"),
        other("gdansk/a/r1/n0/gpu/status", b"online"),
    ]
    service = ServiceProcess(tmp_path, tables(broker.port))
    await service.start()
    client = Client(service, token(service, "viewer"))
    try:
        await publish(broker.port, lossy + odd)
        await agreed(service, client, len(lossy + odd))
        service.kill()
        await service.start()
        await publish(broker.port, [*whole[-30:], node(0, minutes[0] - MINUTE // 2)])
        rows = await agreed(service, client, len(lossy + odd) + 31)
    finally:
        client.close()
        service.kill()
    mine = [row for row in rows if row["source"] == "gdansk/a/r1/n2/gpu"]
    assert sum(row["missed"] for row in mine) == 10
    assert sum(row["missing"] for row in mine) == 10
    assert sum(row["duplicate"] for row in mine) == 8 * 10
    start = datetime.fromisoformat(mine[1]["hour"])
    assert (mine[1]["expected"], mine[2]["expected"]) == (60, 60) if len(mine) > 3 else (60, None)
    assert start - datetime.fromisoformat(mine[0]["hour"]) == timedelta(hours=1)
    whole_one = [row for row in rows if row["source"] == "gdansk/a/r1/n1/gpu"]
    assert sum(row["missing"] for row in whole_one) == 0
