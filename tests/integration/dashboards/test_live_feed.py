"""The live feed over real sockets: greeting, ticks, alarms, choices, slow readers, strangers, farewell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from alerts.board import AlertState
from dashboards.gate import COOKIE
from dashboards.server import WebServer
from runtime.clock import to_ms
from tests.fakes.board import alert
from tests.fakes.house import NOW, PASSWORD, FakeHouse, serving
from tests.integration.dashboards.conftest import client

PATIENCE_S = 10


def open_socket(server: WebServer, **headers: str) -> connect:
    """A connection to ``/ws`` that sends ``headers``."""
    return connect(server.url.replace("http", "ws") + "/ws", additional_headers=headers)


@pytest.fixture
async def page(fake: FakeHouse, server: WebServer) -> AsyncIterator[ClientConnection]:
    """A socket with a viewer's token."""
    async with open_socket(server, Authorization=f"Bearer {fake.tokens['viewer']}") as socket:
        yield socket


async def next_message(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of ``kind``; others are passed over."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["type"] == kind:
                return message


async def test_hello_then_ticks_with_every_figure(page: ClientConnection) -> None:
    hello = json.loads(await page.recv())
    assert hello["type"] == "hello"
    assert (hello["now"], hello["interval_s"]) == (to_ms(NOW), 0.05)
    assert hello["build"]
    tick = await next_message(page, "tick")
    assert tick["t"] == to_ms(NOW)
    assert tick["values"]["gdansk.power_w"] == {"v": 12e6, "at": to_ms(NOW)}
    for site in ("gdansk", "kaunas", "all"):
        for name in ("power_w", "it_w", "gpu_w", "pue", "green_share", "headroom_w"):
            assert tick["values"][f"{site}.{name}"]["v"] is not None
    unknown = tick["values"]["gdansk.cooling_w"]
    assert (unknown["v"], "cooling" in unknown["why"]) == (None, True)
    assert (await next_message(page, "tick"))["seq"] == tick["seq"] + 1


async def test_the_feed_and_the_api_tell_the_same(
    fake: FakeHouse, server: WebServer, page: ClientConnection
) -> None:
    values = (await next_message(page, "tick"))["values"]
    async with client(server, fake.tokens["viewer"]) as viewer:
        sites = (await viewer.get("/api/v1/live")).json()["sites"]
    assert {key: values[f"{key}.pue"]["v"] for key in sites} == {k: s["pue"] for k, s in sites.items()}


async def test_an_alarm_is_told_when_it_begins_changes_and_ends(
    fake: FakeHouse, page: ClientConnection
) -> None:
    await next_message(page, "tick")
    await next_message(page, "tick")
    new = alert(7, NOW, title="Rack B-17 too hot")
    fake.board.put(new)
    told = await next_message(page, "alarm")
    assert (told["id"], told["rev"], told["state"], told["title"]) == (7, 1, "unacknowledged", new.title)
    assert told["active"] == {"critical": 1, "high": 2, "medium": 0, "low": 0}
    await fake.board.acknowledge(7, who="kim", note=None, rev=1, at=NOW)
    told = await next_message(page, "alarm")
    assert (told["rev"], told["state"], told["unacknowledged"]) == (2, "acknowledged", False)
    fake.board.put(replace(new, state=AlertState.NORMAL, ended=NOW, rev=3))
    told = await next_message(page, "alarm")
    assert (told["state"], told["active"]["high"]) == ("normal", 1)


async def test_ingest_and_loading_are_told(fake: FakeHouse, page: ClientConnection) -> None:
    assert (await next_message(page, "ingest"))["stored_rows"] == 4200
    fake.past.share = 0.4
    assert (await next_message(page, "loading"))["share"] == 0.4
    fake.past.share = None
    while (await next_message(page, "loading"))["share"] != 1.0:
        pass


async def test_a_client_gets_the_topics_that_it_wants(fake: FakeHouse, page: ClientConnection) -> None:
    await next_message(page, "tick")
    await page.send("not even JSON")
    await page.send(b"\x00")
    await page.send(json.dumps({"type": "want", "topics": ["loading", "weather"]}))
    fake.past.share = 0.5
    seen = []
    while seen[-3:] != ["loading"] * 3:
        seen.append(json.loads(await page.recv())["type"])


async def test_another_sites_page_is_refused_even_with_the_cookie(server: WebServer) -> None:
    async with client(server) as person:
        await person.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
        cookie = f"{COOKIE}={person.cookies[COOKIE]}"
    async with open_socket(server, Cookie=cookie, Origin=server.url) as own:
        assert (await next_message(own, "hello"))["interval_s"] == 0.05
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(server, Cookie=cookie, Origin="https://evil.example")
    assert refused.value.response.status_code == 403


async def test_a_stranger_is_refused_without_a_complaint_in_the_log(
    server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with pytest.raises(InvalidStatus) as refused:
            await open_socket(server)
        answer = refused.value.response
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert json.loads(answer.body)["status"] == 401
    await server.stop()
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []


async def test_the_feed_ends_with_the_login(fake: FakeHouse, server: WebServer) -> None:
    async with client(server) as person:
        begun = await person.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
        cookie = f"{COOKIE}={person.cookies[COOKIE]}"
        async with open_socket(server, Cookie=cookie) as socket:
            await next_message(socket, "tick")
            gone = await person.delete("/api/v1/session", headers={"X-CSRF-Token": begun.json()["csrf"]})
            assert gone.status_code == 204
            with pytest.raises(ConnectionClosed):
                await next_message(socket, "bye")  # none comes: nobody is to return


async def test_all_are_told_goodbye_and_may_come_back(fake: FakeHouse) -> None:
    headers = {"Authorization": f"Bearer {fake.tokens['viewer']}"}
    async with serving(fake) as server:
        sockets = [await open_socket(server, **headers) for _ in range(3)]
        await next_message(sockets[0], "tick")
        port = server.port
    for socket in sockets:
        assert 1 <= (await next_message(socket, "bye"))["retry"] <= 4
        with pytest.raises(ConnectionClosed) as closed:
            await next_message(socket, "tick")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    async with serving(fake, port=port) as server, open_socket(server, **headers) as again:
        assert await next_message(again, "tick")


async def test_a_client_that_leaves_is_forgotten(fake: FakeHouse) -> None:
    headers = {"Authorization": f"Bearer {fake.tokens['viewer']}"}
    async with serving(fake) as server, client(server, fake.tokens["viewer"]) as script:

        async def listening(count: int) -> bool:
            return f"\namberwatt_live_feed_clients {count}.0\n" in (await script.get("/metrics")).text

        async with open_socket(server, **headers) as stays:
            async with open_socket(server, **headers) as goes:
                await next_message(goes, "tick")
                assert await listening(2)
            while await listening(2):
                await next_message(stays, "tick")
            assert await listening(1)


async def test_the_same_feed_as_events_for_scripts(fake: FakeHouse, server: WebServer) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    async with (
        client(server, fake.tokens["viewer"]) as script,
        script.stream("GET", "/api/v1/stream") as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        async with asyncio.timeout(PATIENCE_S):
            async for kind, body in parsed(answer):
                events.append((kind, body))
                if kind == "tick":
                    break
    assert events[0][0] == "hello"
    assert events[-1][1]["values"]["all.power_w"]["v"] == 24e6
    assert all(kind == body["type"] for kind, body in events)


async def parsed(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Events of an event stream: name and JSON body."""
    kind = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)
