"""Everything else that Apprise speaks: chat, SMS, push."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apprise
from pydantic import SecretStr, model_validator

from alerts.message import CHANNELS, AlertMessage
from runtime.errors import DeliveryError
from runtime.options import Options, read_secret

_KINDS = {"critical": apprise.NotifyType.FAILURE, "high": apprise.NotifyType.WARNING}


class AppriseOptions(Options):
    """A ``[[channel]]`` of ``type = "apprise"``: ``url`` or, as most hold secrets, ``url_file``."""

    url: SecretStr | None = None
    url_file: Path | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> AppriseOptions:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give either url or url_file")
        return self


@CHANNELS.add("apprise", AppriseOptions)
class AppriseChannel:
    """One Apprise target, called in a thread, as its plugins block."""

    def __init__(self, options: AppriseOptions) -> None:
        url = options.url if options.url_file is None else read_secret(options.url_file)
        assert url is not None, "options allow no other"
        target = apprise.Apprise.instantiate(url.get_secret_value(), suppress_exceptions=True)
        if target is None:
            raise DeliveryError(
                "Apprise knows no service by this url; see its list of services", permanent=True
            )
        self._target = target
        self._place = str(target.url(privacy=True))  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"AppriseChannel({self._place})"

    async def send(self, message: AlertMessage) -> None:
        """Send title and text. Apprise tells only that it failed, so every failure may pass."""
        kind = _KINDS.get(message.severity, apprise.NotifyType.INFO)
        if message.kind == "resolved":
            kind = apprise.NotifyType.SUCCESS
        notify = self._target.notify
        try:
            sent = await asyncio.to_thread(notify, body=message.text, title=message.subject, notify_type=kind)
        except TypeError as error:  # how Apprise says that a message does not fit its service
            raise DeliveryError(f"{self._place}: {error}", permanent=True) from error
        if not sent:
            raise DeliveryError(f"{self._place} did not take it")

    async def close(self) -> None:
        """Nothing is kept open."""
