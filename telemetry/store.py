"""The contract of a time-series store, and the questions that it can be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable

import pyarrow as pa

from runtime.registry import Registry
from telemetry.catalogue import Measurement
from telemetry.disk import Kept
from telemetry.frame import Frame

Aggregate = Literal["mean", "min", "max", "last", "first", "sum", "count"]

AT = "at_ms"
"""Name of the time column of every answer: int64, UTC milliseconds."""


@dataclass(frozen=True)
class SeriesQuery:
    """Rows of ``measurement`` with ``start <= at < end`` whose labels match.

    Attributes:
        where: label name -> accepted values; a label that is not named accepts all.
        fields: the fields wanted; empty means all.
    """

    measurement: Measurement
    start: datetime
    end: datetime
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class WindowQuery:
    """``select`` in steps: ``aggregate`` over time within each series, then combined over ``group_by``.

    Steps are aligned to 1970-01-01T00:00Z and named by their start. ``group_by`` names labels: series that
    agree in them become one, additive fields and counts by sum, others by mean; None keeps every series apart
    and an empty tuple makes one of all.
    """

    select: SeriesQuery
    step: timedelta
    aggregate: Aggregate = "mean"
    group_by: tuple[str, ...] | None = None

    def adds_up(self, field: str) -> bool:
        """Whether the series of a group are summed in ``field``; else their mean is taken."""
        return self.aggregate == "count" or self.select.measurement.field(field).additive


class Sink(Protocol):
    """Follows the journal: takes every frame in order and remembers how far it has come."""

    name: str

    async def open(self) -> int:
        """Connect or create; return the position up to which rows are already stored (0 at first)."""
        ...

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Take ``frames`` and remember ``position``, both or neither. Raises StoreError."""
        ...

    async def close(self) -> None:
        """Release files and connections; what was taken stays."""
        ...


@runtime_checkable
class Trails(Protocol):
    """A sink that needs batches again after a restart although it took them before."""

    @property
    def safe(self) -> int:
        """The position up to which it needs nothing again."""
        ...


@runtime_checkable
class PutsOff(Trails, Protocol):
    """A sink that writes down its place now and then only. Until it has, the journal keeps what it took."""

    async def write_place(self, position: int) -> None:
        """Write down that nothing up to ``position``, all of which it took, is needed again.

        Raises StoreError.
        """
        ...


@runtime_checkable
class Marks(Protocol):
    """A sink that treats batches up to a position differently from those beyond it."""

    @property
    def marks(self) -> Sequence[int]:
        """Positions that no write may span: one ends there, and the next begins."""
        ...


@runtime_checkable
class SetsAside(Protocol):
    """A sink that keeps apart what its server will never take."""

    @property
    def dead_letters(self) -> int:
        """How many rows lie there, for a person to look at."""
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """A sink that keeps its rows on a disk of this machine."""

    @property
    def kept(self) -> Sequence[Kept]:
        """Where."""
        ...


class Readings(Protocol):
    """Answers questions about what is stored.

    Answers are Arrow tables: one string column per label of the measurement (or per ``group_by`` label),
    :data:`AT`, and one float64 column per field with nulls for missing; sorted by labels, then time.
    """

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest row of each series within the range that tells any of the query's fields."""
        ...

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps; steps without rows are absent."""
        ...

    def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows, in batches."""
        ...


class Store(Sink, Readings, Protocol):
    """Keeps frames. A second write of the same rows (same series and time) is harmless: the last one wins."""

    async def prune(self, measurement: Measurement, before: datetime) -> None:
        """Forget rows of ``measurement`` older than ``before``, and give their space back.

        Rows so old that come later may be told until the next time. What belongs to somebody else's server is
        left to the retention that is set there.
        """
        ...

    async def counts(self) -> StoreCounts:
        """What is stored, since the data directory was made."""
        ...

    async def repeats(self, start: datetime, end: datetime) -> pa.Table:
        """How many ``rows`` that devices told were stored before: by ``series`` (id) and hour (``at_ms``).

        Hours of the rows' own times with ``start <= hour < end``. Empty where the server does not say.
        """
        ...


REPEATS = pa.schema([("series", pa.int32()), (AT, pa.int64()), ("rows", pa.float64())])
"""Columns of :meth:`Store.repeats`."""


@dataclass(frozen=True)
class StoreCounts:
    """Rows by what became of them; ``duplicates`` had been stored before with the same series and time."""

    rows: int
    duplicates: int


STORES: Registry[Store] = Registry("store")
