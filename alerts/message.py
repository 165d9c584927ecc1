"""What people are told, and the contract of the ways to tell them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

from alerts.board import Alert
from alerts.verdict import Severity
from runtime.errors import DeliveryError
from runtime.registry import Registry

MessageKind = Literal["firing", "repeat", "resolved", "report", "test"]


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class AlertMessage:
    """One message to one channel. ``key`` is stable over retries, so a receiver can drop a repeat.

    ``alert_key`` groups everything about one condition (a thread, a PagerDuty dedup key). ``alerts`` are all
    that the message tells of, as they were then; a message may tell of many conditions of one rule and site.

    ``recipients`` are those of the channel's that are still to get it, empty before the first attempt;
    ``refused`` tells of those that never will.
    """

    key: str
    alert_key: str
    kind: MessageKind
    severity: Severity
    site: str | None
    subject: str
    text: str
    html: str
    at: datetime
    since: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    attachments: tuple[Attachment, ...] = ()
    alerts: tuple[Alert, ...] = ()
    recipients: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class PartlyDelivered(DeliveryError):
    """Some recipients may take the message later; whoever tries again sends ``rest``, and nothing else."""

    def __init__(self, message: str, rest: AlertMessage, *, reached: bool = False) -> None:
        super().__init__(message, reached=reached)
        self.rest = rest


class Channel(Protocol):
    """One way to tell people."""

    async def send(self, message: AlertMessage) -> None:
        """Deliver or raise DeliveryError; ``permanent`` when no retry can help, or PartlyDelivered."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class Mirror(Protocol):
    """A channel whose receiver forgets an alert that it does not hear of again, such as Alertmanager."""

    @property
    def resend(self) -> timedelta:
        """How often it must be told what fires."""
        ...

    async def mirror(self, firing: Sequence[Alert]) -> None:
        """Tell it all that fires, acknowledged or not. Raises DeliveryError; the next turn makes it good."""
        ...


Publish = Callable[[str, bytes], Awaitable[None]]
"""``publish(topic, payload)``: at QoS 1; returns when the broker has it, raises SourceError when not."""


@runtime_checkable
class UsesBroker(Protocol):
    """A channel that sends over the MQTT connection which the service has already."""

    def connect(self, publish: Publish) -> None:
        """Send through ``publish`` from now on."""
        ...


CHANNELS: Registry[Channel] = Registry("channel")
