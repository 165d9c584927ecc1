"""A served house: one per module for what only reads, one per test for what changes something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from dashboards.server import WebServer
from tests.fakes.house import FakeHouse, furnished, serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeHouse]:
    """A furnished house that nobody may change."""
    async with furnished(tmp_path_factory.mktemp("house")) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server(shared: FakeHouse) -> AsyncIterator[WebServer]:
    """It, served."""
    async with serving(shared) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(shared: FakeHouse, shared_server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    """A viewer's program that talks to it."""
    async with client(shared_server, shared.tokens["viewer"]) as found:
        yield found


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHouse]:
    """A furnished house of one's own."""
    async with furnished(tmp_path) as house:
        yield house


@pytest.fixture
async def server(fake: FakeHouse) -> AsyncIterator[WebServer]:
    """It, served."""
    async with serving(fake) as running:
        yield running


def client(server: WebServer, token: str | None = None) -> httpx.AsyncClient:
    """An HTTP client of ``server``, with a bearer token or as a stranger."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=server.url, headers=headers)
