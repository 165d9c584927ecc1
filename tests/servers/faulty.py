"""How InfluxDB misbehaves behind its door, each time as some server or proxy was seen to do."""

from __future__ import annotations

import asyncio
import gzip
import json

from aiohttp import web

from tests.servers.door import Door, Fault, hang_up


def says(status: int, text: str, **headers: str) -> Fault:
    """Takes nothing and answers so; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def fault(_door: Door, _request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=named)

    return fault


async def hangs_up(_door: Door, request: web.Request, _body: bytes) -> web.StreamResponse:
    """Ends the connection without a word."""
    hang_up(request)
    return web.Response(status=500)


async def stores_and_says_nothing(door: Door, request: web.Request, body: bytes) -> web.StreamResponse:
    """Stores the rows, and answers only when nobody waits for it any more."""
    await door.passed(request, body)
    door.hurt += 1
    await door.changed()
    return web.Response(status=204)


SLOW_S = 0.5
"""How long a slow server takes to answer; whoever waits for one should have more patience."""


async def stores_slowly(door: Door, request: web.Request, body: bytes) -> web.StreamResponse:
    """Stores the rows, and answers as it should, but late."""
    answer = await door.passed(request, body)
    await asyncio.sleep(SLOW_S)
    return answer


class RefusesOneLine:
    """Stores all lines but the first that it ever saw, as InfluxDB 1.x does with one that it cannot parse."""

    def __init__(self) -> None:
        self.refused: str | None = None

    async def __call__(self, door: Door, request: web.Request, body: bytes) -> web.StreamResponse:
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
