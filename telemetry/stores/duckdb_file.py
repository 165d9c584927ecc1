"""The DuckDB file behind the store: blocking, written by one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from runtime.errors import StoreError
from telemetry.arrow import table
from telemetry.catalogue import Measurement
from telemetry.frame import Frame, Ints, Millis
from telemetry.intake import COMPLETENESS
from telemetry.live import NEVER
from telemetry.order import concatenated, merged, not_newer
from telemetry.series import SeriesRegistry
from telemetry.store import StoreCounts
from telemetry.stored import LABELS_OF, STORED, is_told
from telemetry.stores import duckdb_sql

_LOOK_BACK_MS = 15 * 60 * 1000
"""How far back a start looks for the newest row of each series; before that every row is checked as late."""

_MARK_EVERY_MS = 60_000
"""How far the newest time must move before it is written again: an upsert costs as much as 10,000 rows."""


_HOUR_MS = 3_600_000

_OPEN: set[Path] = set()
"""Files that this process has open. DuckDB's own lock keeps out other processes only."""

_OPEN_LOCK = Lock()


class DuckDBFile:
    """Rows, names of series, counts and the journal position, all in one file.

    Rows newer than all of their series are appended. Rows that are not are held against what is stored: an
    unknown time is added, a known one is merged field by field and counted as a duplicate.
    """

    def __init__(self, path: Path, registry: SeriesRegistry, config: Mapping[str, Any]) -> None:
        self.path = path
        self.counts = StoreCounts(0, 0)
        self._registry = registry
        self._config = dict(config)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._position = 0
        self._named = 0
        self._newest: dict[str, Millis] = {}
        self._marked: dict[str, int] = {}
        self._claimed = path

    def open(self) -> int:
        """Connect, make what is missing, and return the position; at once if it is open and sound."""
        if self._connection is not None:
            return self._position
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._claim()
        try:
            return self._connect()
        except BaseException:
            self._let_go()
            raise

    def _connect(self) -> int:
        connection = duckdb.connect(self.path, config=self._config)
        try:
            _run(connection, duckdb_sql.STATE)
            for statement in duckdb_sql.tables():
                _run(connection, statement)
            self._position, stored, duplicates = _run(connection, "FROM followed")[0]
            self.counts = StoreCounts(stored, duplicates)
            self._check_names(connection)
            self._marked = dict(_run(connection, "FROM newest"))
            self._newest = {m.name: self._recent(connection, m) for m in STORED.values()}
            _warm_up(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return self._position

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for one query."""
        return self._open().cursor()

    def append(self, frames: Sequence[Frame], position: int) -> None:
        """Rows, counts and position in one transaction; after an error the file must be opened again."""
        connection = self._open()
        if position <= self._position:
            return
        whole = concatenated(frames)
        try:
            connection.begin()
            named = self._name(connection, whole)
            stored, duplicates = self.counts.rows, self.counts.duplicates
            newest: dict[str, Millis] = {}
            for frame in whole:
                added, repeated, reached = self._take(connection, frame)
                if is_told(frame.measurement):
                    stored, duplicates = stored + added, duplicates + repeated
                newest[frame.measurement.name] = reached
                self._mark_newest(connection, frame.measurement.name, int(reached.max()))
            _run(
                connection,
                "UPDATE followed SET position = ?, stored = ?, duplicates = ?",
                [position, stored, duplicates],
            )
            connection.commit()
        except BaseException:
            # A failed commit may have left the connection unusable; what is on disk is what counts.
            self.close()
            raise
        self._position, self._named = position, named
        self.counts = StoreCounts(stored, duplicates)
        self._newest |= newest

    def prune(self, measurement: Measurement, before_ms: int) -> None:
        """Delete rows older than ``before_ms``; repeats go with the account that they stand in."""
        connection = self._open()
        _run(connection, f'DELETE FROM "{measurement.name}" WHERE at_ms < ?', [before_ms])
        if measurement is COMPLETENESS:
            _run(connection, "DELETE FROM repeated WHERE at_ms < ?", [before_ms])

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            self._let_go()

    def _claim(self) -> None:
        """Two stores on one file would each write every row and follow one position."""
        place = self.path.resolve()
        with _OPEN_LOCK:
            if place in _OPEN:
                raise StoreError(
                    f"the DuckDB file {place} is open in another store of this service: two [[store]] tables "
                    "lead to it; give each its own path"
                )
            _OPEN.add(place)
        self._claimed = place

    def _let_go(self) -> None:
        with _OPEN_LOCK:
            _OPEN.discard(self._claimed)

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreError(f"the DuckDB store {self.path} is not open")
        return self._connection

    def _take(self, connection: duckdb.DuckDBPyConnection, frame: Frame) -> tuple[int, int, Millis]:
        """Rows added, rows repeated, and the newest time of every series after that."""
        newest = self._room(frame)
        late = not_newer(frame, newest[frame.series])
        fresh = frame.take(~late)
        added = len(fresh)
        repeated = 0
        if added:
            _view(connection, "fresh", table(fresh))
            _run(connection, duckdb_sql.insert(frame.measurement))
            np.maximum.at(newest, fresh.series, fresh.at_ms)
        if added < len(frame):
            rows = frame.take(late)
            fresh_keys = _merge(connection, merged(rows))
            added += len(fresh_keys)
            repeated = len(rows) - len(fresh_keys)
            if repeated and is_told(frame.measurement):
                _note_repeats(connection, rows, fresh_keys)
        return added, repeated, newest

    def _room(self, frame: Frame) -> Millis:
        known = self._newest[frame.measurement.name]
        size = max(len(known), int(frame.series.max()) + 1)
        newest = np.full(size, NEVER, dtype=np.int64)
        newest[: len(known)] = known
        return newest

    def _mark_newest(self, connection: duckdb.DuckDBPyConnection, name: str, at_ms: int) -> None:
        """Tell the next start where to look; it looks back far enough for a mark that is a minute old."""
        if at_ms >= self._marked.get(name, NEVER) + _MARK_EVERY_MS:
            _run(connection, "INSERT OR REPLACE INTO newest VALUES (?, ?)", [name, at_ms])
            self._marked[name] = at_ms

    def _name(self, connection: duckdb.DuckDBPyConnection, frames: Sequence[Frame]) -> int:
        """Write the names of the series in ``frames``; the journal has them on disk, later ones maybe not."""
        upto = max((int(f.series.max()) + 1 for f in frames), default=0)
        if upto <= self._named:
            return self._named
        numbers = range(self._named, upto)
        labels = [self._registry.labels(n) for n in numbers]
        columns = {
            "id": pa.array(numbers, pa.int32()),
            "measurement": pa.array([self._registry.key(n)[0] for n in numbers]),
        }
        for label in duckdb_sql.LABELS:
            columns[label] = pa.array([one.get(label) for one in labels], pa.string())
        _view(connection, "fresh", pa.table(columns))
        _run(connection, "INSERT INTO series BY NAME FROM fresh")
        return upto

    def _check_names(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._named = _run(connection, "SELECT count(*) FROM series")[0][0]
        if self._named == 0:
            return
        last = self._named - 1
        if last < len(self._registry):
            name, labels = self._registry.key(last)
            columns = ", ".join(f'"{label}"' for label in LABELS_OF[name])
            stored = _run(connection, f"SELECT measurement, {columns} FROM series WHERE id = {last}")[0]
            if stored == (name, *labels):
                return
        raise StoreError(
            f"the DuckDB store {self.path} and the journal name series differently: "
            "put back the journal that belongs to it, or move the store away",
            permanent=True,
        )

    def _recent(self, connection: duckdb.DuckDBPyConnection, measurement: Measurement) -> Millis:
        """Newest time of each series named so far, or a time that surely no row of it is after."""
        marked = self._marked.get(measurement.name)
        if marked is None:
            return np.full(self._named, NEVER, dtype=np.int64)
        floor = marked - _LOOK_BACK_MS
        newest = np.full(self._named, floor, dtype=np.int64)
        rows: Any = connection.sql(
            f'SELECT series, max(at_ms) AS at_ms FROM "{measurement.name}" WHERE at_ms > ? GROUP BY series',
            params=[floor],
        ).to_arrow_table()
        newest[rows["series"].to_numpy()] = rows["at_ms"].to_numpy()
        return newest


def _merge(connection: duckdb.DuckDBPyConnection, rows: Frame) -> Millis:
    """Put late ``rows`` in their place and return series and hour, as one key, of those not there before."""
    span = [int(rows.at_ms.min()), int(rows.at_ms.max())]
    _view(connection, "late", table(rows))
    inserted = connection.execute(duckdb_sql.insert_unknown(rows.measurement), span).fetchnumpy()
    keys = _hour_keys(np.asarray(inserted["series"]), np.asarray(inserted["at_ms"]))
    if len(keys) < len(rows):
        _run(connection, duckdb_sql.merge_known(rows.measurement), span)
    return keys


def _hour_keys(series: Ints, at_ms: Millis) -> Millis:
    return (np.asarray(series, dtype=np.int64) << 32) | np.asarray(at_ms, dtype=np.int64) // _HOUR_MS


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
    _view(connection, "fresh", pa.table(columns))
    _run(connection, "INSERT INTO repeated BY NAME FROM fresh")


def _warm_up(connection: duckdb.DuckDBPyConnection) -> None:
    """The first write of a process costs a second of imports and first use: pay it before rows wait."""
    _view(connection, "fresh", pa.table({"series": pa.array([0], pa.int32())}))
    _run(connection, "CREATE OR REPLACE TABLE warm_up AS FROM fresh")
    _run(connection, "DELETE FROM warm_up")
    _run(connection, "DROP TABLE warm_up")


def _view(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    connection.register(name, rows)


def _run(
    connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None
) -> list[tuple[Any, ...]]:
    """Run a statement to its end: DuckDB refuses the next one while a result is still open."""
    return connection.execute(sql, values).fetchall()
