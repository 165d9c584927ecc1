"""The port behind which MQTT clients stand: take what has arrived, acknowledge it once it is on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal, Protocol, runtime_checkable
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

import collectors.sources
from runtime.options import Duration, Options, shown
from runtime.registry import Registry


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT PUBLISH; ``handle`` is the adapter's own token for the acknowledgement.

    ``dup`` is MQTT's: the broker has sent it before. It may have arrived then or not.
    """

    topic: str
    payload: bytes
    retain: bool = False
    handle: object = field(default=None, repr=False, compare=False)
    dup: bool = False


class MessageSource(Protocol):
    """Delivers messages at least once: what was not acknowledged comes again after a crash.

    Memory is bounded by the receive maximum: the broker sends no more than that many unacknowledged messages.
    """

    @property
    def connected(self) -> bool:
        """Whether the broker is connected and every subscription was granted."""
        ...

    @property
    def session_gaps(self) -> int:
        """How often the broker had no session where one was expected, or another client took it over.

        Messages may be missing.
        """
        ...

    @property
    def problem(self) -> str | None:
        """Why there is no working connection, or none that lasts, for people; None while all is well."""
        ...

    @property
    def window(self) -> int:
        """Messages after which the broker waits for an acknowledgement, as far as we know."""
        ...

    async def run(self) -> None:
        """Connect, subscribe, reconnect with jittered backoff, until cancelled."""
        ...

    async def receive(self) -> list[Message]:
        """All that has arrived since the last call, at least one; waits for it, without any timer."""
        ...

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        """Tell the broker that these are safe, in arrival order; return of how many it was told.

        Those of a lost connection are skipped. Those of QoS 0 need no telling and count as told.
        """
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send one message at QoS 1. Raises SourceError when the broker does not take it."""
        ...


@runtime_checkable
class Speaks(Protocol):
    """A message source that speaks MQTT, in one version or another."""

    @property
    def version(self) -> str | None:
        """``5`` or ``3.1.1``; None while there is no connection."""
        ...


SOURCES: Registry[MessageSource] = Registry("MQTT client")
"""MQTT clients by the name that ``[broker] client`` uses, one file each in ``collectors/sources``."""


class BrokerOptions(Options):
    """The ``[broker]`` table; ``client`` is one of :data:`SOURCES`.

    ``qos`` is what is subscribed at, and ``lasting`` whether the broker keeps a session while we are away: at
    least once here, see :class:`PassingOptions` for the other way.
    """

    qos: ClassVar[Literal[0, 1]] = 1
    lasting: ClassVar[bool] = True

    url: str = "mqtt://127.0.0.1:1883"
    embedded: bool = False
    client: str = "mqtt5"
    client_id: str = Field(default="amberwatt-1", pattern=r"^[^\x00-\x1f\x7f]+$", max_length=100)
    topics: tuple[str, ...] = ("dc/v1/#",)
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive: Duration = Field(default=timedelta(seconds=30), le=timedelta(seconds=65_535))
    session_expiry: Duration = timedelta(days=7)
    will_delay: Duration = timedelta(seconds=30)
    """MQTT 5 only: a restart shorter than this is not announced as ``offline``."""
    receive_maximum: int = Field(default=20_000, ge=1, le=65_535)
    status_topic: str = "amberwatt/v1/status"
    protocol: Literal["auto", "3.1.1", "5"] = "auto"

    @field_validator("client")
    @classmethod
    def _known_client(cls, value: str) -> str:
        SOURCES.load(collectors.sources)
        return SOURCES.known(value)

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        # First of all: whatever else is wrong, a message with the url in it would tell the password. An @ has
        # no other meaning in what is allowed here, and how much of a broken url is a login nobody can say.
        if "@" in value or "%40" in value:
            raise ValueError("a login does not belong in the url: use user and password_file")
        if not value.startswith(("mqtt://", "mqtts://")):
            raise ValueError(f"{shown(value)}: write mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS")
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"{shown(value)}: {error}; write mqtt://HOST:PORT") from None
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(
                f"{shown(value)}: write only scheme, host and port, as in mqtts://broker.example:8883"
            )
        return value

    @model_validator(mode="after")
    def _key_and_certificate(self) -> BrokerOptions:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: give both or neither")
        if (self.ca_file or self.cert_file) and not self.tls:
            raise ValueError("ca_file and cert_file need TLS: write mqtts:// in url")
        return self

    @property
    def host(self) -> str:
        """Host name or address of the broker."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """TCP port of the broker; 1883, or 8883 with TLS, when the url has none."""
        return urlsplit(self.url).port or (8883 if self.tls else 1883)

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("mqtts://")

    def passing(self, name: str) -> PassingOptions:
        """The same broker and topics for an onlooker, with ``name`` behind client id and status topic."""
        own = {"client_id": f"{self.client_id}-{name}", "status_topic": f"{self.status_topic}/{name}"}
        return PassingOptions.model_construct(**{**vars(self), **own})


class PassingOptions(BrokerOptions):
    """How an onlooker listens: what it misses is kept for nobody, so it costs the broker nothing to keep."""

    qos: ClassVar[Literal[0, 1]] = 0
    lasting: ClassVar[bool] = False
