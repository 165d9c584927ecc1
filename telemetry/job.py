"""What is told of jobs: events with words in them, which travel the journal beside the readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np

from runtime.errors import BadPayload
from telemetry.catalogue import Measurement
from telemetry.frame import Frame

JOB = Measurement("job", ("site", "job"), ())
"""A job of a site; its rows hold no numbers but a document each, and no store keeps them."""

Word = Annotated[str, msgspec.Meta(max_length=200)]
Place = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

Kind = Literal["start", "stop", "update"]

MJ_PER_WH = 3_600_000
"""Millijoules of a watt-hour."""


class Seat(msgspec.Struct, frozen=True):
    """Where the GPU ``uuid`` is from the event on: in ``node`` (hall/rack/node) as number ``i``."""

    uuid: Place
    node: Place
    i: Annotated[int, msgspec.Meta(ge=0, le=1023)]


class Counter(msgspec.Struct, frozen=True):
    """One row of an energy counter at the time of the event: in millijoules (``mj``) or watt-hours."""

    uuid: Place
    mj: Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)] | None = None
    wh: Annotated[float, msgspec.Meta(ge=0)] | None = None

    @property
    def millijoules(self) -> int | None:
        """The count; None if the row tells none."""
        if self.mj is not None:
            return self.mj
        return None if self.wh is None else round(self.wh * MJ_PER_WH)


class Told(msgspec.Struct, frozen=True):
    """A payload on the topic of a job. ``at`` is ISO 8601 with an offset or Unix time in ms."""

    event: Kind
    at: int | str | None = None
    tenant: Word | None = None
    project: Word | None = None
    name: Word | None = None
    nodes: tuple[Place, ...] | None = None
    gpus: tuple[Place | Seat, ...] | None = None
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    counters: tuple[Counter, ...] = ()


class JobEvent(msgspec.Struct, frozen=True):
    """One event of the job ``job`` of ``site`` at ``at_ms``.

    ``members`` are nodes (``hall/rack/node``), GPUs (``hall/rack/node/number``) and UUIDs of GPUs; None where
    the event does not tell any. ``share`` is the part of them that the job was promised. ``counters`` are the
    greatest count of each UUID, in mJ.
    """

    site: str
    job: str
    kind: Kind
    at_ms: int
    tenant: str | None = None
    project: str | None = None
    name: str | None = None
    members: tuple[str, ...] | None = None
    share: float | None = None
    seats: tuple[Seat, ...] = ()
    counters: Mapping[str, int] = msgspec.field(default_factory=dict)


def by_uuid(rows: Sequence[Counter]) -> dict[str, int]:
    """The count of each GPU in mJ: the greatest of its rows, never their sum.

    An exporter of a GPU that is cut into instances (MIG) repeats the counter of the whole GPU for each.
    """
    found: dict[str, int] = {}
    for row in rows:
        count = row.millijoules
        if count is not None:
            found[row.uuid] = max(count, found.get(row.uuid, 0))
    return found


def members_of(told: Told) -> tuple[str, ...] | None:
    """What the job runs on, each once and in order; None where the event does not say."""
    if told.nodes is None and told.gpus is None:
        return None
    gpus = (one.uuid if isinstance(one, Seat) else one for one in told.gpus or ())
    return tuple(sorted({*(told.nodes or ()), *gpus}))


def seats_of(told: Told) -> tuple[Seat, ...]:
    """Where the event says that GPUs are."""
    return tuple(one for one in told.gpus or () if isinstance(one, Seat))


def is_node(member: str) -> bool:
    """Whether ``member`` names a node."""
    return member.count("/") == 2


def is_gpu(member: str) -> bool:
    """Whether ``member`` names a GPU by its place; what is neither is a UUID."""
    return member.count("/") == 3


def frame(told: Sequence[JobEvent]) -> Frame:
    """Events as rows without numbers or series."""
    at_ms = np.array([one.at_ms for one in told], dtype=np.int64)
    return Frame(JOB, np.zeros(len(told), dtype=np.int32), at_ms, {}, tuple(map(_PACK.encode, told)))


def events(frame: Frame) -> list[JobEvent]:
    """The events that ``frame`` holds. Raises BadPayload when it holds something else."""
    try:
        return [_UNPACK.decode(text) for text in frame.texts]
    except msgspec.DecodeError as error:
        raise BadPayload("undecodable", f"no event of a job: {error}") from None


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(JobEvent)
