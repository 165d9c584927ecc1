"""What was known before the last stop: the live state, from the store and the journal's unread tail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import structlog

from runtime.clock import MILLISECOND, from_ms, to_ms
from runtime.errors import StoreError
from telemetry.catalogue import MEASUREMENTS, Measurement
from telemetry.frame import Frame
from telemetry.journal import Journal
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.sources import SourceBook
from telemetry.store import AT, SeriesQuery, Store
from telemetry.stored import is_told

log = structlog.get_logger(__name__)

_LOOK_BACK = (timedelta(minutes=2), timedelta(hours=1), timedelta(days=1), timedelta(days=35))
"""Ranges that are searched one after the other until every series was found."""

_MOST_ROWS = 200_000_000
"""A range that may hold more rows, at one per second and series, is not searched: a start takes seconds."""


async def restore(journal: Journal, store: Store, live: LiveState, sources: SourceBook) -> int:
    """Fill ``live`` and ``sources`` with what was known last; return the number of series found in the store.

    Of a store that others write to as well only what is told here is taken.
    The journal must be open (it restored the registry); the store is opened. While it cannot be reached all
    that the journal still holds is all that is known: collecting is not to wait for it. Raises StoreError
    when waiting cannot mend the store.
    """
    position = found = 0
    try:
        position = await store.open()
        if journal.newest_ms is not None:
            registry, newest = journal.registry, from_ms(journal.newest_ms)
            for measurement in MEASUREMENTS.values():
                named = map(registry.key, live.registered(measurement, {}).tolist())
                wanted = Wanted(measurement, newest, sum(map(registry.owns, named)))
                found += await find_newest(registry, store, live, wanted)
    except StoreError as error:
        if error.permanent:
            raise
        position = 0
        log.warning("store_not_asked", store=store.name, error=str(error), restored_from="the journal alone")
    while entries := await journal.read(position):
        for entry in entries:
            for frame in filter(lambda one: is_told(one.measurement), entry.frames):
                live.update(frame)
        position = entries[-1].position
    sources.tell(journal.statuses)
    log.info("state_restored", series=found, sources=len(journal.statuses), position=position)
    return found


@dataclass(frozen=True)
class Wanted:
    """The newest rows of ``measurement`` up to ``newest``, of about so many series."""

    measurement: Measurement
    newest: datetime
    series: int


async def find_newest(registry: SeriesRegistry, store: Store, live: LiveState, wanted: Wanted) -> int:
    """Fill ``live`` from ``store``, looking further and further back; the number of series found.

    Raises StoreError.
    """
    measurement, newest, expected = wanted.measurement, wanted.newest, wanted.series
    where = registry.places(measurement)
    rows = 0
    for span in _LOOK_BACK:
        if rows >= expected or expected * span.total_seconds() > _MOST_ROWS:
            break
        query = SeriesQuery(measurement, newest - span, newest + MILLISECOND, where)
        latest = _ours(registry, measurement, await store.latest(query))
        if max(rows, latest.num_rows):  # a store without any may be one that does not take them
            live.searched(measurement, to_ms(query.start))
        if latest.num_rows > rows:
            rows = latest.num_rows
            live.update(_frame(registry, measurement, latest))
            for field in measurement.field_names:
                if latest[field].null_count:  # the newest row lacks it: an older one may tell it
                    older = await store.latest(replace(query, fields=(field,)))
                    live.update(_frame(registry, measurement, _ours(registry, measurement, older)))
    return rows


def _ours(registry: SeriesRegistry, measurement: Measurement, latest: pa.Table) -> pa.Table:
    """The rows of ``latest`` that are told here: names of others are none of ours."""
    if registry.share.everything:
        return latest
    labels = zip(*(latest[label].to_pylist() for label in measurement.labels), strict=True)
    return latest.filter(pa.array([registry.owns((measurement.name, one)) for one in labels], pa.bool_()))


def _frame(registry: SeriesRegistry, measurement: Measurement, latest: pa.Table) -> Frame:
    columns = {name: _floats(latest, name) for name in measurement.field_names if name in latest.column_names}
    at_ms = latest[AT].to_numpy().astype(np.int64)
    return Frame(measurement, _series(registry, measurement, latest), at_ms, columns)


def _series(registry: SeriesRegistry, measurement: Measurement, table: pa.Table) -> np.ndarray:
    labels = zip(*(table[label].to_pylist() for label in measurement.labels), strict=True)
    return np.array([registry.id(measurement, one) for one in labels], dtype=np.int32)


def _floats(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
