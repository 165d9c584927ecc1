"""The exception tree of the whole service; each class has one owner that catches it.

::

    ServiceError
    ├── ConfigError       the composition root: exit code 2, before anything starts
    ├── SourceError       the collector that raised it: reconnects with backoff
    ├── BadPayload        the decoder's caller: counted, sampled, acknowledged
    ├── BadDocument       whoever asked for it or was handed it: named, nothing of it is kept
    ├── StoreError        the follower of that store: keeps its place and retries
    ├── JournalFull       the collector: acknowledges nothing and waits (backpressure)
    └── DeliveryError     the outbox: retries, or disables the channel when ``permanent``
"""

from __future__ import annotations


class ServiceError(Exception):
    """Something in the service failed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class ConfigError(ServiceError):
    """The configuration is wrong; ``problems`` names every table, key and fix."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceError(ServiceError):
    """A source of messages cannot be reached or refused us."""


class BadPayload(ServiceError):
    """A payload cannot be used; ``reason`` is one of :data:`telemetry.quality.REASONS`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class BadDocument(ServiceError):
    """A document that was fetched or handed in cannot be used; nothing of it is."""


class StoreError(ServiceError):
    """A store refused or lost a write; ``permanent`` means that retrying cannot help."""

    def __init__(self, message: str | None = None, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class JournalFull(ServiceError):
    """The journal has reached its limit; nothing is acknowledged until a store catches up."""


class DeliveryError(ServiceError):
    """A channel could not deliver; ``permanent`` means that this message never will be.

    ``reached`` tells that some of its recipients have it all the same.
    """

    def __init__(self, message: str | None = None, *, permanent: bool = False, reached: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.reached = reached
