"""The DuckDB file behind the store: blocking, written by one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from runtime.clock import to_ms
from runtime.errors import StoreError
from telemetry.arrow import table
from telemetry.catalogue import Measurement
from telemetry.frame import Frame, Millis
from telemetry.intake import COMPLETENESS
from telemetry.live import NEVER
from telemetry.order import concatenated, merged, not_newer
from telemetry.series import SeriesRegistry
from telemetry.store import SeriesQuery, StoreCounts
from telemetry.stored import LABELS_OF, STORED, is_told
from telemetry.stores import duckdb_sql
from telemetry.stores.duckdb_aside import Aside, Looked
from telemetry.stores.duckdb_connection import rows, run, show
from telemetry.stores.duckdb_late import hour_keys, note_repeats, put
from telemetry.stores.duckdb_merge import next_merge
from telemetry.stores.duckdb_readers import Readers
from telemetry.stores.duckdb_seal import Piece, Sealable, Sealer, Sealing, Stretch
from telemetry.stores.duckdb_sealed import ALL_SERIES, Sealed, quoted

_LOOK_BACK_MS = 15 * 60 * 1000
"""How far back a start looks for the newest row of each series; before that every row is checked as late."""

_MARK_EVERY_MS = 60_000
"""How far the newest time must move before it is written again: an upsert costs as much as 10,000 rows."""


_OPEN: set[Path] = set()
"""Files that this process has open. DuckDB's own lock keeps out other processes only."""

_OPEN_LOCK = Lock()


_FOREVER_MS = 1 << 62


