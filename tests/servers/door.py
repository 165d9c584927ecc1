"""A door before an HTTP server: while it is shut, every request is answered 500, as a broken server would."""

from __future__ import annotations

import aiohttp
from aiohttp import web

_PASSED_ON = ("Content-Type", "Content-Encoding", "Authorization", "Accept")


class Door:
    """Passes requests on to 127.0.0.1:``behind`` while ``open``; ``refused`` counts those that were not."""

    def __init__(self, behind: int) -> None:
        self.open = True
        self.refused = 0
        self.port = 0
        self._behind = behind
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Door:
        # A body is passed on as it came, compressed or not.
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._http = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.AppRunner(app, auto_decompress=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._runner is not None
        assert self._http is not None
        await self._runner.cleanup()
        await self._http.close()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not self.open:
            self.refused += 1
            return web.Response(status=500, text='{"error":"the disk of the test is on fire"}')
        assert self._http is not None
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = f"http://127.0.0.1:{self._behind}{request.path_qs}"
        async with self._http.request(request.method, url, data=body, headers=headers) as answer:
            told = {n: v for n, v in answer.headers.items() if n in (*_PASSED_ON, "X-Influxdb-Version")}
            return web.Response(status=answer.status, body=await answer.read(), headers=told)
