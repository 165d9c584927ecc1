"""One HTTP POST of JSON, with its failures sorted into those that pass and those that stay."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from yarl import URL

from runtime.errors import DeliveryError

_PASSING = frozenset({408, 425, 429})
"""4xx answers after which the same request may yet succeed."""


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
