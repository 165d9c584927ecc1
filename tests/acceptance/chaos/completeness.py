"""The account of completeness as its disk tells it: stored hours, and what the journal adds to them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from runtime.clock import EPOCH
from telemetry.frame import Frame
from telemetry.intake import COMPLETENESS, COUNTS, INTAKE
from telemetry.journal import Entry, Journal
from telemetry.series import SeriesRegistry, source_of
from telemetry.store import SeriesQuery
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore

Sums = dict[str, Counter[str]]
"""By source, over all hours: the columns that add up."""

_SUMMED = "completeness.position"
"""The journal's counter up to which batches are summed into hours."""

_FAR = datetime(2200, 1, 1, tzinfo=UTC)
_ALL = 1 << 40


async def completeness_on_disk(data_dir: Path) -> Sums:
    """The sums of a service that does not run: what a restart would go on from, without waiting for it."""
    registry = SeriesRegistry()
    journal = Journal(data_dir / "journal.sqlite", registry)
    await journal.open()
    store = DuckDBStore(DuckDBOptions(), registry, data_dir)
    try:
        followed = await store.open()
        hours = await _stored(store)
        sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
        entries = await journal.read(0, _ALL)
        for source, at_ms, row in _rows(entries, COMPLETENESS.name, followed, registry):
            hours[source, at_ms] = row
        for source, _, row in _rows(entries, INTAKE.name, journal.counters.get(_SUMMED, 0), registry):
            sums[source].update(row)
        for again in (await store.repeats(EPOCH, _FAR)).to_pylist():
            sums[source_of(registry.key(again["series"]))]["repeated"] += again["rows"]
    finally:
        await store.close()
        await journal.close()
    for (source, _), row in hours.items():
        sums[source].update(row)
    return dict(sums)


async def _stored(store: DuckDBStore) -> dict[tuple[str, int], Counter[str]]:
    hours = {}
    async for batch in store.raw(SeriesQuery(COMPLETENESS, EPOCH, _FAR, {}, COUNTS)):
        for row in batch.to_pylist():
            hours[row["source"], row["at_ms"]] = Counter({name: row[name] or 0 for name in COUNTS})
    return hours


def _rows(
    entries: Sequence[Entry], measurement: str, after: int, registry: SeriesRegistry
) -> Iterator[tuple[str, int, Counter[str]]]:
    """Source, hour and counts of each row of ``measurement`` in batches behind ``after``."""
    frames = [frame for entry in entries if entry.position > after for frame in entry.frames]
    for frame in frames:
        if frame.measurement.name == measurement:
            yield from _told(frame, registry)


def _told(frame: Frame, registry: SeriesRegistry) -> Iterator[tuple[str, int, Counter[str]]]:
    columns = {name: np.nan_to_num(frame.columns[name]).tolist() for name in COUNTS if name in frame.columns}
    for row, (series, at_ms) in enumerate(zip(frame.series.tolist(), frame.at_ms.tolist(), strict=True)):
        counts = Counter({name: told[row] for name, told in columns.items()})
        yield registry.labels(series)["source"], at_ms, counts
