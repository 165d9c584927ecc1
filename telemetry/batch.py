"""Columns under construction, and the account of the messages that they came from: one group commit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from telemetry.catalogue import Measurement
from telemetry.counted import Counted
from telemetry.frame import Frame
from telemetry.job import JobEvent

SAMPLE_LENGTH = 200
"""Bytes kept of a rejected payload."""

SAMPLES_PER_REASON = 10
"""Rejected messages kept of each reason: a flood of nonsense must neither fill memory nor hide the others."""


@dataclass(frozen=True)
class Rejection:
    """A message or row that was not used, for people to look at."""

    reason: str
    topic: str
    detail: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Again:
    """``count`` rows of ``measurement`` from ``first`` on: a message without a time that was sent before."""

    measurement: Measurement
    first: int
    count: int


class ColumnBuilder:
    """Plain lists, all of one length, for one measurement; appending to lists beats any array per message."""

    __slots__ = ("at_ms", "columns", "measurement", "series")

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self.series: list[int] = []
        self.at_ms: list[int] = []
        self.columns: dict[str, list[float]] = {name: [] for name in measurement.field_names}

    def frame(self) -> Frame:
        """The rows so far as a frame."""
        return Frame(
            self.measurement,
            np.array(self.series, dtype=np.int32),
            np.array(self.at_ms, dtype=np.int64),
            {name: np.array(column, dtype=np.float64) for name, column in self.columns.items()},
        )


@dataclass
class Batch:
    """What a collector hands to the ingest: rows, rejections by reason, and statuses of sources.

    ``received`` counts all messages, used or not; ``unstamped`` by source those that told no time of their
    own, so that arrival stands for it, and ``again`` those of them that the broker had sent before;
    ``statuses`` maps a source to whether it said that it is online. ``missed`` are messages that the
    publishers' own counters show to be lost before they reached us, ``session_gaps`` how often the broker
    had forgotten our session, so that nobody knows how many were lost. ``unknown_fields`` is an estimate of
    how many fields nobody knows, from samples.

    For the account by source: ``told`` and ``told_ms`` name every message that was used by a series of its
    source and by its time, ``gaps`` between which times ``missed`` ones were sent (series, from, to, how
    many), ``jumps`` the same where a count went on so far ahead that only the rhythm can tell how many, and
    ``refused`` counts whole messages by source and reason where the topic was good. ``counted`` is how far
    the publishers' counts have come that it moved, by a series of each.
    """

    received: int = 0
    unknown_fields: int = 0
    missed: int = 0
    session_gaps: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    samples: list[Rejection] = field(default_factory=list)
    statuses: dict[str, bool] = field(default_factory=dict)
    told: list[int] = field(default_factory=list)
    told_ms: list[int] = field(default_factory=list)
    gaps: list[tuple[int, int, int, int]] = field(default_factory=list)
    jumps: list[tuple[int, int, int, int]] = field(default_factory=list)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    counted: dict[int, Counted] = field(default_factory=dict)
    unstamped: dict[str, int] = field(default_factory=dict)
    again: list[Again] = field(default_factory=list)
    builders: dict[str, ColumnBuilder] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    """How many of the ``samples`` are of messages that were used, by what is odd about them."""
    jobs: list[JobEvent] = field(default_factory=list)
    """Events of jobs, which are no readings: they go into the journal as they are."""

    def rows(self, measurement: Measurement) -> ColumnBuilder:
        """The builder of ``measurement``; append one value to every list of it per row."""
        builder = self.builders.get(measurement.name)
        if builder is None:
            builder = self.builders[measurement.name] = ColumnBuilder(measurement)
        return builder

    def reject(self, reason: str, topic: str, detail: str, payload: bytes, source: str | None = None) -> None:
        """Count a message that was not used, of its source if the topic is that of one; keep a sample."""
        before = self.rejected.get(reason, 0)
        self.rejected[reason] = before + 1
        if source is not None:
            self.refused[source, reason] = self.refused.get((source, reason), 0) + 1
        if before < SAMPLES_PER_REASON:
            self.samples.append(Rejection(reason, topic, detail, payload[:SAMPLE_LENGTH]))

    def remark(self, what: str, topic: str, detail: str, payload: bytes) -> None:
        """Keep a message that was used as a sample of what is odd about it."""
        before = self.remarks.get(what, 0)
        if before < SAMPLES_PER_REASON:
            self.remarks[what] = before + 1
            self.samples.append(Rejection(what, topic, detail, payload[:SAMPLE_LENGTH]))

    def lose(self, between: tuple[int, int, int], lost: int, certain: bool) -> None:
        """A publisher's count tells that ``lost`` messages are missing between two times, in ms, of a series.

        -1 takes one of them back: what comes late after all, in the hour of its own time.
        """
        series, since_ms, at_ms = between
        if not certain:
            self.jumps.append((series, since_ms, at_ms, lost))
            return
        self.missed += lost
        self.gaps.append((series, since_ms if lost > 0 else at_ms, at_ms, lost))

    def frames(self) -> list[Frame]:
        """All rows, one frame per measurement; empty ones left out."""
        return [b.frame() for b in self.builders.values() if b.series]
