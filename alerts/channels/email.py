"""E-mail over SMTP: text and HTML, files, and a Message-ID by which a receiver knows a repeat."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

import aiosmtplib
from pydantic import Field, field_validator, model_validator

from alerts.message import CHANNELS, AlertMessage, PartlyDelivered
from runtime.address import is_host
from runtime.errors import DeliveryError
from runtime.options import Options, read_secret, shown

_LOGIN = {530, 534, 535, 538}
"""Answers to a login that is lacking, wrong or too weak; they come to any command."""

_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+")

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

    @field_validator("host")
    @classmethod
    def _a_host(cls, value: str) -> str:
        if not is_host(value):
            raise ValueError(
                f"{shown(value)} is no host; write a name or an address, the port stands in port"
            )
        return value

    @field_validator("to")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            name, _, address = one.rpartition("<")
            named = address.endswith(">") and name.isprintable() and not set(name) & set('@,;:<>"\\')
            _address(address[:-1] if named else one)
        return value

    @field_validator("sender")
    @classmethod
    def _one_address(cls, value: str) -> str:
        return _address(value)

    @model_validator(mode="after")
    def _whole_login(self) -> EmailOptions:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together: give both or neither")
        return self


@CHANNELS.add("email", EmailOptions)
class EmailChannel:
    """Sends each message by a connection of its own; mails are few."""

    def __init__(self, options: EmailOptions) -> None:
        self._options = options
        _password(options)  # a file that cannot be read is told at the start

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
        reached = len(later) + len(never) < len(self._options.to)
        if later:
            raise PartlyDelivered(text, replace(message, recipients=later, refused=never), reached=reached)
        if never:
            raise DeliveryError(text, permanent=True, reached=reached)

    async def _submit(self, mail: EmailMessage, to: Sequence[str]) -> dict[str, aiosmtplib.SMTPResponse]:
        """What the server answered for those of ``to`` that it refused. Raises DeliveryError."""
        options = self._options
        try:
            password = await asyncio.to_thread(_password, options)
            refused, _answer = await aiosmtplib.send(
                mail,
                recipients=list(to),
                hostname=options.host,
                port=options.port,
                use_tls=options.security == "tls",
                start_tls=options.security == "starttls",
                username=options.user,
                password=password,
                cert_bundle=str(options.ca_file) if options.ca_file else None,
                timeout=25,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {r.recipient: aiosmtplib.SMTPResponse(r.code, r.message) for r in error.recipients}
        except aiosmtplib.SMTPResponseException as error:
            # Only of the mail itself is a no for good: a person mends a login, a sender or a blocked address.
            permanent = _is_permanent(error.code) and isinstance(error, aiosmtplib.SMTPDataError)
            raise DeliveryError(
                f"{options.host}: {error.code} {error.message}", permanent=permanent
            ) from error
        except (aiosmtplib.SMTPException, OSError, UnicodeDecodeError) as error:
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


def _address(text: str) -> str:
    with contextlib.suppress(ValueError, IndexError, HeaderParseError):
        if (
            text.isascii()
            and _ADDRESS.fullmatch(text)
            and len(text) <= 254
            and Address(addr_spec=text).addr_spec == text
        ):
            return text
    raise ValueError(f"{shown(text)} is no e-mail address; write for example oncall@example.org")


def _password(options: EmailOptions) -> str | None:
    """As it stands in its file now, so that a new one counts from the next mail on."""
    return read_secret(options.password_file).get_secret_value() if options.password_file else None


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600 and code not in _LOGIN
