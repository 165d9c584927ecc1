"""Late rows of the DuckDB store: put in their place among the rows of a table."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from telemetry.catalogue import Measurement
from telemetry.frame import Ints, Millis
from telemetry.stores import duckdb_sql
from telemetry.stores.duckdb_connection import run, show

_HOUR_MS = 3_600_000


def put(
    connection: duckdb.DuckDBPyConnection,
    measurement: Measurement,
    place: str,
    span: tuple[int, int],
    known: bool = False,
) -> Millis:
    """Add to the table ``place`` what of the view ``late`` it lacks, and merge the rest into its rows.

    ``late`` has each series and time once, times of ``span``, the last included. ``known``: rows that stand
    in the view of that name are not added. Returns :func:`hour_keys` of those that were.
    """
    inserted = connection.execute(duckdb_sql.insert_unknown(place, known), span).fetchnumpy()
    run(connection, duckdb_sql.merge_known(measurement, place), span)
    return hour_keys(np.asarray(inserted["series"]), np.asarray(inserted["at_ms"]))


def hour_keys(series: Ints, at_ms: Millis) -> Millis:
    """Series and hour of each row in one number."""
    return (series.astype(np.int64) << 32) | at_ms // _HOUR_MS


def note_repeats(connection: duckdb.DuckDBPyConnection, told: Millis, fresh: Millis) -> None:
    """Count, by series and hour, the rows ``told`` that are not among the ``fresh`` ones; both as keys."""
    keys, counts = np.unique(told, return_counts=True)
    np.subtract.at(counts, np.searchsorted(keys, fresh), 1)
    keys, counts = keys[counts > 0], counts[counts > 0]
    if not len(keys):
        return
    hours = (keys & 0xFFFF_FFFF) * _HOUR_MS
    columns = {"series": pa.array((keys >> 32).astype(np.int32)), "at_ms": pa.array(hours)}
    show(connection, "again", pa.table(columns))
    span = int(hours.min()), int(hours.max())
    before = connection.execute(duckdb_sql.FORGET_REPEATS, span).fetchnumpy()
    known = hour_keys(np.asarray(before["series"]), np.asarray(before["at_ms"]))
    np.add.at(counts, np.searchsorted(keys, known), np.asarray(before["count"]))
    show(connection, "again", pa.table({**columns, "count": pa.array(counts)}))
    run(connection, "INSERT INTO repeats BY NAME FROM again")
