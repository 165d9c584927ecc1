"""Whether a server stayed the same process between two writes, as far as its connections tell."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp

KEPT_S = 600.0
"""Seconds for which an idle connection is kept: longer than servers do, so that it is they who end it."""


class Steadiness:
    """Listens to an HTTP session that has one connection at a time.

    A server that is killed and comes back at once may never fail to answer: all that shows of it is that its
    connection had to be made anew. One that announces the end of a connection has not died of it, and what
    was sent ``memory_s`` seconds ago is on its disk, so that a connection may end unheeded after that.
    """

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self._heard_s: float | None = None
        self._announced = False
        self._broken = False
        self._listener = aiohttp.TraceConfig()
        self._listener.on_connection_create_end.append(self._connected)
        self._listener.on_request_end.append(self._answered)

    def session(self, **options: Any) -> aiohttp.ClientSession:
        """A session that it listens to; ``options`` are those of :class:`aiohttp.ClientSession`."""
        connector = aiohttp.TCPConnector(keepalive_timeout=KEPT_S)
        return aiohttp.ClientSession(**options | {"connector": connector, "trace_configs": [self._listener]})

    def broke(self) -> bool:
        """Whether a connection ended unannounced since this was last asked."""
        broken, self._broken = self._broken, False
        return broken

    async def _connected(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, _what: object
    ) -> None:
        if self._heard_s is not None and not self._announced:
            self._broken |= asyncio.get_running_loop().time() - self._heard_s < self._memory_s

    async def _answered(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        what: aiohttp.TraceRequestEndParams,
    ) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        answer = what.response
        told = answer.headers.get("Connection", "").lower()
        old = answer.version is not None and answer.version < aiohttp.HttpVersion11
        self._announced = told == "close" or (old and told != "keep-alive")
