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
    again = counts > 0
    if not again.any():
        return
    columns = {
        "series": pa.array((keys[again] >> 32).astype(np.int32)),
        "at_ms": pa.array((keys[again] & 0xFFFF_FFFF) * _HOUR_MS),
        "count": pa.array(counts[again]),
    }
    show(connection, "fresh", pa.table(columns))
    run(connection, "INSERT INTO repeated BY NAME FROM fresh")
