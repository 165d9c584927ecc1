"""Sealed rows of the DuckDB store: Parquet files beside the database, which lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from runtime.errors import StoreError
from telemetry.catalogue import Measurement
from telemetry.frame import Millis
from telemetry.live import NEVER
from telemetry.stores.duckdb_connection import run

WRITING, WHOLE, LEAVING = "writing", "whole", "leaving"
"""States of a listed file: only the rows of whole ones count; the others are to be unlinked."""

STATE = """
LOAD parquet;
SET GLOBAL enable_external_file_cache = false;
CREATE SEQUENCE IF NOT EXISTS sealed_file;
CREATE TABLE IF NOT EXISTS sealed (
    id INTEGER, measurement VARCHAR, state VARCHAR,
    from_ms BIGINT, to_ms BIGINT, bytes BIGINT, columns VARCHAR
);
ALTER TABLE sealed ADD COLUMN IF NOT EXISTS from_series INTEGER DEFAULT 0;
ALTER TABLE sealed ADD COLUMN IF NOT EXISTS to_series INTEGER DEFAULT 2147483647;
ALTER TABLE sealed ADD COLUMN IF NOT EXISTS merged BOOLEAN DEFAULT false;
CREATE TABLE IF NOT EXISTS overridden (id INTEGER, series INTEGER, at_ms BIGINT);
CREATE TABLE IF NOT EXISTS pruned (measurement VARCHAR PRIMARY KEY, before_ms BIGINT);
"""
"""``overridden`` are rows of a file in whose place others stand in the tables.

