"""A door before an HTTP server, behind which that server is as it is, or as a fault makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

_PASSED_ON = ("Content-Type", "Content-Encoding", "Authorization", "Accept", "X-Influxdb-Version")

Fault = Callable[["Door", web.Request, bytes], Awaitable[web.StreamResponse]]
"""What is answered in the place of the server; it may ask that for its answer."""


class Door:
    """Passes requests on to 127.0.0.1:``behind``; while there is a fault, it answers in their place.

    ``only`` names the path of the requests that a fault answers; without it, it answers all. ``hurt`` counts
    those that it has answered since it was set.
    """

    def __init__(self, behind: int, only: str | None = None) -> None:
        self.port = 0
        self.hurt = 0
        self._behind, self._only = behind, only
        self._fault: Fault | None = None
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Door:
        # A body is passed on as it came, compressed or not.
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._take)
        self._http = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.AppRunner(app, auto_decompress=False, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._runner is not None
        assert self._http is not None
        self.set(None)
        await self._runner.cleanup()
        await self._http.close()

    def set(self, fault: Fault | None) -> None:
        """Answer so from now on; None heals."""
        self._fault, self.hurt = fault, 0
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Return when another fault is set."""
        await self._changed.wait()

    async def passed(self, request: web.Request, body: bytes) -> web.Response:
        """What the server behind says to this request with this body."""
        assert self._http is not None
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = f"http://127.0.0.1:{self._behind}{request.path_qs}"
        try:
            async with self._http.request(request.method, url, data=body, headers=headers) as answer:
                told = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
                return web.Response(status=answer.status, body=await answer.read(), headers=told)
        except aiohttp.ClientConnectionError:
            hang_up(request)
            return web.Response(status=502)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self._fault is None or self._only not in (None, request.path):
            return await self.passed(request, body)
        answer = await self._fault(self, request, body)
        self.hurt += 1
        return answer


def hang_up(request: web.Request) -> None:
    """End the connection of ``request`` without a word."""
    if request.transport is not None:
        request.transport.abort()
