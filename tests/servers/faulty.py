"""A door before InfluxDB behind which it misbehaves, each time as some server or proxy was seen to do."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

_PASSED_ON = ("Content-Type", "Content-Encoding", "Authorization", "X-Influxdb-Version")

Fault = Callable[["FaultyDoor", web.Request, bytes], Awaitable[web.StreamResponse]]


class FaultyDoor:
    """Passes requests on to 127.0.0.1:``behind``; writes go through ``fault`` while there is one.

    ``hurt`` counts the writes that a fault has answered since it was set.
    """

    def __init__(self, behind: int) -> None:
        self.port = 0
        self.hurt = 0
        self.behind = behind
        self._fault: Fault | None = None
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> FaultyDoor:
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
        """Answer writes so from now on; None heals."""
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
        url = f"http://127.0.0.1:{self.behind}{request.path_qs}"
        try:
            async with self._http.request(request.method, url, data=body, headers=headers) as answer:
                told = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
                return web.Response(status=answer.status, body=await answer.read(), headers=told)
        except aiohttp.ClientConnectionError:
            _hang_up(request)
            return web.Response(status=502)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self._fault is None or request.path != "/write":
            return await self.passed(request, body)
        answer = await self._fault(self, request, body)
        self.hurt += 1
        return answer


def says(status: int, text: str, **headers: str) -> Fault:
    """Takes nothing and answers so; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def fault(_door: FaultyDoor, _request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=named)

    return fault


async def hangs_up(_door: FaultyDoor, request: web.Request, _body: bytes) -> web.StreamResponse:
    """Ends the connection without a word."""
    _hang_up(request)
    return web.Response(status=500)


async def stores_and_says_nothing(door: FaultyDoor, request: web.Request, body: bytes) -> web.StreamResponse:
    """Stores the rows, and answers only when nobody waits for it any more."""
    await door.passed(request, body)
    door.hurt += 1
    await door.changed()
    return web.Response(status=204)


class RefusesOneLine:
    """Stores all lines but the first that it ever saw, as InfluxDB 1.x does with one that it cannot parse."""

    def __init__(self) -> None:
        self.refused: str | None = None

    async def __call__(self, door: FaultyDoor, request: web.Request, body: bytes) -> web.StreamResponse:
        packed = request.headers.get("Content-Encoding") == "gzip"
        lines = (gzip.decompress(body) if packed else body).decode().split("\n")
        self.refused = self.refused or lines[0]
        if self.refused not in lines:
            return await door.passed(request, body)
        rest = "\n".join(line for line in lines if line != self.refused).encode()
        if rest:
            await door.passed(request, gzip.compress(rest) if packed else rest)
        reason = f"partial write: unable to parse '{self.refused}': bad timestamp dropped=0"
        return web.Response(status=400, text=json.dumps({"error": reason}))


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
