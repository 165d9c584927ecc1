"""A JSON document by HTTP POST, signed if a secret is given."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr

from alerts.document import document
from alerts.message import CHANNELS, AlertMessage
from alerts.post import Address, LoginOptions, Poster
from runtime.options import read_secret


class WebhookOptions(LoginOptions):
    """A ``[[channel]]`` of ``type = "webhook"``; ``secret_file`` signs, ``headers`` go along."""

    url: Address
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    secret_file: Path | None = None


@CHANNELS.add("webhook", WebhookOptions)
class WebhookChannel:
    """POSTs :func:`alerts.document.document`; ``Idempotency-Key`` is the message's key.

    ``X-Amberwatt-Signature`` is ``sha256=`` and the hexadecimal HMAC-SHA256 of the body under the secret.
    """

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options
        self._secret = read_secret(options.secret_file) if options.secret_file else None
        plain = {name: value.get_secret_value() for name, value in options.headers.items()}
        self._headers = plain | options.authorization()
        self._poster = Poster()

    async def send(self, message: AlertMessage) -> None:
        """Deliver; 2xx is success. Raises DeliveryError, permanent for other 4xx than 408, 425 and 429."""
        body = document(message)
        headers = self._headers | {"Idempotency-Key": header_text(message.key)}
        if self._secret:
            secret = self._secret.get_secret_value().encode()
            headers["X-Amberwatt-Signature"] = f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
        await self._poster.post(str(self._options.url), body, headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def header_text(key: str) -> str:
    """``key`` as an HTTP header may carry it."""
    return key.encode("ascii", "backslashreplace").decode()
