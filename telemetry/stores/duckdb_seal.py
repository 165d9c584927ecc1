"""Moves rows that have come to rest from the tables of the DuckDB store into sorted Parquet files."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import structlog

from runtime.errors import StoreError
from telemetry.catalogue import Measurement
from telemetry.frame import Frame
from telemetry.live import NEVER
from telemetry.stored import STORED
from telemetry.stores.duckdb_connection import run
from telemetry.stores.duckdb_sealed import ALL_SERIES, WHOLE, WRITING, Sealed, literal, quoted

log = structlog.get_logger(__name__)

_MINUTE_MS = 60_000

_FORMAT = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 245760"
"""Version 2 splits the bytes of registers apart: 1.7 bytes instead of 2.6. Groups of twice DuckDB's own size
are a tenth smaller, and one series of many files is found in half the time: their heads are half as long."""


CELL_BYTES = 10
"""Memory that sorting takes for each value, about: so many values as fit go into one file."""

_READY = 1.25
"""Sealing begins with so many times the rows of a stretch at rest: some stay behind, see below."""


@dataclass
class Piece:
    """The file ``id`` of a stretch: series from the first id to before the last."""

    id: int
    from_series: int
    to_series: int
    bytes: int = 0


@dataclass(frozen=True)
class Sealing:
    """Rows ``from_ms <= at_ms < to_ms`` on their way into the files ``pieces``."""

    measurement: Measurement
    from_ms: int
    to_ms: int
    rows: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Sealable:
    """Stretches of ``rows`` are sealed, ``after_ms`` older than the newest, sorted in ``memory`` bytes."""

    rows: int
    after_ms: int
    memory: int


class Sealer:
    """Chooses what is to be sealed, writes its files, and puts those in the place of the rows.

    Rows older than ``after_ms`` before the newest of their measurement have come to rest. When a quarter more
    than ``rows`` of them stand in a table, the shortest stretch of minutes that holds ``rows`` is sealed: a
    few that came days late stay behind, or every stretch would reach over days.

    A stretch goes into as many files as it takes to sort each within ``memory`` bytes, cut by series: a
    question about few series opens one of them.
    """

    def __init__(self, sealed: Sealed, sealable: Sealable) -> None:
        self._sealed, self._sealable = sealed, sealable
        self._grown = Counter({name: sealable.rows for name in STORED})
        self._sealing: Sealing | None = None

    @property
    def due(self) -> bool:
        """Whether enough came since the last look that it is worth another."""
        return any(self._is_due(name) for name in self._grown)

    def take(self, frame: Frame) -> npt.NDArray[np.bool_]:
        """Notice rows that are being stored; tells which are of a stretch that is being sealed."""
        self._grown[frame.measurement.name] += len(frame)
        now = self._sealing
        if now is None or now.measurement.name != frame.measurement.name:
            return np.zeros(len(frame), dtype=np.bool_)
        return np.asarray((frame.at_ms >= now.from_ms) & (frame.at_ms < now.to_ms), dtype=np.bool_)

    def begin(self, connection: duckdb.DuckDBPyConnection, name: str, newest_ms: int) -> Sealing | None:
        """What of the measurement ``name`` is sealed next, noted in the database; None if nothing is."""
        measurement = STORED[name]
        before_ms = newest_ms - self._sealable.after_ms
        chosen = self._choose(connection, measurement, before_ms) if newest_ms > NEVER else None
        if chosen is None:
            self.put_off(name)
            return None
        cuts = self._cuts(connection, measurement, chosen)
        numbers = run(connection, "SELECT nextval('sealed_file') FROM range(?)", [len(cuts)])
        pieces = tuple(Piece(number, *cut) for (number,), cut in zip(numbers, cuts, strict=True))
        columns = ", ".join(map(quoted, measurement.field_names))
        for piece in pieces:
            run(
                connection,
                "INSERT INTO sealed (id, measurement, state, from_ms, to_ms, bytes, columns, from_series, "
                "to_series) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
                [piece.id, name, WRITING, *chosen[:2], columns, piece.from_series, piece.to_series],
            )
        self._sealing = Sealing(measurement, *chosen, pieces)
        return self._sealing

    def write(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing, piece: Piece) -> None:
        """Write a file, sorted by series and time, and see it to the disk. Any thread, its own cursor."""
        path = self._sealed.path(sealing.measurement.name, piece.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(map(quoted, ("series", "at_ms", *sealing.measurement.field_names)))
        rows = (
            f"SELECT {columns} FROM {quoted(sealing.measurement.name)} "
            f"WHERE at_ms >= {sealing.from_ms} AND at_ms < {sealing.to_ms} "
            f"AND series >= {piece.from_series} AND series < {piece.to_series} ORDER BY series, at_ms"
        )
        run(connection, f"COPY ({rows}) TO {literal(str(path))} ({_FORMAT})")
        folder = self._sealed.folder
        for place in (path, path.parent, folder, folder.parent):
            _to_disk(place)
        piece.bytes = path.stat().st_size

    def end(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing) -> bool:
        """Put the files in the place of their rows, in the caller's transaction.

        False if the database was closed meanwhile: it was opened again without them.
        """
        if self._sealing is not sealing:
            return False
        self._sealing = None
        deleted = run(
            connection,
            f"DELETE FROM {quoted(sealing.measurement.name)} WHERE at_ms >= ? AND at_ms < ?",
            [sealing.from_ms, sealing.to_ms],
        )[0][0]
        if deleted != sealing.rows:
            raise StoreError(f"{deleted} rows were to be sealed of {sealing.rows}")
        for piece in sealing.pieces:
            run(
                connection,
                f"UPDATE sealed SET state = '{WHOLE}', bytes = ? WHERE id = ?",
                [piece.bytes, piece.id],
            )
        log.info(
            "rows_sealed",
            measurement=sealing.measurement.name,
            rows=sealing.rows,
            files=len(sealing.pieces),
            bytes=sum(piece.bytes for piece in sealing.pieces),
        )
        return True

    def give_up(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing) -> None:
        """Forget the files; their rows stay where they are."""
        if self._sealing is sealing:
            self._sealing = None
            name = sealing.measurement.name
            self._sealed.unlink(connection, [(piece.id, name) for piece in sealing.pieces])

    def put_off(self, name: str) -> None:
        """Look at the measurement ``name`` again only once more rows of it have come."""
        self._grown[name] = 0

    def candidates(self) -> list[str]:
        """Names of the measurements that are worth a look."""
        return [name for name in self._grown if self._is_due(name)]

    def _is_due(self, name: str) -> bool:
        return self._grown[name] * 4 >= self._sealable.rows

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
        if sum(rows for _, rows in minutes) < _READY * self._sealable.rows:
            return None
        best: tuple[int, int, int] | None = None
        first = held = 0
        for minute, rows in minutes:
            held += rows
            while held - minutes[first][1] >= self._sealable.rows:
                held -= minutes[first][1]
                first += 1
            if held >= self._sealable.rows and (
                best is None or minute + 1 - minutes[first][0] < best[1] - best[0]
            ):
                best = minutes[first][0], minute + 1, held
        return None if best is None else (best[0] * _MINUTE_MS, best[1] * _MINUTE_MS, best[2])

    def _cuts(
        self, connection: duckdb.DuckDBPyConnection, measurement: Measurement, chosen: tuple[int, int, int]
    ) -> list[tuple[int, int]]:
        """First and last id of each file of a stretch, which hold about the same number of rows."""
        from_ms, to_ms, total = chosen
        values = total * (len(measurement.field_names) + 2)
        pieces = -(-values * CELL_BYTES // self._sealable.memory)
        if pieces < 2:
            return [ALL_SERIES]
        found = connection.execute(
            f"SELECT series, count(*) AS rows FROM {quoted(measurement.name)} "
            "WHERE at_ms >= ? AND at_ms < ? GROUP BY series ORDER BY series",
            [from_ms, to_ms],
        ).fetchnumpy()
        series, reached = np.asarray(found["series"]), np.cumsum(found["rows"])
        wanted = np.searchsorted(reached, np.arange(1, pieces) * total / pieces)
        inner = np.unique(series[wanted])
        edges = [ALL_SERIES[0], *map(int, inner[inner > series[0]]), ALL_SERIES[1]]
        return list(pairwise(edges))


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
