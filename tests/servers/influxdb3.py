"""Recorded behaviour of InfluxDB 3's write path, which no server that Debian packs can show.

Not a database: it keeps lines, and refuses those whose ``power_w`` is above a million, in the way in which
InfluxDB 3 Core documents a partial write (good lines stored, status 400, the bad ones by number).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

_POWER = re.compile(r"power_w=([0-9.e+-]+)")
_REASON = "invalid column type for column 'power_w', expected iox::column_type::field::float"


@dataclass
class Recorded:
    """What was written, and the requests that wrote it."""

    token: str
    port: int = 0
    stored: list[str] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    async def ping(self, request: web.Request) -> web.Response:
        """As 3.x answers: with a body, and only to who has a token."""
        if not self._known(request):
            return web.json_response({"error": "the request was not authenticated"}, status=401)
        content = {"product_name": "InfluxDB 3 Core", "version": "3.11.2", "revision": "0", "process_id": "0"}
        return web.json_response(content, headers={"cluster-uuid": "0", "X-Influxdb-Build": "Core"})

    async def write(self, request: web.Request) -> web.Response:
        """Store the good lines and name the bad ones."""
        if not self._known(request):
            return web.json_response({"error": "the request was not authenticated"}, status=401)
        self.requests.append(dict(request.query))
        body = await request.read()  # aiohttp has undone the gzip
        text = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()
        bad = []
        for number, line in enumerate(text.split("\n"), start=1):
            power = _POWER.search(line)
            if power and float(power[1]) > 1e6:
                bad.append({"original_line": line, "line_number": number, "error_message": _REASON})
            else:
                self.stored.append(line)
        if not bad:
            return web.Response(status=204)
        content = {"error": "partial write of line protocol occurred", "data": bad[:100]}
        return web.json_response(content, status=400)

    def _known(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"


@asynccontextmanager
async def influxdb3(token: str) -> AsyncIterator[Recorded]:
    """The recorded server on a free port of loopback."""
    recorded = Recorded(token)
    app = web.Application()
    app.router.add_get("/ping", recorded.ping)
    app.router.add_post("/api/v3/write_lp", recorded.write)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        recorded.port = runner.addresses[0][1]
        yield recorded
    finally:
        await runner.cleanup()
