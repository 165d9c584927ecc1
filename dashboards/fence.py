"""The fence around a request: an id, one line in the log, and an answer even when our code fails."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.problem import Problem, outage, tell

REQUEST_ID = "X-Request-ID"

log = structlog.get_logger(__name__)


class Fence:
    """ASGI: gives ``state.request_id``, logs ``request`` at the end, answers what nobody caught.

    A store or database that is away is 503 and a line in the log; all else is 500 and a traceback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, send)
        try:
            await self._app(scope, receive, visit.send)
        except Exception as error:
            visit.failed = type(error).__name__
            failure = _failure(error, visit.id, scope["path"])
            if scope["type"] == "http" and visit.status is None:
                answer = await tell(Request(scope, receive), failure)
                await answer(scope, receive, visit.send)
        finally:
            visit.log()


def _failure(error: Exception, request_id: str, path: str) -> Problem:
    """What to answer to ``error``, which is logged."""
    away = outage(error)
    if away is not None:
        log.warning("request_unanswered", id=request_id, path=path, error=away.detail)
        return away
    log.error("request_failed", id=request_id, path=path, exc_info=error)
    return Problem(500, f"the service failed; its log tells more under {request_id}")


class _Visit:
    """One request from first byte to last."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = secrets.token_hex(8)
        self.status: int | None = None
        self.failed: str | None = None
        self._scope, self._send, self._bytes = scope, send, 0
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        scope.setdefault("state", {})["request_id"] = self.id

    async def send(self, message: Message) -> None:
        """Pass on, and keep account."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self.id
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "http.response.body":
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    def log(self) -> None:
        """The one line."""
        scope = self._scope
        user = scope["state"].get("user")
        line: dict[str, Any] = {
            "method": scope.get("method", "WEBSOCKET"),
            "path": scope["path"],
            "status": self.status,
            "ms": round((self._loop.time() - self._began) * 1000, 1),
            "bytes": self._bytes,
            "user": None if user is None else user.name,
            "client": (scope.get("client") or ("-",))[0],
            "id": self.id,
        }
        log.info("request", **line, **({"error": self.failed} if self.failed else {}))
