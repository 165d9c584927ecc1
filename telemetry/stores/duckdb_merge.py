"""Chooses sealed files of the DuckDB store that are merged: what few long ones hold is found sooner."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from telemetry.catalogue import Measurement
from telemetry.stored import STORED
from telemetry.stores.duckdb_connection import run
from telemetry.stores.duckdb_seal import Sealable, Stretch, cuts, listed_columns
from telemetry.stores.duckdb_sealed import WHOLE, Sealed

_MOST_GAP = 2
"""Stretches are merged if what they make is no longer than so many times what they are together.

A file leaves the disk when its newest row is too old.
"""


def next_merge(connection: duckdb.DuckDBPyConnection, sealed: Sealed, sealable: Sealable) -> Stretch | None:
    """The oldest stretches that are to become one; None if there are none. Any thread, its own cursor."""
    for name in sorted(sealable.merged):
        measurement = STORED[name]
        found = _following(connection, measurement, sealable.fan)
        if not found:
            continue
        span = min(found)[0], max(end for _, end in found)
        near = sealed.parts(connection, measurement, span)
        columns = listed_columns(measurement)
        files = tuple(p for p in near.files if (p.from_ms, p.to_ms) in found and p.columns == columns)
        parts = replace(near, files=files)
        rows = sealed.rows(parts)
        total = run(connection, f"SELECT count(*) FROM ({rows})")[0][0]
        at = cuts(connection, rows, total, sealable.pieces(measurement, total))
        return Stretch(measurement, *span, total, at, parts)
    return None


def _following(
    connection: duckdb.DuckDBPyConnection, measurement: Measurement, fan: int
) -> set[tuple[int, int]]:
    """From and to of ``fan`` stretches that follow each other and were not merged yet; empty without."""
    stretches = run(
        connection,
        f"SELECT DISTINCT from_ms, to_ms FROM sealed WHERE measurement = ? AND state = '{WHOLE}' "
        "AND NOT merged AND columns = ? ORDER BY from_ms, to_ms",
        [measurement.name, listed_columns(measurement)],
    )
    for first in range(len(stretches) - fan + 1):
        several = stretches[first : first + fan]
        reach = max(end for _, end in several) - several[0][0]
        if reach <= _MOST_GAP * sum(end - start for start, end in several):
            return {(start, end) for start, end in several}
    return set()
