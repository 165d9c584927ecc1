"""Late rows of sealed hours: kept aside in the database until somebody has looked for them in the files.

Looking may take seconds, and whoever stores rows cannot wait so long. Rows aside are durable, and every
question finds them over what it finds elsewhere, as if they were in their place already.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from telemetry.arrow import table
from telemetry.catalogue import Measurement
from telemetry.frame import Frame
from telemetry.live import NEVER
from telemetry.order import merged
from telemetry.stored import STORED, is_told
from telemetry.stores import duckdb_sql
from telemetry.stores.duckdb_connection import rows as answer
from telemetry.stores.duckdb_connection import run, show
from telemetry.stores.duckdb_late import hour_keys, note_repeats, put
from telemetry.stores.duckdb_sealed import Parts, Sealed, quoted

_AT_ONCE = 100_000
"""Rows that are put in their place in one transaction: the writer waits for it."""

_FOREVER_MS = 1 << 62


@dataclass(frozen=True)
class Looked:
    """What was found of some rows aside: their ``keys`` (series, at_ms), and which stand in ``parts``.

    ``known`` are those, as the files have them, with the ``id`` of the file.
    """

    parts: Parts
    span: tuple[int, int]
    keys: pa.Table
    known: pa.Table


class Aside:
    """Takes late rows, tells them to who asks, and puts them in their place."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._names: set[str] = set()

    def open(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Find what was left to be done."""
        self._names = {name for name in STORED if _bounds(connection, STORED[name])}

    @property
    def due(self) -> bool:
        """Whether rows wait for :meth:`look`."""
        return bool(self._names)

    def take(self, connection: duckdb.DuckDBPyConnection, rows: Frame) -> int:
        """Keep late ``rows``; returns how many of them say again what is kept here, and notes those.

        The others count, as new or as repeated, when :meth:`settle` finds out.
        """
        late = merged(rows)
        show(connection, "late", table(late))
        span = int(late.at_ms.min()), int(late.at_ms.max())
        fresh = put(connection, rows.measurement, duckdb_sql.aside(rows.measurement.name), span)
        if is_told(rows.measurement):
            note_repeats(connection, hour_keys(rows.series, rows.at_ms), fresh)
        self._names.add(rows.measurement.name)
        return len(rows) - len(fresh)

    def source(
        self,
        connection: duckdb.DuckDBPyConnection,
        measurement: Measurement,
        span: tuple[int, int],
        base: str,
    ) -> str:
        """The rows of ``base``, with those aside over them; to stand after FROM."""
        near = _bounds(connection, measurement, span)
        return duckdb_sql.over(measurement, base, duckdb_sql.aside(measurement.name), near) if near else base

    def look(self, connection: duckdb.DuckDBPyConnection) -> Looked | None:
        """Look in the files for some of the rows aside, of one stretch of time; None if there are none.

        Any thread, in a transaction of its own.
        """
        for name in list(self._names):
            found = run(connection, f"SELECT min(at_ms) FROM {duckdb_sql.aside(name)}")[0][0]
            if found is not None:
                return self._look(connection, STORED[name], found)
        return None

    def _look(self, connection: duckdb.DuckDBPyConnection, measurement: Measurement, since_ms: int) -> Looked:
        here = self._sealed.parts(connection, measurement, (since_ms, since_ms + 1))
        ends = min((part.to_ms for part in here.files), default=since_ms // 60_000 * 60_000 + 60_000)
        keys = answer(
            connection,
            f"SELECT series, at_ms FROM {duckdb_sql.aside(measurement.name)} "
            f"WHERE at_ms >= ? AND at_ms < ? ORDER BY series, at_ms LIMIT {_AT_ONCE}",
            [since_ms, ends],
        )
        series = keys["series"].to_numpy()
        parts = self._sealed.parts(
            connection, measurement, (since_ms, ends), (int(series[0]), int(series[-1]) + 1)
        )
        files = self._sealed.numbered(parts)
        columns = ("series", "at_ms", *measurement.field_names)
        if files is None:
            known = pa.table({name: [] for name in (*columns, "id")})
        else:
            show(connection, "keys", keys)
            known = answer(connection, duckdb_sql.known(measurement, files, "keys"))
        return Looked(parts, (since_ms, ends - 1), keys, known)

    def settle(self, connection: duckdb.DuckDBPyConnection, looked: Looked) -> tuple[int, int] | None:
        """Put what was looked for in its place, in the caller's transaction: rows added, rows repeated.

        None if files have come or gone since: it must be looked for again.
        """
        measurement, (first, last) = looked.parts.measurement, looked.span
        series = looked.keys["series"].to_numpy()
        reach = int(series[0]), int(series[-1]) + 1
        if self._sealed.parts(connection, measurement, (first, last + 1), reach) != looked.parts:
            return None
        place = duckdb_sql.aside(measurement.name)
        show(connection, "keys", looked.keys)
        show(connection, "known", looked.known)
        # As it stands now: what came meanwhile may have told more of the same rows.
        late = answer(connection, f"SELECT * FROM {place} SEMI JOIN keys USING (series, at_ms)")
        show(connection, "late", late)
        _unseal(connection, measurement)
        fresh = put(connection, measurement, quoted(measurement.name), looked.span, known=True)
        run(
            connection,
            f"DELETE FROM {place} AS a USING keys AS k WHERE a.series = k.series AND a.at_ms = k.at_ms",
        )
        if is_told(measurement):
            note_repeats(connection, hour_keys(late["series"].to_numpy(), late["at_ms"].to_numpy()), fresh)
        if not _bounds(connection, measurement):
            self._names.discard(measurement.name)
        return len(fresh), late.num_rows - len(fresh)


def _unseal(connection: duckdb.DuckDBPyConnection, measurement: Measurement) -> None:
    """Move rows of files that ``late`` contradicts into the table.

    From there on the row in the file counts no more, and the one in the table is like any other.
    """
    show(connection, "contradicted", answer(connection, duckdb_sql.contradicted(measurement)))
    run(
        connection,
        f"INSERT INTO {quoted(measurement.name)} BY NAME SELECT * EXCLUDE (id) FROM contradicted",
    )
    run(connection, "INSERT INTO overridden SELECT id, series, at_ms FROM contradicted")


def _bounds(
    connection: duckdb.DuckDBPyConnection,
    measurement: Measurement,
    span: tuple[int, int] = (NEVER, _FOREVER_MS),
) -> str:
    """A condition that all rows aside with times of ``span`` meet; empty if there are none."""
    first, last, least, most = run(
        connection,
        "SELECT min(at_ms), max(at_ms), min(series), max(series) "
        f"FROM {duckdb_sql.aside(measurement.name)} WHERE at_ms >= ? AND at_ms < ?",
        span,
    )[0]
    if first is None:
        return ""
    return f"at_ms BETWEEN {first} AND {last} AND series BETWEEN {least} AND {most}"
