"""Reads the completeness ledger back from a store, as columns by number of the source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from runtime.clock import from_ms
from telemetry.frame import Floats, Millis
from telemetry.intake import COMPLETENESS
from telemetry.intake_sources import NOT_ONE, IntakeSources, Numbers
from telemetry.intake_tally import HOUR_MS
from telemetry.store import AT, SeriesQuery, Store

Columns = Mapping[str, Floats]
"""float64 per field of the ledger; NaN where the store has nothing."""

HourRows = tuple[Numbers, Millis, Columns]
"""Source, hour and columns of each row."""


class StoredHours:
    """Asks ``store``; answers hold only what it has taken by then. Every method raises StoreError.

    Of a store that others write to as well they hold only sources that are told here.
    """

    def __init__(self, store: Store, sources: IntakeSources) -> None:
        self._store = store
        self._sources = sources

    async def hour(self, at_ms: int) -> tuple[Numbers, Columns]:
        """All rows of the hour that starts then."""
        found = [one async for one in self.rows(from_ms(at_ms), from_ms(at_ms + HOUR_MS))]
        sources = [sources for sources, _, _ in found] or [np.zeros(0, dtype=np.int64)]
        names = COMPLETENESS.field_names
        columns = {name: np.concatenate([c[name] for _, _, c in found] or [np.zeros(0)]) for name in names}
        return np.concatenate(sources), columns

    async def latest(self, start: datetime, end: datetime) -> HourRows:
        """The newest row of each source in [start, end)."""
        query = SeriesQuery(COMPLETENESS, start, end)
        return self._columns(await self._store.latest(query), COMPLETENESS.field_names)

    async def rows(
        self,
        start: datetime,
        end: datetime,
        fields: tuple[str, ...] = (),
        only: Sequence[str] | None = None,
    ) -> AsyncIterator[HourRows]:
        """Rows with ``start <= hour < end`` of all sources, or of ``only`` these, some at a time."""
        where = {} if only is None else {"source": list(only)}
        async for batch in self._store.raw(SeriesQuery(COMPLETENESS, start, end, where, fields)):
            yield self._columns(pa.Table.from_batches([batch]), fields or COMPLETENESS.field_names)

    async def repeats(self, start: datetime, end: datetime) -> tuple[Numbers, Millis, Floats]:
        """Source, hour and number of rows that had been stored before; a source may stand there twice."""
        table = await self._store.repeats(start, end)
        series = table["series"].to_numpy().astype(np.int32)
        rows = np.asarray(table["rows"].to_numpy(), dtype=np.float64)
        return self._sources.of_series(series), table[AT].to_numpy().astype(np.int64), rows

    def _columns(self, table: pa.Table, fields: tuple[str, ...]) -> HourRows:
        names = table["source"].combine_chunks().dictionary_encode()
        if isinstance(names, pa.ChunkedArray):  # of no chunk
            names = pa.array([], pa.string()).dictionary_encode()
        known = [self._sources.ours(name) for name in names.dictionary.to_pylist()]
        sources = np.array(known, dtype=np.int64)[names.indices.to_numpy(zero_copy_only=False)]
        columns = {
            name: np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64) for name in fields
        }
        hours = table[AT].to_numpy().astype(np.int64)
        ours = sources != NOT_ONE
        if ours.all():
            return sources, hours, columns
        return sources[ours], hours[ours], {name: column[ours] for name, column in columns.items()}
