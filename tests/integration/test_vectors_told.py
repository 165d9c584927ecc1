"""Vectors from the broker to the API: published over MQTT with the times of the past to a real service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.chaos import stranger
from tests.acceptance.service_process import ServiceProcess
from tests.integration.vectors import END, HOUR, MONTHS, MORNING, OCTOBER, QUARTER, SITES, later, readings
from tests.servers.mosquitto import mosquitto

Rows = list[dict[str, Any]]

QUESTIONS: dict[str, tuple[str, datetime, datetime, dict[str, str]]] = {
    "c1": ("kpi", MORNING, MORNING + 4 * HOUR, {}),
    "c2": ("kpi", MONTHS[0], END, {}),
    "c2 by month": ("kpi", MONTHS[0], END, {"step": "P1M"}),
    "c3": ("kpi", MORNING, MORNING + 2 * HOUR, {}),
    "c6": ("kpi", MORNING, MORNING + 10 * QUARTER, {"step": "PT15M"}),
    "c6 by meter": ("ledger", MORNING, MORNING + 10 * QUARTER, {}),
    "c7": ("kpi", OCTOBER, END, {}),
}
"""What is asked of the API, by the site that it is asked of: the call, from when to when, and more.

The site that is settled last comes last.
"""

PATIENCE = 300.0


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Rows]]:
    """The rows that answer each of :data:`QUESTIONS`, from one run of the service for all vectors."""
    folder = tmp_path_factory.mktemp("vectors")
    broker = mosquitto(folder)
    broker.start()
    try:
        yield asyncio.run(_told(folder, broker.port))
    finally:
        broker.stop()


async def _told(folder: Path, port: int) -> dict[str, Rows]:
    """Publish everything to a service whose clock stands shortly before the end; wait until it settled."""
    service = ServiceProcess(
        folder,
        {
            "broker": {"url": f"mqtt://127.0.0.1:{port}"},
            "auth": {"anonymous": "viewer"},
            "ingest": {"accepted_lateness": "36500d"},
            "service": {"replay_from": (END - 2 * QUARTER).isoformat()},
            **{f"sites.{site}": tables for site, tables in SITES.items()},
        },
    )
    rows: dict[str, Rows] = {}

    async def settled() -> bool:
        async with httpx.AsyncClient(timeout=20, base_url=service.url) as http:
            for name, (call, start, end, more) in reversed(QUESTIONS.items()):
                span = {"site": name.split()[0], "from": start.isoformat(), "to": end.isoformat()}
                rows[name] = (await http.get(f"/api/v1/{call}", params={**span, **more})).json()["rows"]
                if not rows[name] or any(row["state"] == "open" for row in rows[name]):
                    return False
        return True

    try:
        await service.start()
        await stranger.publish(port, [*readings(), later(minutes=20)])
        await service.until(settled, "did not settle the vectors", PATIENCE)
    finally:
        service.close()
    return rows


def test_c1_from_the_broker_to_the_api(told: dict[str, Rows]) -> None:
    (row,) = told["c1"]
    assert row["ref"] == 0.75  # volumetric
    assert row["hourly_matched"] == row["more"]["cfe_contracted"] == 0.5
    assert row["cfe_score"] == pytest.approx(0.6375)
    assert row["sums"]["ppa_wh"] - row["green_wh"] == 10_000  # the excess, which earns nothing
    assert (row["green_wh"], row["other_wh"], row["unknown_wh"], row["load_wh"]) == (
        20_000,
        20_000,
        0,
        40_000,
    )


def test_c2_from_the_broker_to_the_api(told: dict[str, Rows]) -> None:
    (row,) = told["c2"]
    assert row["pue"] == pytest.approx(1.1622, abs=5e-5)
    months = told["c2 by month"]
    assert [month["edc_wh"] for month in months] == [1_300_000, 600_000, 2_400_000]
    assert [month["eit_wh"] for month in months] == [1_000_000, 500_000, 2_200_000]
    ratios = [month["pue"] for month in months]
    assert sum(ratios) / 3 == pytest.approx(1.1970, abs=5e-5)  # the mean of ratios, which is wrong


def test_c3_from_the_broker_to_the_api(told: dict[str, Rows]) -> None:
    (row,) = told["c3"]
    assert row["sums"]["green_storage_wh"] == row["green_wh"] == 85_000_000
    assert row["sums"]["battery_lost_wh"] == row["other_wh"] == 15_000_000
    assert row["edc_wh"] == row["load_wh"] == 100_000_000
    assert row["hourly_matched"] == 0.85


def test_c6_from_the_broker_to_the_api(told: dict[str, Rows]) -> None:
    rows, figures = told["c6 by meter"], told["c6"]
    first = {row["meter"]: row for row in rows if datetime.fromisoformat(row["start"]) == MORNING}
    assert (first["main-1"]["energy_wh"], first["main-1"]["quality"]) == (20.0, "ok")
    assert "rolled over from 990 to 10" in first["main-1"]["reason"]
    assert (first["ups-a"]["energy_wh"], first["ups-a"]["quality"]) == (10.0, "reset")
    assert "a lower bound" in first["ups-a"]["reason"]
    assert (first["hall-b"]["energy_wh"], first["hall-b"]["quality"]) == (None, "missing")
    assert "not credited" in first["hall-b"]["reason"]
    after = [row for row in rows if row not in first.values()]
    assert len(after) == 9 * len(first)
    assert {(row["energy_wh"], row["quality"], row["reason"]) for row in after} == {(10.0, "ok", None)}
    assert [row["edc_wh"] for row in figures] == [20.0, *[10.0] * 9]
    assert figures[0]["completeness"] < figures[1]["completeness"] == 1.0


def test_c7_from_the_broker_to_the_api(told: dict[str, Rows]) -> None:
    (row,) = told["c7"]
    assert (END - OCTOBER) // QUARTER == 2_980
    assert row["completeness"] == pytest.approx(0.9)
    measured = row["edc_wh"] * (1 - row["estimated"])
    assert measured == pytest.approx(268_200)
    assert row["pue"] == 1.25  # at the floor of completeness a figure is still told
