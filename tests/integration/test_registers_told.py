"""Vector C6 from the broker to the API: a register that goes backwards, by the policy of its meter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from runtime.clock import SystemClock, to_ms
from tests.acceptance.chaos import stranger
from tests.acceptance.service_process import ServiceProcess
from tests.servers.mosquitto import mosquitto

SITE = {
    "name": "Gdańsk",
    "zone": "Europe/Warsaw",
    "grid": "PL",
    "meter": [
        {"id": "main-1", "role": "utility", "modulus_wh": 1000.0},
        {"id": "ups-a", "role": "it", "category": "pue1"},
        {"id": "hall-b", "role": "other", "on_decrease": "unknown"},
    ],
}
QUARTER = timedelta(minutes=15)
COUNTS = [990, *range(10, 110, 10)]
"""Every meter tells 990, then 10, 20, 30 ... a quarter-hour apart."""


def readings(start: datetime) -> list[tuple[str, bytes]]:
    """The counts of all meters, in the order of time."""
    return [
        (f"dc/v1/gdansk/meter/{meter['id']}", b'{"ts":%d,"energy_wh":%d}' % (to_ms(start + n * QUARTER), wh))
        for n, wh in enumerate(COUNTS)
        for meter in SITE["meter"]
    ]


async def test_c6_from_the_broker_to_the_api(tmp_path: Path) -> None:
    hour = SystemClock().now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start = hour - timedelta(days=2)
    broker = mosquitto(tmp_path)
    broker.start()
    service = ServiceProcess(
        tmp_path,
        {
            "broker": {"url": f"mqtt://127.0.0.1:{broker.port}"},
            "auth": {"anonymous": "viewer"},
            "sites.gdansk": SITE,
            "service": {"replay_from": start.isoformat()},
        },
    )
    span = {"site": "gdansk", "from": start.isoformat(), "to": (start + 8 * QUARTER).isoformat()}
    rows: list[dict[str, Any]] = []

    async def told(path: str, **more: str) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(timeout=20) as http:
            answer = await http.get(f"{service.url}{path}", params={**span, **more})
        found: list[dict[str, Any]] = answer.json()["rows"]
        return found

    async def settled() -> bool:
        rows[:] = await told("/api/v1/ledger")
        return len(rows) == 8 * len(SITE["meter"]) and {row["meter"] for row in rows[:8]} == {"hall-b"}

    try:
        await service.start()
        await stranger.publish(broker.port, readings(start))
        await service.until(settled, "did not settle eight quarters of three meters")
        figures = await told("/api/v1/kpi", step="PT15M")
    finally:
        service.close()
        broker.stop()
    first = {row["meter"]: row for row in rows if datetime.fromisoformat(row["start"]) == start}
    assert (first["main-1"]["energy_wh"], first["main-1"]["quality"]) == (20.0, "ok")
    assert "rolled over from 990 to 10" in first["main-1"]["reason"]
    assert (first["ups-a"]["energy_wh"], first["ups-a"]["quality"]) == (10.0, "reset")
    assert "a lower bound" in first["ups-a"]["reason"]
    assert (first["hall-b"]["energy_wh"], first["hall-b"]["quality"]) == (None, "missing")
    assert "not credited" in first["hall-b"]["reason"]
    later = [row for row in rows if row not in first.values()]
    assert {(row["energy_wh"], row["quality"], row["reason"]) for row in later} == {(10.0, "ok", None)}
    assert [row["edc_wh"] for row in figures] == [20.0, *[10.0] * 7]
    assert figures[0]["completeness"] < figures[1]["completeness"] == 1.0
