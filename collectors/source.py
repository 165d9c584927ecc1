"""The port behind which MQTT clients stand: take what has arrived, acknowledge it once it is on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field, field_validator

from runtime.options import Duration, Options


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT PUBLISH; ``handle`` is the adapter's own token for the acknowledgement."""

    topic: str
    payload: bytes
    retain: bool = False
    handle: object = field(default=None, repr=False, compare=False)


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
        """How often the broker had no session where one was expected: messages may be missing."""
        ...

    async def run(self) -> None:
        """Connect, subscribe, reconnect with jittered backoff, until cancelled."""
        ...

    async def receive(self) -> list[Message]:
        """All that has arrived since the last call, at least one; waits for it, without any timer."""
        ...

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these are safe, in arrival order; those of a lost connection are skipped."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send one message at QoS 1. Raises SourceError when the broker does not take it."""
        ...


class BrokerOptions(Options):
    """The ``[broker]`` table."""

    url: str = "mqtt://127.0.0.1:1883"
    embedded: bool = False
    client: Literal["mqttium", "aiomqtt"] = "mqttium"
    client_id: str = "amberwatt-1"
    topics: tuple[str, ...] = ("dc/v1/#",)
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive: Duration = timedelta(seconds=30)
    session_expiry: Duration = timedelta(days=7)
    receive_maximum: int = Field(default=20_000, ge=1, le=65_535)
    status_topic: str = "amberwatt/v1/status"
    protocol: Literal["auto", "3.1.1", "5"] = "auto"

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if not value.startswith(("mqtt://", "mqtts://")):
            raise ValueError(f"{value!r}: write mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS")
        return value
