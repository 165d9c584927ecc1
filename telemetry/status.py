"""What the ingest says of itself: counters for the API, the System page and the alert rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from telemetry.disk import DiskRoom


@dataclass(frozen=True)
class JournalStatus:
    """``bytes`` of ``limit_bytes`` are used by ``entries`` batches; ``head`` is the newest position.

    ``lost`` batches were acknowledged and no longer in the file when it was opened, last ``lost_at``: what no
    store had taken of them is lost.
    """

    entries: int
    bytes: int
    limit_bytes: int
    head: int
    lost: int = 0
    lost_at: datetime | None = None


@dataclass(frozen=True)
class StoreStatus:
    """How far a store has followed; ``lag_s`` is the age of the oldest batch that it lacks, 0 if none.

    ``dead_letters`` are rows that its server will never take, kept in a file beside the data. ``missed``
    batches the journal could not keep for it, the first of which arrived ``missed_since``: they are filled in
    from the first store, as far as it has them.
    """

    name: str
    position: int
    lag_s: float
    error: str | None = None
    dead_letters: int = 0
    missed: int = 0
    missed_since: datetime | None = None


@dataclass(frozen=True)
class RejectSample:
    """One rejected message or row, kept for people: at most 200 characters of its payload."""

    at: datetime
    reason: str
    topic: str
    detail: str
    payload: str


@dataclass(frozen=True)
class SourceStatus:
    """One device or publisher (a topic): when it last spoke, and its retained status if it has one.

    ``source`` is the topic without ``dc/v1/``: ``gdansk/meter/main-1``, ``gdansk/a/r1/n01/gpu``.
    """

    source: str
    measurement: str
    site: str | None
    last_at: datetime | None
    received: int
    online: bool | None = None
    unstamped: int = 0
    """Messages without a time of their own since the service started: their rows bear that of arrival."""
    configured: bool = True
    """False where nothing is accounted: no such site is configured, or its site names no such device."""


@dataclass(frozen=True)
class IngestStatus:
    """Counted since the data directory was made. Messages: received, acknowledged. Rows: the others.

    ``rejected`` counts what was refused, by reason: whole messages where none of it could be used, single
    rows where only their values or times could not. ``rows`` were not refused. ``missed`` messages were
    lost before they reached us, as their publishers' counters show; after each of ``session_gaps`` the
    broker had forgotten our session or given it to another client, and how many were lost is not known.
    ``unstamped`` messages told no time of their own; ``unknown_fields`` is estimated from samples.
    """

    received: int
    acknowledged: int
    stored_rows: int
    duplicates: int
    late: int
    rejected: Mapping[str, int]
    journal: JournalStatus
    stores: Sequence[StoreStatus]
    samples: Sequence[RejectSample] = field(default_factory=tuple)
    connected: bool = False
    """Whether the message source is connected to its broker."""
    rows: int = 0
    missed: int = 0
    session_gaps: int = 0
    unstamped: int = 0
    unknown_fields: int = 0
    last_gap_at: datetime | None = None
    """When the newest of ``session_gaps`` was noticed, if that was since the start of the process."""
    mqtt: str | None = None
    """The version of MQTT that is spoken with the broker; None while none is."""
    disks: tuple[DiskRoom, ...] = ()
    """The file systems that the journal and the stores of this machine lie on."""
