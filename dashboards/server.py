"""Serves the application inside the service's own event loop; the signals stay with the service."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dashboards.hub import Hub
from runtime.errors import ServiceError

GRACE_S = 2
"""How long answers under way may still take after :meth:`WebServer.stop`."""

log = structlog.get_logger(__name__)


class WebServer:
    """uvicorn on ``listen`` (``HOST:PORT``; port 0 takes a free one).

    >>> server = WebServer(app, "127.0.0.1:8080")
    >>> await server.start()
    >>> server.url
    'http://127.0.0.1:8080'
    >>> await server.stop()
    """

    def __init__(self, app: FastAPI, listen: str, *, proxied: bool = False) -> None:
        self.app, self._listen = app, listen
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",  # what it has to say about requests, the fence says in one line
            access_log=False,
            ws=_WebSocket,
            ws_max_size=64 * 1024,
            lifespan="on",
            server_header=False,
            proxy_headers=proxied,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _Quiet(config)
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port that is really listened on."""
        assert self._socket is not None, "start first"
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the pages."""
        assert self._socket is not None, "start first"
        host = self._socket.getsockname()[0]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Bind and accept. Raises ServiceError when the address is taken or the application cannot start."""
        self._socket = _bind(self._listen)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="web server")
        started = asyncio.create_task(self._server.up.wait())
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            self._socket.close()
            await self._task  # raises why
        log.info("web_server_started", url=self.url)

    async def wait(self) -> None:
        """Return when the server has ended; raise what ended it."""
        assert self._task is not None, "start first"
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Say ``bye`` to the live feeds, let answers under way end, close. Harmless when not started."""
        if self._task is None:
            return
        hub: Hub | None = getattr(self.app.state, "hub", None)
        if hub is not None:
            hub.close()
        self._server.should_exit = True
        await self._task
        self._task = None
        log.info("web_server_stopped")


class _WebSocket(WebSocketsSansIOProtocol):
    """Knows that a denial ends the handshake.

    uvicorn 0.54 sends the answer and then complains in the log of a handshake that nobody completed, at each
    page whose login has ended (its pull request 3138).
    """

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True


class _Quiet(uvicorn.Server):
    """Tells when it accepts, and leaves SIGINT and SIGTERM alone: the composition root ends the service."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn's way to say that the application's start failed
            raise ServiceError("the web application did not start; the log tells why") from error
        self.up.set()


def _bind(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    kind: Any = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(kind, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        bound.close()
        why = error.strerror if isinstance(error, OSError) else error
        raise ServiceError(
            f"[service] listen = {listen!r} cannot be listened on: {why}; "
            "choose another address or port there (for the demo: --port)"
        ) from error
    bound.set_inheritable(False)
    return bound
