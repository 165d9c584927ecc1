"""What every answer and every change must satisfy: headers that confine the pages, and proof of origin."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.problem import Problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer. Nothing is loaded from, framed by or sent to another host."""

_TRANSPORT = "max-age=31536000"


class SecureHeaders:
    """ASGI: puts :data:`HEADERS` on every answer, and keeps all but the static files out of caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = _TRANSPORT
            await send(message)

        await self._app(scope, receive, confined)


def csrf_token(session: str) -> str:
    """The token that belongs to a session: derived, so it needs no place of its own and dies with it."""
    return hmac.new(session.encode(), b"csrf", hashlib.sha256).hexdigest()


def same_origin(connection: HTTPConnection) -> bool:
    """Whether a browser says that its request comes from our own pages; programs say nothing."""
    origin = connection.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower()
    return connection.headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def own_path(wanted: str, otherwise: str = "/") -> str:
    """``wanted`` if it is a path of ours, else ``otherwise``: no link or form may lead to another host."""
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe else otherwise


def known_host(connection: HTTPConnection, names: Collection[str]) -> bool:
    """Whether the host that a browser asked for is one of ``names``, ``localhost`` or a bare address.

    Any other name may be somebody else's that was pointed at us (DNS rebinding), and its pages could read
    whatever we tell to everybody. An address cannot be pointed elsewhere.
    """
    try:
        host = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
        if host == "localhost" or host in names:
            return True
        ip_address(host)
    except ValueError:
        return False
    return True


async def no_forgery(connection: HTTPConnection) -> None:
    """Dependency of the whole application: a change comes from our own page, or carries a bearer token.

    With a session, ``X-CSRF-Token`` or the form field ``csrf`` must hold the session's token; a bearer token
    is proof in itself, because no browser sends it by itself. Raises Problem 403.
    """
    if not isinstance(connection, Request) or connection.method in SAFE:
        return
    if connection.state.via == "token":
        return
    if not same_origin(connection):
        raise Problem(403, "this request was sent by another site's page", "Origin")
    expected = connection.state.csrf
    if expected and not hmac.compare_digest(await _csrf_sent(connection), expected):
        raise Problem(
            403,
            f"send the session's token in {CSRF_HEADER} (or the form field {CSRF_FIELD!r}); reload the page",
            CSRF_HEADER,
        )


async def _csrf_sent(request: Request) -> str:
    sent = request.headers.get(CSRF_HEADER)
    kind = request.headers.get("content-type", "")
    if sent is None and kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        value = (await request.form()).get(CSRF_FIELD)
        sent = value if isinstance(value, str) else None
    # Headers are Latin-1; comparing bytes-like text needs ASCII, and no valid token has anything else.
    return sent if sent is not None and sent.isascii() else ""


def operator(request: Request) -> str:
    """Dependency: the name of the operator who acts. Raises Problem 401 or 403."""
    user = request.state.user
    if user is None:
        raise Problem(
            401,
            "log in as an operator, or send Authorization: Bearer TOKEN of one",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if user.role != "operator":
        raise Problem(403, f"{user.name} may look but not act: that needs an account with the role operator")
    return str(user.name)


Operator = Annotated[str, Depends(operator)]
"""Parameter type of routes that change something: the name of who did it."""


def acting(operator: str, told: str | None) -> str:
    """Who acts: the operator who signed in, behind whom they act for if ``told`` names somebody else.

    The name that was proven is always in it, so nobody signs as somebody else.
    """
    name = (told or "").strip()
    return f"{name} ({operator})" if name and name != operator else operator