class DuckDBFile:
    """Rows, names of series, counts and the journal position, all in one file and the sealed ones beside it.

    Rows newer than all of their series are appended. Rows that are not are held against what is stored: an
    unknown time is added, a known one is merged field by field and counted as a duplicate. Where that means
    to look into sealed files they are kept aside, told as if they were in place, and counted once they are.
    """

    def __init__(
        self, path: Path, registry: SeriesRegistry, config: Mapping[str, Any], sealable: Sealable
    ) -> None:
        self.path = path
        self.readers = Readers()
        self._sealed = Sealed(path.with_name(f"{path.name}.sealed"))
        self._sealable = sealable
        self._sealer = Sealer(self._sealed, sealable)
        self._aside = Aside(self._sealed)
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
            run(connection, duckdb_sql.STATE)
            run(connection, duckdb_sql.FOLD_REPEATS)
            self._sealed.open(connection)
            self._sealer = Sealer(self._sealed, self._sealable)
            for statement in duckdb_sql.tables(run(connection, duckdb_sql.COLUMNS)):
                run(connection, statement)
            self._aside.open(connection)
            self._position, stored, duplicates = run(connection, "FROM followed")[0]
            self.counts = StoreCounts(stored, duplicates)
            self._check_names(connection)
            self._marked = dict(run(connection, "FROM newest"))
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
        self._open()
        if position <= self._position:
            return
        whole = concatenated(frames)
        with self._transaction() as connection:
            named = self._name(connection, whole)
            stored, duplicates = self.counts.rows, self.counts.duplicates
            newest: dict[str, Millis] = {}
            for frame in whole:
                added, repeated, reached = self._take(connection, frame)
                if is_told(frame.measurement):
                    stored, duplicates = stored + added, duplicates + repeated
                newest[frame.measurement.name] = reached
                self._mark_newest(connection, frame.measurement.name, int(reached.max()))
            _follow(connection, position, StoreCounts(stored, duplicates))
        self._position, self._named = position, named
        self.counts = StoreCounts(stored, duplicates)
        self._newest |= newest

    def prune(self, measurement: Measurement, before_ms: int) -> None:
        """Delete rows older than ``before_ms``; repeats go with the account that they stand in.

        Files of such rows alone leave the disk, now or once nobody reads them any more. Not to be asked while
        rows are being sealed, or are aside.
        """
        with self._transaction() as connection:
            run(connection, f'DELETE FROM "{measurement.name}" WHERE at_ms < ?', [before_ms])
            if measurement is COMPLETENESS:
                run(connection, "DELETE FROM repeats WHERE at_ms < ?", [before_ms])
            gone = self._sealed.leave(connection, measurement, before_ms)
        self._unlink(gone)

    def source(self, connection: duckdb.DuckDBPyConnection, query: SeriesQuery) -> duckdb_sql.Source:
        """What holds the rows that ``query`` asks for, in the present transaction of ``connection``."""
        reach = self._reach(connection, query)
        span = to_ms(query.start), to_ms(query.end)
        return duckdb_sql.Source(self._source(connection, query.measurement, span, reach), reach)

    def _reach(self, connection: duckdb.DuckDBPyConnection, query: SeriesQuery) -> tuple[int, int]:
        """From the first id to before the last of the series that ``query`` names."""
        if not query.where:
            return ALL_SERIES
        wanted = [query.where.get(label, ()) for label in query.measurement.labels]
        if len(wanted) == len(query.where) and all(len(values) == 1 for values in wanted):
            only = self._registry.find(query.measurement, tuple(values[0] for values in wanted))
            return (0, 0) if only is None else (only, only + 1)
        first, last = run(connection, *duckdb_sql.reach(query))[0]
        return (0, 0) if first is None else (first, last + 1)

    @property
    def aside_due(self) -> bool:
        """Whether rows wait for :meth:`look_aside`."""
        return self._connection is not None and self._aside.due

    def look_aside(self, connection: duckdb.DuckDBPyConnection) -> Looked | None:
        """Look for the place of some rows that are aside, on a cursor of its own; None if there are none."""
        connection.begin()
        return self._aside.look(connection)

    def settle(self, looked: Looked) -> None:
        """Put rows in the place that was found for them, and count them."""
        counts = self.counts
        with self._transaction() as connection:
            settled = self._aside.settle(connection, looked)
            if settled is not None and is_told(looked.parts.measurement):
                counts = StoreCounts(counts.rows + settled[0], counts.duplicates + settled[1])
                _follow(connection, self._position, counts)
        self.counts = counts

    @property
    def seal_due(self) -> bool:
        """Whether it is worth asking :meth:`begin_seal`."""
        return self._connection is not None and self._sealer.due

    def begin_seal(self) -> Sealing | None:
        """What is to be sealed next; None if nothing is."""
        with self._transaction() as connection:
            for name in self._sealer.candidates():
                newest = int(self._newest[name].max(initial=NEVER))
                sealing = self._sealer.begin(connection, name, newest)
                if sealing is not None:
                    return sealing
        return None

    def write_sealed(self, connection: duckdb.DuckDBPyConnection, sealing: Sealing, piece: Piece) -> None:
        """Write one file, on a cursor of its own: rows are stored meanwhile."""
        self._sealer.write(connection, sealing, piece)

    def next_merge(self, connection: duckdb.DuckDBPyConnection) -> Stretch | None:
        """What sealed files are to be merged next, on a cursor of its own; None if none are."""
        return next_merge(connection, self._sealed, self._sealable)

    def begin_merge(self, stretch: Stretch) -> Sealing:
        """Note that ``stretch`` goes into files, as :meth:`begin_seal` does."""
        with self._transaction() as connection:
            return self._sealer.note(connection, stretch)

    def end_seal(self, sealing: Sealing) -> bool:
        """Put the files in the place of their rows; False if the database was opened anew meanwhile."""
        with self._transaction() as connection:
            ended = self._sealer.end(connection, sealing)
        if ended and (merged := sealing.stretch.merged) is not None:
            self._unlink([(part.id, merged.measurement.name) for part in merged.files])
        return ended

    def give_up_seal(self, sealing: Sealing) -> None:
        """Leave the rows where they are, and try again only when more have come."""
        self._sealer.put_off(sealing.stretch.measurement.name)
        self._sealer.give_up(self._open(), sealing)

    def _unlink(self, gone: list[tuple[int, str]]) -> None:
        """Files that are listed no more leave the disk, those that somebody reads the next time."""
        self.readers.leave(gone)
        self._sealed.unlink(self._open(), self.readers.free())

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

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """After an error the file must be opened again: what is on disk is what counts."""
        connection = self._open()
        try:
            connection.begin()
            yield connection
            connection.commit()
        except BaseException:
            # A failed commit may have left the connection unusable.
            self.close()
            raise

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreError(f"the DuckDB store {self.path} is not open")
        return self._connection

    def _source(
        self,
        connection: duckdb.DuckDBPyConnection,
        measurement: Measurement,
        span: tuple[int, int],
        reach: tuple[int, int] = ALL_SERIES,
    ) -> str:
        base = self._sealed.source(self._sealed.parts(connection, measurement, span, reach))
        return self._aside.source(connection, measurement, span, base)

    def _take(self, connection: duckdb.DuckDBPyConnection, frame: Frame) -> tuple[int, int, Millis]:
        """Rows added, rows repeated, and the newest time of every series after that."""
        newest = self._room(frame)
        late = not_newer(frame, newest[frame.series])
        apart = self._sealer.take(frame)  # of a stretch whose rows must stay as they are now
        np.maximum.at(newest, frame.series, frame.at_ms)
        if late.any():
            apart[late] |= self._sealed.covered(connection, frame.measurement, frame.at_ms[late])
        added = repeated = 0
        fresh = frame.take(~late & ~apart)
        if len(fresh):
            show(connection, "fresh", table(fresh))
            run(connection, duckdb_sql.insert(frame.measurement))
            added = len(fresh)
        if (late & ~apart).any():
            known = frame.take(late & ~apart)
            unknown = _merge(connection, known)
            added, repeated = added + unknown, len(known) - unknown
        if apart.any():
            repeated += self._aside.take(connection, frame.take(apart))
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
            run(connection, "DELETE FROM newest WHERE measurement = ?", [name])
            run(connection, "INSERT INTO newest (measurement, at_ms) VALUES (?, ?)", [name, at_ms])
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
        show(connection, "fresh", pa.table(columns))
        run(connection, "INSERT INTO series BY NAME FROM fresh")
        return upto

    def _check_names(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._named = run(connection, "SELECT count(*) FROM series")[0][0]
        if self._named == 0:
            return
        last = self._named - 1
        if last < len(self._registry):
            name, labels = self._registry.key(last)
            columns = ", ".join(f'"{label}"' for label in LABELS_OF[name])
            stored = run(connection, f"SELECT measurement, {columns} FROM series WHERE id = {last}")[0]
            if stored == (name, *labels):
                return
        raise StoreError(
            f"the DuckDB store {self.path} and the journal name series differently: "
            "put back the journal that belongs to it; or move the store away, and if an empty one is refused "
            "then, set the [journal] accept_loss_before that it names",
            permanent=True,
        )

    def _recent(self, connection: duckdb.DuckDBPyConnection, measurement: Measurement) -> Millis:
        """Newest time of each series named so far, or a time that surely no row of it is after."""
        marked = self._marked.get(measurement.name)
        if marked is None:
            return np.full(self._named, NEVER, dtype=np.int64)
        floor = marked - _LOOK_BACK_MS
        newest = np.full(self._named, floor, dtype=np.int64)
        source = self._source(connection, measurement, (floor, _FOREVER_MS))
        latest = f"SELECT series, max(at_ms) AS at_ms FROM {source} WHERE at_ms > ? GROUP BY series"
        found = rows(connection, latest, [floor])
        newest[found["series"].to_numpy()] = found["at_ms"].to_numpy()
        return newest


def _follow(connection: duckdb.DuckDBPyConnection, position: int, counts: StoreCounts) -> None:
    """Remember how far it came; like all that each transaction writes, without UPDATE.

    DuckDB writes no checkpoint after an UPDATE as long as anybody reads anything, and the next to write then
    pays for all that came meanwhile: seconds of it, while rows are sealed.
    """
    run(connection, "DELETE FROM followed")
    run(
        connection,
        "INSERT INTO followed (position, stored, duplicates) VALUES (?, ?, ?)",
        [position, counts.rows, counts.duplicates],
    )


def _merge(connection: duckdb.DuckDBPyConnection, rows: Frame) -> int:
    """Put late rows in their place in the table; returns how many were not there, and notes the others."""
    late = merged(rows)
    show(connection, "late", table(late))
    span = int(late.at_ms.min()), int(late.at_ms.max())
    fresh = put(connection, rows.measurement, quoted(rows.measurement.name), span)
    if is_told(rows.measurement):
        note_repeats(connection, hour_keys(rows.series, rows.at_ms), fresh)
    return len(fresh)


def _warm_up(connection: duckdb.DuckDBPyConnection) -> None:
    """The first write of a process costs a second of imports and first use: pay it before rows wait."""
    show(connection, "fresh", pa.table({"series": pa.array([0], pa.int32())}))
    run(connection, "CREATE OR REPLACE TABLE warm_up AS FROM fresh")
    run(connection, "DELETE FROM warm_up")
    run(connection, "DROP TABLE warm_up")
