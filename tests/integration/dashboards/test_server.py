"""The server inside our own loop: ports, signals, a quick and graceful end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dashboards.server import WebServer
from runtime.errors import ServiceError
from tests.fakes.house import FakeHouse, serving
from tests.integration.dashboards.conftest import client


async def test_it_reports_the_free_port_that_it_took(fake: FakeHouse) -> None:
    async with serving(fake) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.port > 0
        async with client(server) as stranger:
            assert (await stranger.get("/healthz")).status_code == 200


@pytest.mark.parametrize("listen", ["192.0.2.1:80", "nowhere:http", "127.0.0.1:99999"])
async def test_an_address_that_cannot_be_had_is_named(fake: FakeHouse, listen: str) -> None:
    with pytest.raises(ServiceError, match=f"listen = '{listen}' cannot be listened on"):
        await WebServer(fake.app(), listen).start()


async def test_a_port_in_use_is_named(fake: FakeHouse) -> None:
    async with serving(fake) as server:
        with pytest.raises(ServiceError, match="choose another address or port"):
            await WebServer(fake.app(), f"127.0.0.1:{server.port}").start()


async def test_the_signals_stay_with_the_service(fake: FakeHouse) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with serving(fake):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_it_ends_although_a_script_follows_the_feed(fake: FakeHouse) -> None:
    async with (
        asyncio.timeout(20),
        serving(fake) as server,
        client(server, fake.tokens["viewer"]) as script,
        script.stream("GET", "/api/v1/stream") as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == "event: hello"
        await server.stop()
        left = [line async for line in lines]
    assert "event: bye" in left


async def test_stopping_twice_or_before_the_start_is_harmless(fake: FakeHouse) -> None:
    server = WebServer(fake.app(), "127.0.0.1:0")
    await server.stop()
    await server.start()
    await server.stop()
    await server.stop()


async def test_an_application_that_cannot_start_says_so(fake: FakeHouse) -> None:
    app = fake.app()

    @asynccontextmanager
    async def broken(_app: object) -> AsyncIterator[None]:
        raise RuntimeError("the disk is gone")
        yield

    app.router.lifespan_context = broken  # type: ignore[assignment]
    with pytest.raises(ServiceError, match="did not start"):
        await WebServer(app, "127.0.0.1:0").start()
