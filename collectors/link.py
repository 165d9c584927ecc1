"""One connection to a broker, from CONNECT to DISCONNECT: what an MQTT client library has to offer us."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import SecretStr

from collectors.source import BrokerOptions, Message
from runtime.errors import SourceError

Version = Literal["5", "3.1.1"]

QOS = 1
"""At least once, for what we publish: the only quality of service at which an answer means "taken"."""

CONNECT_TIMEOUT = 10.0
"""Seconds for TCP, TLS and CONNACK, and for each SUBACK and PUBACK."""

OFFLINE, ONLINE = b"offline", b"online"

REFUSED = 0x80
"""Reason codes from here on are refusals."""

TAKEN_OVER = 0x8E

_LOGIN = {4, 5, 0x86, 0x87}
_CLIENT_ID = {2, 0x85}
_VERSION = {1, 0x84}


class Refused(SourceError):
    """The broker understood and said no: only a person can change that, so it is asked again in minutes."""


class TakenOver(Refused):
    """Another client of our name has our session, and what the broker kept in it for us."""


class NotSpoken(SourceError):
    """The broker does not speak this version of MQTT, and said so."""


class Unanswered(SourceError):
    """The broker hung up or kept silent instead of a CONNACK.

    It is going down or coming up, or something before it has nobody to pass us on to; some very old brokers
    do so when they are spoken to in MQTT 5.
    """


class Lost(SourceError):
    """The connection has ended."""


@dataclass(frozen=True)
class Login:
    """What proves who we are, read afresh for each connection so that it can be replaced while we run."""

    user: str | None = None
    password: SecretStr | None = None
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Dial:
    """How to open one connection: to which broker, in which version, as whom."""

    options: BrokerOptions
    version: Version
    login: Login


class Link(Protocol):
    """One connection; a new one is made for each attempt, so nothing of an old one can be mistaken for new.

    Each ``Message.handle`` that a link hands out is its own token and means nothing to another link.
    """

    async def open(self) -> bool:
        """Connect with the retained last will ``offline``; whether the broker had kept our session.

        Raises Refused, NotSpoken, Unanswered or SourceError. After that only :meth:`close` may be called.
        """
        ...

    async def subscribe(self, topics: Sequence[str]) -> Sequence[int]:
        """Ask for ``topics`` at the QoS of the options; one SUBACK reason code each. Raises SourceError."""
        ...

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Stop ``topics``, which an earlier configuration had asked for. Raises SourceError."""
        ...

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Send at QoS 1 and wait for the PUBACK. Raises SourceError."""
        ...

    async def arrived(self) -> list[Message]:
        """All that has arrived, at least one message. Raises Lost when the connection has ended."""
        ...

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        """Send the PUBACKs in this order; return how many, fewer when the connection ends meanwhile."""
        ...

    async def lost(self) -> SourceError:
        """Wait until the connection ends, and tell why."""
        ...

    async def close(self) -> None:
        """DISCONNECT if still connected, and release everything."""
        ...


def refusal(code: int, dial: Dial) -> SourceError:
    """The error that a CONNACK with reason ``code`` means, with what to do about it."""
    where = f"{dial.options.url} answered CONNACK 0x{code:02x}"
    if code in _VERSION:
        return NotSpoken(f"{where}: it does not speak MQTT {dial.version}")
    if code in _LOGIN:
        who = f"user {dial.options.user!r}" if dial.options.user else "no user"
        return Refused(f"{where}: login with {who} refused; check [broker] user and password_file")
    if code in _CLIENT_ID:
        return Refused(f"{where}: client id {dial.options.client_id!r} refused; check [broker] client_id")
    return SourceError(f"{where}: it will not have us now")


def ended(code: int | None, dial: Dial, detail: str) -> SourceError:
    """The error that the end of an established connection means; ``code`` is the DISCONNECT's, if any."""
    if code == TAKEN_OVER:
        return TakenOver(
            f"{dial.options.url} gave our session to another client (0x8e): a second process uses"
            f" client id {dial.options.client_id!r}; give each its own [broker] client_id"
        )
    return Lost(f"connection to {dial.options.url} lost: {detail}")
