"""Readings that a broker lost leave no hole in the energy: the registers before and after them tell it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from runtime.clock import SystemClock, to_ms
from tests.acceptance.chaos import stranger
from tests.acceptance.chaos.scene import scene
from tests.acceptance.chaos.stranger import Sent
from tests.servers.mosquitto import mosquitto

SITE = {
    "name": "Gdańsk",
    "zone": "Europe/Warsaw",
    "grid": "PL",
    "meter": [
        {"id": "main-1", "role": "utility"},
        {"id": "ups-a", "role": "it", "category": "pue1", "parent": "main-1"},
    ],
}
MINUTE_WH = 7_000
HOURS = 3
QUARTERS = 4 * HOURS


def readings(start: datetime, first: int, last: int) -> list[Sent]:
    """The meter's register at each minute of [first, last)."""
    begin = to_ms(start)
    return [
        (
            "dc/v1/gdansk/meter/main-1",
            b'{"ts":%d,"power_w":%d,"energy_wh":%d}' % (begin + n * 60_000, MINUTE_WH * 60, n * MINUTE_WH),
        )
        for n in range(first, last)
    ]


async def test_energy_is_whole_although_a_killed_broker_lost_the_readings(tmp_path: Path) -> None:
    now = SystemClock().now()
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    tables: dict[str, Any] = {"sites.gdansk": SITE, "service": {"replay_from": start.isoformat()}}
    broker = mosquitto(tmp_path, "max_inflight_messages 5")
    async with scene(tmp_path, broker, broker={"receive_maximum": 5}, **tables) as here:
        port = here.broker.port
        sent = await stranger.publish(port, readings(start, 0, 60))
        await here.until(lambda told: told["stored_rows"] >= sent, "did not store the first hour")
        before = here.connections
        with here.frozen():
            sent += await stranger.publish(port, readings(start, 60, 110))
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
        await here.reconnected(before)
        sent += await stranger.publish(port, readings(start, 110, (HOURS + 1) * 60))
        rows: list[dict[str, Any]] = []

        async def settled() -> bool:
            end = start + timedelta(hours=HOURS)
            asked = {"site": "gdansk", "meter": "main-1", "from": start.isoformat(), "to": end.isoformat()}
            async with httpx.AsyncClient(timeout=20) as http:
                answer = await http.get(f"{here.service.url}/api/v1/ledger", params=asked)
            rows[:] = answer.json()["rows"]
            return len(rows) == QUARTERS

        await here.service.until(settled, f"did not settle {QUARTERS} quarters")
        told = await here.ingest()
    assert told["stored_rows"] < sent, "the broker lost nothing"
    assert told["session_gaps"] >= 1
    assert all(row["energy_wh"] is not None for row in rows), rows
    assert sum(row["energy_wh"] for row in rows) == HOURS * 60 * MINUTE_WH
    assert {row["quality"] for row in rows} > {rows[0]["quality"]}, "nobody can see that some is estimated"
