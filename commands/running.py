"""Ask the service that runs on a data directory; its files are open in one process only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from dashboards.users import Users
from runtime.clock import SystemClock
from runtime.database import DATABASE_AWAY, Database
from runtime.errors import ServiceError

TOKEN_NAME = "command-line"
PATIENCE = timedelta(minutes=5)
_LINE = "\n"


class Running:
    """The API of the running service, as an operator: whoever may read its database is one."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str) -> bytes:
        """The body of ``GET path``. Raises ServiceError with the service's own words."""
        async with self._session.get(path, params=query) as response:
            return await _body(response)

    async def post(self, path: str, content: Any) -> bytes:
        """The body of ``POST path``. Raises ServiceError with the service's own words."""
        async with self._session.post(path, json=content) as response:
            return await _body(response)

    async def lines(self, path: str, **query: str) -> AsyncGenerator[bytes, None]:
        """The lines of ``GET path`` as they come. Raises ServiceError, also when they break off."""
        async with self._session.get(path, params=query) as response:
            if response.status >= 400:
                await _body(response)
            try:
                async for line in response.content:
                    yield line
            except aiohttp.ClientPayloadError:
                raise ServiceError("the service broke its answer off; its log tells why") from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = await response.read()
    if response.status >= 400:
        told = await response.json(content_type=None) if body.startswith(b"{") else {}
        raise ServiceError(told.get("detail") or f"the service answered {response.status}")
    return body


@asynccontextmanager
async def running(data_dir: Path, database_url: str) -> AsyncIterator[Running | None]:
    """The service on ``data_dir``, or None when none runs. Its token lives as long as the block."""
    address = data_dir / "address"
    if not address.exists():
        yield None
        return
    database = Database(database_url)
    users = Users(database, SystemClock())
    try:
        token = await users.token_create("operator", TOKEN_NAME)
    except DATABASE_AWAY as error:
        await database.close()
        raise ServiceError(f"the database cannot be asked: {str(error).partition(_LINE)[0]}") from None
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=PATIENCE.total_seconds())
    try:
        url = address.read_text(encoding="utf-8").strip()
        async with aiohttp.ClientSession(url, headers=headers, timeout=timeout) as session:
            yield Running(session) if await _alive(session) else None
    finally:
        await users.token_revoke(token.split("_")[1])
        await database.close()


async def _alive(session: aiohttp.ClientSession) -> bool:
    """A service that was killed leaves its address behind."""
    try:
        async with session.get("/healthz") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False
