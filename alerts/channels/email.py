"""E-mail over SMTP: text and HTML, files, and a Message-ID by which a receiver knows a repeat."""

from __future__ import annotations

import hashlib
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

import aiosmtplib
from pydantic import Field

from alerts.message import CHANNELS, AlertMessage
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
        """Hand the mail to the SMTP server for every recipient. Raises DeliveryError."""
        options = self._options
        try:
            refused, _answer = await aiosmtplib.send(
                self.mail(message),
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
            codes = [r.code for r in error.recipients]
            refusals = "; ".join(f"{r.recipient}: {r.code} {r.message}" for r in error.recipients)
            permanent = all(_is_permanent(code) for code in codes)
            raise DeliveryError(f"all recipients were refused: {refusals}", permanent=permanent) from error
        except aiosmtplib.SMTPResponseException as error:
            permanent = _is_permanent(error.code) and not isinstance(error, aiosmtplib.SMTPConnectError)
            raise DeliveryError(
                f"{options.host}: {error.code} {error.message}", permanent=permanent
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"{options.host}: {error}") from error
        if refused:
            # Those who got it must not get it again and again for the sake of one bad address.
            named = ", ".join(f"{who} ({answer.code} {answer.message})" for who, answer in refused.items())
            raise DeliveryError(f"the others have it, but these were refused: {named}", permanent=True)

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
