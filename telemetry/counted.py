"""How far each publisher's own count has come, kept with the batch that moved it: a restart forgets none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

import numpy as np
import pyarrow as pa

from runtime.errors import StoreError
from telemetry.frame import Ints, Mask, Millis
from telemetry.intake_sources import IntakeSources, Numbers, roomy
from telemetry.series import SeriesRegistry

REMEMBERED = 128
"""Newest numbers of a publisher of which it is known one by one whether they came."""

ALL = (1 << REMEMBERED) - 1
"""All of them came."""

WHOLE_BYTES = 2 << 20
"""What is written of single batches before all is written anew, and :data:`WHOLE_TIMES` as much as that."""

WHOLE_TIMES = 8

_BYTES = REMEMBERED // 8
_newest, _at_ms, _came = attrgetter("newest"), attrgetter("at_ms"), attrgetter("came")
_WRITE = pa.ipc.IpcWriteOptions(compression="zstd")


class Counted(Protocol):
    """A publisher's count: its ``newest`` number, told at ``at_ms``, and a bit for each of the last ones.

    The lowest bit of ``came`` is that of the newest number.
    """

    @property
    def newest(self) -> int: ...
    @property
    def came(self) -> int: ...
    @property
    def at_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Count:
    """A :class:`Counted` as it was on disk."""

    newest: int
    came: int
    at_ms: int


@dataclass(frozen=True)
class Seen:
    """What goes to disk with a batch; what is ``whole`` stands for all that was written before."""

    payload: bytes
    whole: bool


class PublisherCounts:
    """By number of the source; written by the ingest with every batch, asked by decoders after a start.

    A batch writes the counts that it moved, and now and then one writes all. Publishers beyond the limit of
    names are not remembered, and neither are those that another process takes now: they may go on there.
    """

    def __init__(self, sources: IntakeSources, registry: SeriesRegistry) -> None:
        self._sources, self._registry = sources, registry
        self._newest: Numbers = np.zeros(0, dtype=np.int64)
        self._at_ms: Millis = np.zeros(0, dtype=np.int64)
        self._known: Mask = np.zeros(0, dtype=np.bool_)
        self._holes: dict[int, int] = {}
        self._allowed = self._written = 0

    def restore(self, payloads: Sequence[bytes]) -> None:
        """Take over what :meth:`seen` told, in the order in which it was written. Raises StoreError."""
        for payload in payloads:
            self._take(*_unpacked(payload))

    def find(self, source: str) -> Count | None:
        """How far the publisher ``source`` has come; None if nothing is known of it."""
        number = self._sources.find(source)
        if not number or number >= len(self._known) or not self._known[number]:
            return None
        came = self._holes.get(number, ALL)
        return Count(int(self._newest[number]), came, int(self._at_ms[number]))

    def seen(self, counts: Mapping[int, Counted]) -> Seen | None:
        """What is to be written with a batch that moved ``counts``, by a series of each publisher."""
        if not counts:
            return None
        numbers = self._sources.of_series(np.fromiter(counts, np.int32, len(counts)))
        told = counts.values()
        newest = np.fromiter(map(_newest, told), np.int64, len(told))
        at_ms = np.fromiter(map(_at_ms, told), np.int64, len(told))
        came = list(map(_came, told))
        holes = {}
        if came.count(ALL) < len(came):
            holes = {n: one for n, one in zip(numbers.tolist(), came, strict=True) if one != ALL}
        self._keep(numbers, (newest, at_ms), holes)
        whole = self._written >= self._allowed
        mine = self._known
        if not whole:
            mine = np.zeros(len(self._known), dtype=np.bool_)
            mine[numbers] = True  # cheaper than to sort them
        payload = self._packed(np.flatnonzero(mine & self._known))
        if whole:
            self._allowed, self._written = WHOLE_BYTES + WHOLE_TIMES * len(payload), 0
        self._written += len(payload)
        return Seen(payload, whole)

    def _keep(self, numbers: Numbers, counts: tuple[Numbers, Millis], holes: Mapping[int, int]) -> None:
        self._grow(int(numbers.max(initial=0)) + 1)
        self._newest[numbers], self._at_ms[numbers] = counts
        self._known[numbers] = True
        self._known[:1] = False  # nobody in particular has no count
        if self._holes:
            for number in self._holes.keys() & set(numbers.tolist()):
                del self._holes[number]
        self._holes.update(holes)

    def _take(self, ids: Ints, counts: tuple[Numbers, Millis], came: Sequence[bytes | None]) -> None:
        names = [self._registry.key(number)[1][0] for number in ids.tolist()]
        numbers = np.array([max(0, self._sources.ours(name)) for name in names], dtype=np.int64)
        holes = {n: int.from_bytes(c) for n, c in zip(numbers.tolist(), came, strict=True) if c is not None}
        self._keep(numbers, counts, holes)

    def _packed(self, numbers: Numbers) -> bytes:
        kind, came = pa.binary(_BYTES), pa.nulls(len(numbers), pa.binary(_BYTES))
        if self._holes:
            holes = map(self._holes.get, numbers.tolist())
            came = pa.array([None if one is None else one.to_bytes(_BYTES) for one in holes], kind)
        columns = {
            "source": pa.array(self._sources.ids(numbers)),
            "newest": pa.array(self._newest[numbers]),
            "at_ms": pa.array(self._at_ms[numbers]),
            "came": came,
        }
        batch = pa.record_batch(columns)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=_WRITE) as stream:
            stream.write_batch(batch)
        return bytes(memoryview(sink.getvalue()))

    def _grow(self, size: int) -> None:
        old = len(self._known)
        if size > old:
            more = roomy(size, old) - old
            self._newest = np.append(self._newest, np.zeros(more, dtype=np.int64))
            self._at_ms = np.append(self._at_ms, np.zeros(more, dtype=np.int64))
            self._known = np.append(self._known, np.zeros(more, dtype=np.bool_))


def _unpacked(payload: bytes) -> tuple[Ints, tuple[Numbers, Millis], Sequence[bytes | None]]:
    try:
        with pa.ipc.open_stream(payload) as stream:
            table = stream.read_all()
        ids = table["source"].to_numpy().astype(np.int32)
        counts = (table["newest"].to_numpy().astype(np.int64), table["at_ms"].to_numpy().astype(np.int64))
        return ids, counts, table["came"].to_pylist()
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise StoreError(
            f"publishers' counts in the journal cannot be decoded: {error}", permanent=True
        ) from error
