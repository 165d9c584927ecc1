"""The side door of a process without pages, and how pages tell of all processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from dashboards.house import House, Side
from dashboards.panels.system import system_page
from dashboards.side import create_side_app
from dashboards.view import View
from tests.fakes.background import processes
from tests.fakes.day import AT, day_house
from tests.fakes.house import NOW, FakeHouse, furnished


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHouse]:
    async with furnished(tmp_path) as found:
        yield found


def side(fake: FakeHouse) -> Side:
    """A process that takes in."""
    house = fake.house
    return Side(house.users, house.auth, house.hosts, house.readiness, "0.1.0", house.ingest, processes(NOW))


def asking(side: Side, secret: str | None = None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    transport = httpx.ASGITransport(app=create_side_app(side))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


async def test_health_needs_no_login_and_counters_do(fake: FakeHouse) -> None:
    async with asking(side(fake)) as stranger:
        assert (await stranger.get("/healthz")).json() == {"status": "ok"}
        assert (await stranger.get("/readyz")).status_code == 200
        for path in ("/metrics", "/api/v1/ingest"):
            assert (await stranger.get(path)).status_code == 401
    async with asking(side(fake), fake.tokens["viewer"]) as viewer:
        assert (await viewer.get("/api/v1/ingest")).json()["received"] == 1_000
        metrics = (await viewer.get("/metrics")).text
        assert "amberwatt_messages_received_total 1000.0" in metrics
        assert 'amberwatt_process_sign_age_seconds{process="ingest/rest",role="ingest"} 95.0' in metrics
        assert (await viewer.get("/")).status_code == 404


async def test_what_is_not_ready_is_told(fake: FakeHouse) -> None:
    fake.readiness.found = ["broker: not connected yet"]
    async with asking(side(fake)) as stranger:
        answer = await stranger.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["broker: not connected yet"])


async def test_a_process_that_takes_nothing_in_says_whom_to_ask(fake: FakeHouse) -> None:
    async with asking(replace(side(fake), ingest=None), fake.tokens["viewer"]) as viewer:
        answer = await viewer.get("/api/v1/ingest")
        assert answer.status_code == 404
        assert "ask an ingest process" in answer.json()["detail"]
        assert "amberwatt_build" in (await viewer.get("/metrics")).text


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with day_house(tmp_path) as fake:
        yield fake.house


async def test_system_lists_processes_only_where_there_are_several(house: House) -> None:
    page = await system_page(house, View(), AT)
    assert [(one.name, one.silent) for one in page.processes][:2] == [
        ("ingest/hall-a", False),
        ("ingest/rest", True),
    ]
    assert (await system_page(replace(house, processes=None), View(), AT)).processes == ()
