"""A transparency platform of our own on loopback: answers as it is told, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

Answer = tuple[int, bytes]
"""Status and body."""


@dataclass
class Platform:
    """Answers every question by ``answer`` (query -> status and body); ``token`` is who may ask."""

    answer: Callable[[Mapping[str, str]], Answer]
    token: str = "secret-token"
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/api", self._told)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/api"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _told(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        if query.pop("securityToken", None) != self.token:
            return web.Response(status=401, text="Unauthorized")
        self.asked.append(query)
        status, body = self.answer(query)
        return web.Response(status=status, body=body, content_type="text/xml")
