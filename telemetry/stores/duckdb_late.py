"""Late rows of the DuckDB store: put in their place among rows in tables and in sealed files."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from telemetry.arrow import table
from telemetry.frame import Frame, Ints, Millis
from telemetry.order import merged
from telemetry.stored import is_told
from telemetry.stores import duckdb_sql
from telemetry.stores.duckdb_connection import rows as answer
from telemetry.stores.duckdb_connection import run, show
from telemetry.stores.duckdb_sealed import Sealed

_HOUR_MS = 3_600_000


def take_late(connection: duckdb.DuckDBPyConnection, sealed: Sealed, rows: Frame) -> int:
    """Store rows that may have been there before; returns how many were not, and notes the others."""
    fresh_keys = _merge(connection, sealed, merged(rows))
    if len(fresh_keys) < len(rows) and is_told(rows.measurement):
        _note_repeats(connection, rows, fresh_keys)
    return len(fresh_keys)


def _merge(connection: duckdb.DuckDBPyConnection, sealed: Sealed, rows: Frame) -> Millis:
    """Put late ``rows`` in their place and return series and hour, as one key, of those not there before."""
    show(connection, "late", table(rows))
    span = [int(rows.at_ms.min()), int(rows.at_ms.max())]
    parts = sealed.parts(connection, rows.measurement, (span[0], span[1] + 1))
    files = sealed.numbered(parts, rows.at_ms)
    if files is not None:
        _unseal(connection, files, rows)
    inserted = connection.execute(
        duckdb_sql.insert_unknown(rows.measurement, files is not None), span
    ).fetchnumpy()
    keys = _hour_keys(np.asarray(inserted["series"]), np.asarray(inserted["at_ms"]))
    if len(keys) < len(rows):
        run(connection, duckdb_sql.merge_known(rows.measurement), span)
    return keys


def _unseal(connection: duckdb.DuckDBPyConnection, files: str, rows: Frame) -> None:
    """Show as ``known`` which late rows stand in ``files``; what they contradict moves into the table.

    From there on the row in the file counts no more, and the one in the table is like any other.
    """
    show(connection, "known", answer(connection, duckdb_sql.known(rows.measurement, files)))
    run(connection, duckdb_sql.unseal(rows.measurement))
    run(connection, "INSERT INTO overridden SELECT id, series, at_ms FROM known WHERE differs")


def _hour_keys(series: Ints, at_ms: Millis) -> Millis:
    return (series.astype(np.int64) << 32) | at_ms // _HOUR_MS


def _note_repeats(connection: duckdb.DuckDBPyConnection, rows: Frame, fresh_keys: Millis) -> None:
    """Count, by series and hour, those of ``rows`` that are not in ``fresh_keys``."""
    keys, counts = np.unique(_hour_keys(rows.series, rows.at_ms), return_counts=True)
    np.subtract.at(counts, np.searchsorted(keys, fresh_keys), 1)
    again = counts > 0
    columns = {
        "series": pa.array((keys[again] >> 32).astype(np.int32)),
        "at_ms": pa.array((keys[again] & 0xFFFF_FFFF) * _HOUR_MS),
        "count": pa.array(counts[again]),
    }
    show(connection, "fresh", pa.table(columns))
    run(connection, "INSERT INTO repeated BY NAME FROM fresh")
