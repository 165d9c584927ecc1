"""Moves rows that have come to rest from the tables of the DuckDB store into sorted Parquet files."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
import structlog

from runtime.errors import StoreError
from telemetry.catalogue import Measurement
from telemetry.frame import Frame
from telemetry.live import NEVER
from telemetry.stored import STORED
from telemetry.stores.duckdb_connection import run
from telemetry.stores.duckdb_sealed import WHOLE, WRITING, Sealed, literal, quoted

log = structlog.get_logger(__name__)

_MINUTE_MS = 60_000

_FORMAT = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 245760"
"""Version 2 splits the bytes of registers apart: 1.7 bytes instead of 2.6. Groups of twice DuckDB's own size
are a tenth smaller, and one series of many files is found in half the time: their heads are half as long."""


@dataclass
class Sealing:
    """Rows ``from_ms <= at_ms < to_ms`` on their way into the file ``id``.

    ``touched``: some of that time came or went meanwhile.
    """

    id: int
    measurement: Measurement
    from_ms: int
    to_ms: int
    rows: int
    bytes: int = 0
    touched: bool = False


class Sealer:
    """Chooses what is to be sealed, writes its file, and puts that in the place of the rows.

    Rows older than ``after_ms`` before the newest of their measurement have come to rest. When twice ``rows``
    of them stand in a table, the shortest stretch of minutes that holds ``rows`` goes into one file: a few
    that came days late stay behind, or every file would reach over days.
    """

    def __init__(self, sealed: Sealed, rows: int, after_ms: int) -> None:
        self._sealed, self._rows, self._after_ms = sealed, rows, after_ms
        self._grown = Counter({name: rows for name in STORED})
        self._sealing: Sealing | None = None

    @property
    def due(self) -> bool:
        """Whether enough came since the last look that it is worth another."""
        return any(self._is_due(name) for name in self._grown)

    def take(self, frame: Frame) -> None:
        """Notice rows that are being stored."""
        self._grown[frame.measurement.name] += len(frame)
        now = self._sealing
        if now is not None and not now.touched and now.measurement.name == frame.measurement.name:
            now.touched = bool(((frame.at_ms >= now.from_ms) & (frame.at_ms < now.to_ms)).any())

    def prune(self, measurement: Measurement, before_ms: int) -> None:
        """Notice that rows go."""
        now = self._sealing
        if now is not None and now.measurement is measurement and now.from_ms < before_ms:
            now.touched = True

    def begin(self, connection: duckdb.DuckDBPyConnection, name: str, newest_ms: int) -> Sealing | None:
        """What of the measurement ``name`` is sealed next, noted in the database; None if nothing is."""
        measurement = STORED[name]
        known = newest_ms > NEVER
        chosen = self._choose(connection, measurement, newest_ms - self._after_ms) if known else None
        if chosen is None:
            self.put_off(name)
            return None
        number = run(connection, "SELECT nextval('sealed_file')")[0][0]
        self._sealing = Sealing(number, measurement, *chosen)
        columns = ", ".join(map(quoted, measurement.field_names))
        values = [number, name, WRITING, *chosen[:2], columns]
        run(connection, "INSERT INTO sealed VALUES (?, ?, ?, ?, ?, 0, ?)", values)
        return self._sealing

    def write(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing) -> None:
        """Write the file, sorted by series and time, and see it to the disk. Any thread, its own cursor."""
        path = self._sealed.path(sealing.measurement.name, sealing.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(map(quoted, ("series", "at_ms", *sealing.measurement.field_names)))
        rows = (
            f"SELECT {columns} FROM {quoted(sealing.measurement.name)} "
            f"WHERE at_ms >= {sealing.from_ms} AND at_ms < {sealing.to_ms} ORDER BY series, at_ms"
        )
        run(connection, f"COPY ({rows}) TO {literal(str(path))} ({_FORMAT})")
        folder = self._sealed.folder
        for place in (path, path.parent, folder, folder.parent):
            _to_disk(place)
        sealing.bytes = path.stat().st_size

    def end(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing) -> bool:
        """Put the file in the place of its rows, in the caller's transaction; False if it is outdated."""
        if self._sealing is not sealing:  # the database was closed meanwhile, and opened again without it
            return False
        if sealing.touched:
            self.give_up(connection, sealing)
            return False
        self._sealing = None
        deleted = run(
            connection,
            f"DELETE FROM {quoted(sealing.measurement.name)} WHERE at_ms >= ? AND at_ms < ?",
            [sealing.from_ms, sealing.to_ms],
        )[0][0]
        if deleted != sealing.rows:
            raise StoreError(f"{deleted} rows were to be sealed of {sealing.rows}")
        run(
            connection,
            f"UPDATE sealed SET state = '{WHOLE}', bytes = ? WHERE id = ?",
            [sealing.bytes, sealing.id],
        )
        log.info("rows_sealed", measurement=sealing.measurement.name, rows=sealing.rows, bytes=sealing.bytes)
        return True

    def give_up(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing) -> None:
        """Forget the file; its rows stay where they are."""
        if self._sealing is sealing:
            self._sealing = None
            self._sealed.unlink(connection, [(sealing.id, sealing.measurement.name)])

    def put_off(self, name: str) -> None:
        """Look at the measurement ``name`` again only once more rows of it have come."""
        self._grown[name] = 0

    def candidates(self) -> list[str]:
        """Names of the measurements that are worth a look."""
        return [name for name in self._grown if self._is_due(name)]

    def _is_due(self, name: str) -> bool:
        return self._grown[name] * 4 >= self._rows

    def _choose(
        self, connection: duckdb.DuckDBPyConnection, measurement: Measurement, before_ms: int
    ) -> tuple[int, int, int] | None:
        """Start and end in ms, and the number of rows, of what is to be sealed."""
        minutes = run(
            connection,
            f"SELECT at_ms // {_MINUTE_MS}, count(*) FROM {quoted(measurement.name)} "
            "WHERE at_ms >= ? AND at_ms < ? GROUP BY 1 ORDER BY 1",
            [self._sealed.floor_ms(connection, measurement), before_ms // _MINUTE_MS * _MINUTE_MS],
        )
        if sum(rows for _, rows in minutes) < 2 * self._rows:
            return None
        best: tuple[int, int, int] | None = None
        first = held = 0
        for minute, rows in minutes:
            held += rows
            while held - minutes[first][1] >= self._rows:
                held -= minutes[first][1]
                first += 1
            if held >= self._rows and (best is None or minute + 1 - minutes[first][0] < best[1] - best[0]):
                best = minutes[first][0], minute + 1, held
        return None if best is None else (best[0] * _MINUTE_MS, best[1] * _MINUTE_MS, best[2])


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
