"""Fills in what a store lacks from the store that is read: a piece at a time, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import cast

import numpy as np
import pyarrow as pa
import structlog

from runtime.clock import from_ms, to_ms
from runtime.errors import StoreError
from telemetry.catalogue import Measurement
from telemetry.frame import Frame, Ints
from telemetry.gap import Gap, Span
from telemetry.journal import Journal
from telemetry.series import SeriesRegistry
from telemetry.store import AT, SeriesQuery, Store
from telemetry.stored import STORED

log = structlog.get_logger(__name__)

PIECE = 50_000
"""Rows of a piece, about: enough to come on, few enough that what arrives meanwhile is not kept waiting."""

_TOGETHER = 64
"""Reads for one piece at most: what late rows leave lacking are many short spans of a few rows each."""

_FIRST_MS, _LEAST_MS, _MOST_MS = 1_000, 100, 86_400_000


@dataclass(frozen=True)
class Piece:
    """All rows of ``spans`` that the first store has."""

    spans: list[Span]
    frames: list[Frame]


class Refill:
    """What the store called ``name`` lacks by the journal's account, read from ``source``.

    ``gone`` tells until when ``source`` may have pruned rows of a measurement. How much time makes a piece is
    found by trying, measurement by measurement.
    """

    def __init__(
        self,
        journal: Journal,
        name: str,
        source: Store,
        gone: Callable[[Measurement], datetime | None] = lambda _: None,
    ) -> None:
        self._journal, self._name, self._source, self._gone = journal, name, source, gone
        self._step_ms: dict[str, int] = {}

    async def piece(self) -> Piece | None:
        """The next rows to write; None when there are none, or when they cannot be read now."""
        piece = Piece([], [])
        try:
            while len(piece.spans) < _TOGETHER and sum(map(len, piece.frames)) < PIECE:
                span = await self._lacking(piece.spans)
                if span is None:
                    break
                read, frames = await self._read(span)
                piece.spans.append(read)
                piece.frames.extend(frames)
        except StoreError as error:
            log.warning("refill_waits", store=self._name, source=self._source.name, error=str(error))
        return piece if piece.spans else None

    async def done(self, piece: Piece) -> None:
        """``piece`` is stored: it is not asked for again, also after a restart. Raises StoreError."""
        left = _filled(self._journal.gaps[self._name], piece.spans)
        await self._journal.keep_gap(self._name, left)
        if not left.spans:
            log.info("store_refilled", store=self._name, source=self._source.name, lost_batches=left.lost)

    async def _lacking(self, taken: Sequence[Span]) -> Span | None:
        """The oldest span that can be had, beside those ``taken``; what was pruned is given up."""
        while True:
            gap = self._journal.gaps.get(self._name, Gap())
            left = _filled(gap, taken).spans
            if not left:
                return None
            if not await self._given_up(gap, left[0]):
                return left[0]

    async def _read(self, span: Span) -> tuple[Span, list[Frame]]:
        """As much of ``span``, from its begin, as makes a piece."""
        name, measurement = span.measurement, STORED[span.measurement]
        while True:
            step = self._step_ms.get(name, _FIRST_MS)
            until = min(span.until_ms, span.first_ms + step)
            frames = await self._rows(measurement, (span.first_ms, until), step > _LEAST_MS)
            if frames is None:
                self._step_ms[name] = max(_LEAST_MS, step // 4)
                continue
            if sum(map(len, frames)) < PIECE // 4:
                self._step_ms[name] = min(_MOST_MS, 4 * step)
            return replace(span, until_ms=until), frames

    async def _rows(
        self, measurement: Measurement, span: tuple[int, int], divisible: bool
    ) -> list[Frame] | None:
        """None when it is too much for one piece and can be ``divisible`` into several."""
        registry = self._journal.registry
        where = registry.places(measurement)
        query = SeriesQuery(measurement, from_ms(span[0]), from_ms(span[1]), where)
        frames: list[Frame] = []
        async with aclosing(self._source.raw(query)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                frames.append(_frame(registry, measurement, batch))
                if divisible and sum(map(len, frames)) > 4 * PIECE:
                    return None
        return frames

    async def _given_up(self, gap: Gap, span: Span) -> bool:
        """Whether the beginning of ``span`` was pruned; then ``gap`` is kept without it, as lost."""
        gone = self._gone(STORED[span.measurement])
        if gone is None or to_ms(gone) <= span.first_ms:
            return False
        old = replace(span, until_ms=min(span.until_ms, to_ms(gone)))
        log.warning(
            "store_hole_stays",
            store=self._name,
            measurement=span.measurement,
            since=from_ms(old.first_ms),
            until=from_ms(old.until_ms),
            reason=f"{self._source.name} has pruned those rows",
        )
        await self._journal.keep_gap(self._name, replace(gap, lost=gap.batches).filled(old))
        return True


def _filled(gap: Gap, spans: Iterable[Span]) -> Gap:
    return reduce(Gap.filled, spans, gap)


def _frame(registry: SeriesRegistry, measurement: Measurement, batch: pa.RecordBatch) -> Frame:
    """The rows of ``batch`` whose series are known here: those of others are theirs to fill in."""
    series = _series(registry, measurement, batch)
    columns = {name: _floats(batch, name) for name in measurement.field_names if name in batch.schema.names}
    at_ms = batch.column(AT).to_numpy().astype(np.int64)
    return Frame(measurement, series, at_ms, columns).take(series >= 0)


def _series(registry: SeriesRegistry, measurement: Measurement, batch: pa.RecordBatch) -> Ints:
    """int32[n], -1 for what is not known."""
    columns = [batch.column(label) for label in measurement.labels]
    codes = np.zeros(batch.num_rows, dtype=np.int64)
    for column in columns:
        known = cast(pa.DictionaryArray, column.dictionary_encode())
        codes = codes * (len(known.dictionary) + 1) + known.indices.to_numpy()
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    found = [
        registry.find(measurement, tuple(column[int(row)].as_py() for column in columns)) for row in first
    ]
    ids = np.array([-1 if one is None else one for one in found], dtype=np.int32)
    return ids[which]


def _floats(batch: pa.RecordBatch, name: str) -> np.ndarray:
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)
