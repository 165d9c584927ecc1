"""Moves rows that have come to rest from the tables of the DuckDB store into sorted Parquet files."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
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
from telemetry.stored import STORED, is_told
from telemetry.stores.duckdb_connection import run
from telemetry.stores.duckdb_sealed import ALL_SERIES, WHOLE, WRITING, Parts, Sealed, literal, quoted

log = structlog.get_logger(__name__)

_MINUTE_MS = 60_000

_FORMAT = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 245760"
"""Version 2 splits the bytes of registers apart: 1.7 bytes instead of 2.6. Groups of twice DuckDB's own size
are a tenth smaller, and one series of many files is found in half the time: their heads are half as long."""


CELL_BYTES = 10
"""Memory that sorting takes for each value, about: so many values as fit go into one file."""

MERGED = frozenset(name for name, measurement in STORED.items() if not is_told(measurement))
"""What is kept for years and asked for by the day: few long files answer that better than many short ones.

Readings are gone after days, and there are sixty times as many.
"""

_READY = 1.25
"""Sealing begins with so many times the rows of a stretch at rest: some stay behind, see below."""


@dataclass
class Piece:
    """The file ``id`` of a stretch: series from the first id to before the last."""

    id: int
    from_series: int
    to_series: int
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Stretch:
    """``rows`` of ``from_ms <= at_ms < to_ms`` that are to go into files, cut by series at ``cuts``.

    They stand in the table, or in the files ``merged``.
    """

    measurement: Measurement
    from_ms: int
    to_ms: int
    rows: int
    cuts: tuple[tuple[int, int], ...]
    merged: Parts | None = None


@dataclass(frozen=True)
class Sealing:
    """A stretch on its way into the files ``pieces``."""

    stretch: Stretch
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Sealable:
    """Stretches of ``rows`` are sealed, ``after_ms`` older than the newest, sorted in ``memory`` bytes.

    So many stretches as ``fan`` of each measurement in ``merged`` become one.
    """

    rows: int
    after_ms: int
    memory: int
    fan: int = 6
    merged: frozenset[str] = MERGED

    def pieces(self, measurement: Measurement, rows: int) -> int:
        """So many files ``rows`` go into, that each can be sorted in ``memory`` bytes."""
        return -(-rows * (len(measurement.field_names) + 2) * CELL_BYTES // self.memory)


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
        now = self._sealing.stretch if self._sealing is not None else None
        if now is None or now.merged is not None or now.measurement.name != frame.measurement.name:
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
        rows = f"SELECT series FROM {quoted(name)} WHERE at_ms >= {chosen[0]} AND at_ms < {chosen[1]}"
        found = cuts(connection, rows, chosen[2], self._sealable.pieces(measurement, chosen[2]))
        return self.note(connection, Stretch(measurement, *chosen, found))

    def note(self, connection: duckdb.DuckDBPyConnection, stretch: Stretch) -> Sealing:
        """Note in the database that ``stretch`` goes into files."""
        name = stretch.measurement.name
        numbers = run(connection, "SELECT nextval('sealed_file') FROM range(?)", [len(stretch.cuts)])
        pieces = tuple(Piece(number, *cut) for (number,), cut in zip(numbers, stretch.cuts, strict=True))
        columns, span = listed_columns(stretch.measurement), (stretch.from_ms, stretch.to_ms)
        merged = stretch.merged is not None
        for piece in pieces:
            run(
                connection,
                "INSERT INTO sealed (id, measurement, state, from_ms, to_ms, bytes, columns, from_series, "
                "to_series, merged) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
                [piece.id, name, WRITING, *span, columns, piece.from_series, piece.to_series, merged],
            )
        self._sealing = Sealing(stretch, pieces)
        return self._sealing

    def write(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing, piece: Piece) -> None:
        """Write a file, sorted by series and time, and see it to the disk. Any thread, its own cursor."""
        measurement = sealing.stretch.measurement
        path = self._sealed.path(measurement.name, piece.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(map(quoted, ("series", "at_ms", *measurement.field_names)))
        rows = (
            f"SELECT {columns} FROM {self._source(connection, sealing.stretch, piece)} "
            f"AND series >= {piece.from_series} AND series < {piece.to_series} ORDER BY series, at_ms"
        )
        piece.rows = run(connection, f"COPY ({rows}) TO {literal(str(path))} ({_FORMAT})")[0][0]
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
        stretch, written = sealing.stretch, sum(piece.rows for piece in sealing.pieces)
        left = written if stretch.merged is not None else self._delete(connection, stretch)
        if not left == written == stretch.rows:
            raise StoreError(f"{written} and {left} rows were sealed of {stretch.rows}")
        if stretch.merged is not None:
            self._sealed.replace(connection, stretch.merged)
        for piece in sealing.pieces:
            run(
                connection,
                f"UPDATE sealed SET state = '{WHOLE}', bytes = ? WHERE id = ?",
                [piece.bytes, piece.id],
            )
        log.info(
            "rows_sealed",
            measurement=stretch.measurement.name,
            rows=stretch.rows,
            merged=len(stretch.merged.files) if stretch.merged is not None else 0,
            files=len(sealing.pieces),
            bytes=sum(piece.bytes for piece in sealing.pieces),
        )
        return True

    def give_up(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing) -> None:
        """Forget the files; their rows stay where they are."""
        if self._sealing is sealing:
            self._sealing = None
            name = sealing.stretch.measurement.name
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

    def _source(self, connection: duckdb.DuckDBPyConnection, stretch: Stretch, piece: Piece) -> str:
        """Where the rows of ``piece`` stand, to stand after FROM, with a condition."""
        if stretch.merged is None:
            name = quoted(stretch.measurement.name)
            return f"{name} WHERE at_ms >= {stretch.from_ms} AND at_ms < {stretch.to_ms}"
        span, reach = (stretch.from_ms, stretch.to_ms), (piece.from_series, piece.to_series)
        near = self._sealed.parts(connection, stretch.measurement, span, reach)
        merged = {part.id for part in stretch.merged.files}
        files = tuple(part for part in near.files if part.id in merged)
        return f"({self._sealed.rows(replace(stretch.merged, files=files))}) WHERE true"

    def _delete(self, connection: duckdb.DuckDBPyConnection, stretch: Stretch) -> int:
        deleted = run(
            connection,
            f"DELETE FROM {quoted(stretch.measurement.name)} WHERE at_ms >= ? AND at_ms < ?",
            [stretch.from_ms, stretch.to_ms],
        )
        return int(deleted[0][0])


def listed_columns(measurement: Measurement) -> str:
    """The fields of a file that is written now, as the list of files has them."""
    return ", ".join(map(quoted, measurement.field_names))


def cuts(
    connection: duckdb.DuckDBPyConnection, rows: str, total: int, pieces: int
) -> tuple[tuple[int, int], ...]:
    """First and last id of each file that the SELECT ``rows`` goes into, which hold about the same number."""
    if pieces < 2:
        return (ALL_SERIES,)
    found = connection.execute(
        f"SELECT series, count(*) AS rows FROM ({rows}) GROUP BY series ORDER BY series"
    ).fetchnumpy()
    series, reached = np.asarray(found["series"]), np.cumsum(found["rows"])
    wanted = np.searchsorted(reached, np.arange(1, pieces) * total / pieces)
    inner = np.unique(series[wanted])
    edges = [ALL_SERIES[0], *map(int, inner[inner > series[0]]), ALL_SERIES[1]]
    return tuple(pairwise(edges))


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