DuckDB's ``parquet_metadata_cache`` stays off: it counts a head as a quarter to a half of its size, gives none
back before it has given back all pages, and keeps those of files that are gone. The cache of files is for
remote ones, and would remember every path.
"""

ALL_SERIES = 0, 2**31 - 1
"""Ids of series from the first to before the last: a file of all of them."""

_GLOB = re.compile(r"([*?\[])")


@dataclass(frozen=True)
class Part:
    """One file: rows of ``from_ms <= at_ms < to_ms``, each of the ``columns``; some may be overridden.

    A stretch of time may stand in several, each with other series.
    """

    id: int
    from_ms: int
    to_ms: int
    columns: str
    overridden: bool


@dataclass(frozen=True)
class Parts:
    """Whole files of a measurement that a question needs; rows before ``floor_ms`` in them are pruned."""

    measurement: Measurement
    files: tuple[Part, ...]
    floor_ms: int


class Sealed:
    """The files in ``folder``, as the database lists them.

    What is written about them goes through the connection of the caller, in its transaction.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Unlink what a kill left behind. Raises StoreError when a file is missing or was cut short."""
        run(connection, STATE)
        listed = run(connection, "SELECT id, measurement, state, bytes FROM sealed ORDER BY id")
        left = [(number, name) for number, name, state, _ in listed if state != WHOLE]
        self.unlink(connection, left)
        for number, name, state, size in listed:
            path = self.path(name, number)
            if state == WHOLE and (not path.is_file() or path.stat().st_size != size):
                raise StoreError(
                    f"{path} belongs to the DuckDB store and is missing or cut short: put it back from the "
                    "backup, together with the database of that time",
                    permanent=True,
                )

    def path(self, measurement: str, number: int) -> Path:
        """Where the file ``number`` lies."""
        return self.folder / measurement / f"{number:06d}.parquet"

    def unlink(self, connection: duckdb.DuckDBPyConnection, files: Iterable[tuple[int, str]]) -> None:
        """Remove files (number and measurement) from the disk, then from the list."""
        numbers = []
        for number, measurement in files:
            self.path(measurement, number).unlink(missing_ok=True)
            numbers.append(number)
        if numbers:
            run(connection, "DELETE FROM sealed WHERE list_contains(?, id)", [numbers])

    def floor_ms(self, connection: duckdb.DuckDBPyConnection, measurement: Measurement) -> int:
        """Rows of ``measurement`` in files are pruned before this time."""
        found = run(connection, "SELECT before_ms FROM pruned WHERE measurement = ?", [measurement.name])
        return int(found[0][0]) if found else NEVER

    def parts(
        self,
        connection: duckdb.DuckDBPyConnection,
        measurement: Measurement,
        span: tuple[int, int],
        series: tuple[int, int] = ALL_SERIES,
    ) -> Parts:
        """Files that may hold rows of ``span[0] <= at_ms < span[1]`` and ``series[0] <= id < series[1]``."""
        listed = run(
            connection,
            "SELECT id, from_ms, to_ms, columns, id IN (SELECT id FROM overridden) FROM sealed "
            f"WHERE measurement = ? AND state = '{WHOLE}' AND from_ms < ? AND to_ms > ? "
            "AND from_series < ? AND to_series > ? ORDER BY columns, id",
            [measurement.name, span[1], span[0], series[1], series[0]],
        )
        floor = self.floor_ms(connection, measurement) if listed else NEVER
        return Parts(measurement, tuple(Part(*row) for row in listed), floor)

    def covered(
        self, connection: duckdb.DuckDBPyConnection, measurement: Measurement, at_ms: Millis
    ) -> npt.NDArray[np.bool_]:
        """Which of the times ``at_ms`` lie within a file, or one that is being written."""
        stretches = run(
            connection,
            "SELECT DISTINCT from_ms, to_ms FROM sealed WHERE measurement = ? "
            f"AND state <> '{LEAVING}' AND from_ms <= ? AND to_ms > ? ORDER BY from_ms",
            [measurement.name, int(at_ms.max()), int(at_ms.min())],
        )
        if not stretches:
            return np.zeros(len(at_ms), dtype=np.bool_)
        starts, ends = np.array(stretches, dtype=np.int64).T
        # Where stretches overlap this may say yes between two of them: the row is then only looked for.
        ends = np.maximum.accumulate(ends)
        before = np.searchsorted(starts, at_ms, side="right") - 1
        return np.asarray((before >= 0) & (ends[before] > at_ms), dtype=np.bool_)

    def replace(self, connection: duckdb.DuckDBPyConnection, parts: Parts) -> None:
        """Count the files of ``parts`` no more: others have their rows."""
        numbers = [part.id for part in parts.files]
        run(connection, f"UPDATE sealed SET state = '{LEAVING}' WHERE list_contains(?, id)", [numbers])
        run(connection, "DELETE FROM overridden WHERE list_contains(?, id)", [numbers])

    def leave(
        self, connection: duckdb.DuckDBPyConnection, measurement: Measurement, before_ms: int
    ) -> list[tuple[int, str]]:
        """Count rows before ``before_ms`` no more; returns the files that hold only such."""
        run(
            connection,
            "INSERT INTO pruned VALUES (?, ?) ON CONFLICT DO UPDATE SET "
            "before_ms = greatest(before_ms, excluded.before_ms)",
            [measurement.name, before_ms],
        )
        gone = run(
            connection,
            f"UPDATE sealed SET state = '{LEAVING}' "
            f"WHERE measurement = ? AND state = '{WHOLE}' AND to_ms <= ? RETURNING id, measurement",
            [measurement.name, before_ms],
        )
        if gone:
            run(
                connection,
                "DELETE FROM overridden WHERE list_contains(?, id)",
                [[number for number, _ in gone]],
            )
        return [(number, name) for number, name in gone]

    def source(self, parts: Parts) -> str:
        """All rows that count, of the table and of ``parts``, to stand after FROM."""
        table = quoted(parts.measurement.name)
        if not parts.files:
            return table
        columns = ", ".join(map(quoted, ("series", "at_ms", *parts.measurement.field_names)))
        return f"({' UNION ALL BY NAME '.join((f'SELECT {columns} FROM {table}', *self._selects(parts)))})"

    def rows(self, parts: Parts) -> str:
        """A SELECT of the rows of ``parts`` that count, which has at least one file."""
        return " UNION ALL BY NAME ".join(self._selects(parts))

    def numbered(self, parts: Parts) -> str | None:
        """A SELECT of the rows of ``parts`` that count, with the ``id`` of their file; None without files."""
        return " UNION ALL BY NAME ".join(self._selects(parts, numbered=True)) if parts.files else None

    def _selects(self, parts: Parts, numbered: bool = False) -> Iterator[str]:
        """A SELECT for all files with the same columns, apart from those with rows that are overridden."""
        for (columns, overridden), same in groupby(parts.files, lambda p: (p.columns, p.overridden)):
            named = numbered or overridden
            files = self._read(parts.measurement, [part.id for part in same], named)
            wanted = f"series, at_ms, {columns}{', id' if numbered else ''}"
            without = " ANTI JOIN overridden AS o USING (id, series, at_ms)" if overridden else ""
            kept = f" WHERE at_ms >= {parts.floor_ms}" if parts.floor_ms > NEVER else ""
            yield f"SELECT {wanted} FROM {files} AS t{without}{kept}"

    def _read(self, measurement: Measurement, numbers: Sequence[int], named: bool) -> str:
        paths = ", ".join(literal(_GLOB.sub(r"[\1]", str(self.path(measurement.name, n)))) for n in numbers)
        if not named:
            return f"read_parquet([{paths}], hive_partitioning = false)"
        number = r"CAST(regexp_extract(filename, '([0-9]+)\.parquet$', 1) AS INTEGER)"
        return (
            f"(SELECT * EXCLUDE (filename), {number} AS id "
            f"FROM read_parquet([{paths}], hive_partitioning = false, filename = true))"
        )


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` as a string."""
    return "'" + text.replace("'", "''") + "'"
