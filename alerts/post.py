"""One HTTP POST of JSON: where to, as whom, and which of its failures pass."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import aiohttp
from pydantic import AfterValidator, HttpUrl, PlainSerializer, model_validator
from yarl import URL

from runtime.errors import DeliveryError
from runtime.options import Options, read_secret

_PASSING = frozenset({408, 425, 429})
"""4xx answers after which the same request may yet succeed."""


def _without_login(url: HttpUrl) -> HttpUrl:
    if url.username is not None or url.password is not None:
        raise ValueError("a login does not belong in the url: use user and password_file, or token_file")
    return url


def _shown(url: HttpUrl) -> str:
    place = URL(str(url))
    return str(place.origin()) + ("" if place.raw_path_qs == "/" else "/***")


Address = Annotated[HttpUrl, AfterValidator(_without_login), PlainSerializer(_shown)]
"""Where to post. Shown without path and query: many a service knows its callers by nothing else."""


class LoginOptions(Options):
    """As whom to post: ``user`` with ``password_file``, or ``token_file`` for a bearer token."""

    user: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> LoginOptions:
        if self.token_file and (self.user or self.password_file):
            raise ValueError("token_file and user are two ways to log in: give one")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together: give both or neither")
        return self

    def authorization(self) -> dict[str, str]:
        """The header that logs in, if any; reads the file. Raises OSError."""
        if self.token_file is not None:
            return {aiohttp.hdrs.AUTHORIZATION: f"Bearer {read_secret(self.token_file).get_secret_value()}"}
        if self.user is None or self.password_file is None:
            return {}
        password = read_secret(self.password_file).get_secret_value()
        return {aiohttp.hdrs.AUTHORIZATION: aiohttp.encode_basic_auth(self.user, password)}


class Poster:
    """A client session that is opened at the first use and closed once."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """POST ``body`` to ``url``. Raises DeliveryError, which never shows the URL's query or user."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=25))
        sent = {aiohttp.hdrs.CONTENT_TYPE: "application/json", **(headers or {})}
        place = URL(url).with_user(None).with_password(None).with_query(None)
        try:
            async with self._session.post(url, data=body, headers=sent, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return
                said = (await answer.text(errors="replace"))[:200].strip()
                permanent = 300 <= answer.status < 500 and answer.status not in _PASSING
                text = f"{place} answered {answer.status} {answer.reason or ''}: {said}".rstrip(": ")
                raise DeliveryError(text, permanent=permanent)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DeliveryError(f"{place}: {type(error).__name__} {error}".rstrip()) from error

    async def close(self) -> None:
        """Close the session, if it was ever opened."""
        if self._session is not None:
            await self._session.close()
            self._session = None
