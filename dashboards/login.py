"""Logging in and out: what the form of the login page and the API's ``session`` share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import structlog
from starlette.requests import HTTPConnection
from starlette.responses import Response

from dashboards.gate import COOKIE
from dashboards.house import House
from dashboards.problem import Problem
from dashboards.security import csrf_token
from dashboards.throttle import LoginThrottle
from dashboards.users import User

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Login:
    """A session that has just begun: ``secret`` goes into the cookie, ``csrf`` into the page."""

    user: User
    secret: str
    lifetime: timedelta

    @property
    def csrf(self) -> str:
        """What changes within this session must carry."""
        return csrf_token(self.secret)

    def set_cookie(self, response: Response, connection: HTTPConnection) -> None:
        """Hand it to the browser: out of reach of scripts, other sites and, with https, plain http."""
        response.set_cookie(
            COOKIE,
            self.secret,
            max_age=int(self.lifetime.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=connection.url.scheme == "https",
        )


async def log_in(connection: HTTPConnection, name: str, password: str) -> Login:
    """Open a session. Raises Problem 429 (too many mistakes) or 401."""
    house: House = connection.app.state.house
    throttle: LoginThrottle = connection.app.state.throttle
    address = connection.client.host if connection.client else "unknown"
    wait = math.ceil(throttle.wait(name, address).total_seconds())
    if wait > 0:
        raise Problem(
            429, f"too many wrong passwords; try again in {wait} s", headers={"Retry-After": str(wait)}
        )
    throttle.attempt(name, address)
    user = await house.users.authenticate(name, password)
    if user is None:
        # Not the name: people type passwords into that field.
        log.warning("login_refused", address=address)
        raise Problem(401, "this name and password do not belong together", "password")
    throttle.succeeded(name, address)
    lifetime = timedelta(hours=house.auth.session_hours)
    secret = await house.users.session_open(user, lifetime)
    log.info("logged_in", name=user.name, address=address)
    return Login(user, secret, lifetime)


async def log_out(connection: HTTPConnection, response: Response) -> None:
    """End the session of ``connection``, if it has one, and take the cookie back."""
    house: House = connection.app.state.house
    if connection.state.session:
        await house.users.session_close(connection.state.session)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
