"""A real HTTP server in the test's loop, which keeps what it is sent and answers as it is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Listener:
    """Keeps each POST as (headers, body); answers with ``status``."""

    status: int = 204
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self._keep)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _keep(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, text="the reason" if self.status >= 300 else None)
