"""E-mail over SMTP: text and HTML, files, and a Message-ID by which a receiver knows a repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

import aiosmtplib
from pydantic import Field

from alerts.message import CHANNELS, AlertMessage, PartlyDelivered
from runtime.errors import DeliveryError
from runtime.options import Options, read_secret

_PRIORITY = {"critical": "1 (Highest)", "high": "2 (High)"}


class EmailOptions(Options):
    """A ``[[channel]]`` of ``type = "email"``. ``sender`` is the address that the mail comes from."""

    host: str
    port: int | None = Field(default=None, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "none"
    to: tuple[str, ...] = Field(min_length=1)
    sender: str = "amberwatt@localhost"
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None


@CHANNELS.add("email", EmailOptions)
class EmailChannel:
    """Sends each message by a connection of its own; mails are few."""

    def __init__(self, options: EmailOptions) -> None:
        self._options = options
        secret = read_secret(options.password_file) if options.password_file else None
        self._password = secret

    async def send(self, message: AlertMessage) -> None:
        """Hand the mail to the SMTP server for all recipients that are still to get it.

        Raises DeliveryError; PartlyDelivered when the server may take some of them later (4xx), so that those
        who have it do not get it again for their sake.
        """
        to = message.recipients or self._options.to
        answers = await self._submit(self.mail(message), to)
        told = {who: f"{who} ({answer.code} {answer.message})" for who, answer in answers.items()}
        later = tuple(who for who, answer in answers.items() if not _is_permanent(answer.code))
        never = (*message.refused, *(told[who] for who in answers if who not in later))
        text = f"refused for {', '.join([*message.refused, *told.values()])}"
        if later:
            raise PartlyDelivered(text, replace(message, recipients=later, refused=never))
        if never:
            raise DeliveryError(text, permanent=True)

    async def _submit(self, mail: EmailMessage, to: Sequence[str]) -> dict[str, aiosmtplib.SMTPResponse]:
        """What the server answered for those of ``to`` that it refused. Raises DeliveryError."""
        options = self._options
        try:
            refused, _answer = await aiosmtplib.send(
                mail,
                recipients=list(to),
                hostname=options.host,
                port=options.port,
                use_tls=options.security == "tls",
                start_tls=options.security == "starttls",
                username=options.user,
                password=self._password.get_secret_value() if self._password else None,
                cert_bundle=str(options.ca_file) if options.ca_file else None,
                timeout=25,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {r.recipient: aiosmtplib.SMTPResponse(r.code, r.message) for r in error.recipients}
        except aiosmtplib.SMTPResponseException as error:
            permanent = _is_permanent(error.code) and not isinstance(error, aiosmtplib.SMTPConnectError)
            raise DeliveryError(
                f"{options.host}: {error.code} {error.message}", permanent=permanent
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"{options.host}: {error}") from error
        return refused

    async def close(self) -> None:
        """Nothing is kept open."""

    def mail(self, message: AlertMessage) -> EmailMessage:
        """The mail as it goes out; the same message always makes the same Message-ID."""
        host = self._options.sender.rpartition("@")[2] or "localhost"
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = Address("Amberwatt", addr_spec=self._options.sender)
        mail["To"] = ", ".join(self._options.to)
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = f"<{_digest(message.key)}@{host}>"
        mail["References"] = f"<{_digest(message.alert_key)}@{host}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Amberwatt-Key"] = message.key
        if message.kind != "resolved" and message.severity in _PRIORITY:
            mail["X-Priority"] = _PRIORITY[message.severity]
        mail.set_content(message.text)
        mail.add_alternative(message.html, subtype="html")
        for file in message.attachments:
            kind, _, subtype = file.content_type.partition("/")
            mail.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
        return mail


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600
