"""A JSON document by HTTP POST, signed if a secret is given."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from pydantic import Field, HttpUrl

from alerts.document import document
from alerts.message import CHANNELS, AlertMessage
from alerts.post import Poster
from runtime.options import Options, read_secret


class WebhookOptions(Options):
    """A ``[[channel]]`` of ``type = "webhook"``; ``secret_file`` signs, ``token_file`` is a bearer token."""

    url: HttpUrl
    headers: Mapping[str, str] = Field(default_factory=dict)
    secret_file: Path | None = None
    token_file: Path | None = None


@CHANNELS.add("webhook", WebhookOptions)
class WebhookChannel:
    """POSTs :func:`alerts.document.document`; ``Idempotency-Key`` is the message's key.

    ``X-Amberwatt-Signature`` is ``sha256=`` and the hexadecimal HMAC-SHA256 of the body under the secret.
    """

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options
        self._secret = read_secret(options.secret_file) if options.secret_file else None
        self._token = read_secret(options.token_file) if options.token_file else None
        self._poster = Poster()

    async def send(self, message: AlertMessage) -> None:
        """Deliver; 2xx is success. Raises DeliveryError, permanent for other 4xx than 408, 425 and 429."""
        body = document(message)
        headers = dict(self._options.headers) | {"Idempotency-Key": header_text(message.key)}
        if self._secret:
            secret = self._secret.get_secret_value().encode()
            headers["X-Amberwatt-Signature"] = f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
        if self._token:
            headers[aiohttp.hdrs.AUTHORIZATION] = f"Bearer {self._token.get_secret_value()}"
        await self._poster.post(str(self._options.url), body, headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def header_text(key: str) -> str:
    """``key`` as an HTTP header may carry it."""
    return key.encode("ascii", "backslashreplace").decode()
