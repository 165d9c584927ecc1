"""Finds out who asks, and lets nobody else in: closed unless a path is listed here as open."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from dashboards.house import AuthOptions
from dashboards.problem import Problem, response, wants_page
from dashboards.security import SAFE, csrf_token, known_host, same_origin
from dashboards.users import User, Users

COOKIE = "amberwatt_session"
LOGIN = "/login"

UNASKED = frozenset({"/healthz", "/readyz"})
"""Open, and not worth a look into the database."""

OPEN = frozenset({LOGIN, "/api/v1/session"})
"""Open, but they want to know who asks."""

STATIC = "/static/"

Via = Literal["none", "session", "token"]


class Guarded(Protocol):
    """What the gate asks of a house."""

    @property
    def users(self) -> Users:
        """Who there is."""
        ...

    @property
    def auth(self) -> AuthOptions:
        """Whether strangers may read."""
        ...

    @property
    def hosts(self) -> Collection[str]:
        """Our names."""
        ...


class Gate:
    """ASGI: sets ``state.user`` (:class:`User` or None), ``state.via``, ``state.csrf`` and ``state.session``.

    Reading needs a session, a bearer token, or ``[auth] anonymous = "viewer"`` and a host name that is ours.
    A stranger's browser is sent to the login page, a program gets 401. WebSockets must come from our own
    pages or from no page at all.
    """

    def __init__(self, app: ASGIApp, house: Guarded) -> None:
        self._app, self._house = app, house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        _introduce(connection, None, "none")
        path = scope["path"]
        if path in UNASKED or path.startswith(STATIC):
            await self._app(scope, receive, send)
            return
        refusal = await identify(connection, self._house)
        if refusal is None and path not in OPEN:
            refusal = stranger(connection, self._house)
        if refusal is None and scope["type"] == "websocket" and not same_origin(connection):
            refusal = Problem(403, "the live feed is open to our own pages only", "Origin")
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await _refuse(refusal, scope, receive, send)


async def identify(connection: HTTPConnection, house: Guarded) -> Problem | None:
    """Find out who asks and tell ``connection.state``; the problem is a token that is worth nothing."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        bearer = await house.users.token_user(token.strip())
        if bearer is None:
            return _unauthorized("this token is unknown or revoked; ask an operator for a new one")
        _introduce(connection, bearer, "token")
    elif session := connection.cookies.get(COOKIE):
        user = await house.users.session_user(session)
        if user is not None:
            _introduce(connection, user, "session", session)
    return None


def stranger(connection: HTTPConnection, house: Guarded) -> Problem | None:
    """The problem of somebody who is not known, where strangers may not read."""
    reading = connection.scope["type"] == "websocket" or connection.scope["method"] in SAFE
    if connection.state.user is not None:
        return None
    if reading and house.auth.anonymous is not None:
        return None if known_host(connection, house.hosts) else _misdirected()
    return _unauthorized(f"log in at {LOGIN}, or send Authorization: Bearer TOKEN")


async def still_welcome(connection: HTTPConnection, house: Guarded) -> bool:
    """Whether who opened ``connection`` would be let in again: not logged out, expired or revoked since."""
    _introduce(connection, None, "none")
    return await identify(connection, house) is None and stranger(connection, house) is None


def _introduce(connection: HTTPConnection, user: User | None, via: Via, session: str = "") -> None:
    connection.state.user, connection.state.via, connection.state.session = user, via, session
    connection.state.csrf = csrf_token(session) if session else ""


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, "Authorization", headers={"WWW-Authenticate": "Bearer"})


def _misdirected() -> Problem:
    return Problem(
        421, "who reads without a login must not come by this name; put it into [service] public_url", "Host"
    )


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    request_id = scope["state"].get("request_id")
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.send_denial_response(response(problem, request_id))
        return
    answer = _answer(Request(scope, receive), problem, request_id)
    await answer(scope, receive, send)


def _answer(request: Request, problem: Problem, request_id: str | None) -> Response:
    if problem.status == 401 and request.method in SAFE and wants_page(request):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{LOGIN}?next={quote(asked)}", 303)
    return response(problem, request_id)
