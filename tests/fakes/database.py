"""A database that can be away as PostgreSQL is while it restarts: nobody listens, so connecting fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.database import Database
from tests.servers.process import free_port


class RestartingDatabase(Database):
    """A :class:`runtime.database.Database`; while ``away``, its connections are refused (a plain OSError)."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.away = False
        self.refused = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """As the real one, or ConnectionRefusedError."""
        await self._connect()
        async with super().begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """As the real one, or ConnectionRefusedError."""
        await self._connect()
        async with super().read() as connection:
            yield connection

    async def _connect(self) -> None:
        if self.away:
            self.refused += 1
            await asyncio.open_connection("127.0.0.1", free_port())
