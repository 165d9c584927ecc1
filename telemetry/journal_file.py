"""The journal's SQLite file: blocking, used by one thread at a time for writing and one for reading."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from runtime.errors import JournalFull, StoreError
from telemetry.counted import Seen
from telemetry.gap import Gap
from telemetry.journal_mark import JournalMark
from telemetry.series import SeriesKey

log = structlog.get_logger(__name__)

LOST = "lost_batches"
"""Counter of batches that were acknowledged and that the file no longer held when it was opened."""

FORMAT = 1
"""Version of the tables below, kept in the file."""

_PAGE = 4096
_SLACK_PAGES = 64
"""Pages kept free for names, counters and inner nodes, so that a full journal can still be trimmed."""

_TRIMMED = 32 << 20
"""Bytes that one transaction forgets, about: a commit that came meanwhile waits for no more than that."""

_ROW = 16
"""Bytes that a row of a small table takes besides its name, at most about."""

_TABLES = """
CREATE TABLE IF NOT EXISTS state (
    one INTEGER PRIMARY KEY CHECK (one = 1), head INTEGER, entries INTEGER, newest_ms INTEGER);
CREATE TABLE IF NOT EXISTS entry (position INTEGER PRIMARY KEY, at_ms INTEGER, crc INTEGER, payload BLOB);
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, measurement TEXT, labels TEXT);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source (name TEXT PRIMARY KEY, online INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (number INTEGER PRIMARY KEY, crc INTEGER, payload BLOB);
CREATE TABLE IF NOT EXISTS gap (follower TEXT PRIMARY KEY, told TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS follower (name TEXT PRIMARY KEY, position INTEGER) WITHOUT ROWID;
INSERT OR IGNORE INTO state VALUES (1, 0, 0, NULL);
"""

_COUNT = "INSERT INTO counter VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value"


@dataclass(frozen=True)
class Write:
    """All that one transaction holds: a batch, the names that it uses first, and what was counted.

    ``at_ms`` is its arrival, ``newest_ms`` the time of its newest row. What is ``derived`` from other batches
    is not held against the limit. ``seen`` is how far publishers' counts have come by it.
    """

    at_ms: int
    payload: bytes = b""
    newest_ms: int | None = None
    names: Sequence[tuple[int, SeriesKey]] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, bool] = field(default_factory=dict)
    derived: bool = False
    seen: Seen | None = None


@dataclass(frozen=True)
class Stored:
    """What a file held when it was opened."""

    names: list[SeriesKey]
    counters: dict[str, int]
    statuses: dict[str, bool]
    places: dict[str, int]
    seen: list[bytes]
    gaps: dict[str, Gap]


class _Run(Protocol):
    def __call__(self, sql: str, values: Sequence[object] = ..., /) -> sqlite3.Cursor: ...


class JournalFile:
    """Batches by position in a WAL database with ``synchronous=FULL``: a commit is on disk when it returns.

    ``used`` is the size in bytes of the pages in use, known without any scan; pages freed by
    :meth:`trim` are used again, so the file does not grow past ``limit_bytes``.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self.head = 0
        self.entries = 0
        self.newest_ms: int | None = None
        self.used = 0
        self.held = 0
        """Bytes of the batches held, without names and the like."""
        self._closed = True
        self._mark = JournalMark(path.with_name(path.name + "-head"))
        self._unfolded = False
        self.lost = 0
        """Batches that were found missing when it was opened."""

    def open(self) -> Stored:
        """Create or open the file and read its small tables. Raises StoreError when it cannot be used."""
        with self._errors("open"), ExitStack() as undo:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            marked = self._mark.open(fresh=not self.path.exists())
            undo.callback(self._mark.close)
            self._writer = undo.enter_context(closing(self._connect()))
            self._reader = undo.enter_context(closing(self._connect()))
            self._check_format()
            self._writer.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version={FORMAT};COMMIT;")
            self._note_loss(marked)
            stored = self._load()
            self._mark.put(self.head)
            undo.pop_all()
        self._closed = False
        return stored

    def write(self, write: Write) -> int:
        """Commit ``write`` to disk and return the head. Raises JournalFull or StoreError, nothing written."""
        size = len(write.payload) + sum(_ROW + len(source) for source in write.statuses)
        size += len(write.seen.payload) if write.seen else 0
        if size and not write.derived:
            self._check_room(size)
        with self._errors("write to"), self._transaction() as run:
            self._note(run, write)
            head = self.head
            if write.payload:
                head += 1
                row = (head, write.at_ms, zlib.crc32(write.payload), write.payload)
                run("INSERT INTO entry VALUES (?, ?, ?, ?)", row)
                newest = max(filter(None, (self.newest_ms, write.newest_ms)), default=None)
                run("UPDATE state SET head = ?, entries = entries + 1, newest_ms = ?", (head, newest))
            used = self._pages()
        self.used, self.held = used, self.held + len(write.payload)
        if write.payload:
            self.head, self.entries, self.newest_ms = head, self.entries + 1, newest
            self._mark.put(head)
        if write.names or self._unfolded:
            self._fold()
        return head

    def read(self, after: int, max_bytes: int) -> list[tuple[int, int, bytes]]:
        """Position, arrival (ms) and payload of batches after ``after``: up to the limit, at least one."""
        rows: list[tuple[int, int, bytes]] = []
        size = 0
        with self._errors("read"):
            query = "SELECT position, at_ms, crc, payload FROM entry WHERE position > ? ORDER BY position"
            cursor = self._reader.execute(query, (after,))
            try:
                for position, at_ms, crc, payload in cursor:
                    if rows and size + len(payload) > max_bytes:
                        break
                    if zlib.crc32(payload) != crc:
                        raise StoreError(
                            f"batch {position} of the journal {self.path} is damaged (checksum): "
                            "check the disk and restore the file from a backup",
                            permanent=True,
                        )
                    rows.append((position, at_ms, payload))
                    size += len(payload)
            finally:
                cursor.close()  # an open cursor holds a read transaction and with it the WAL
        return rows

    def oldest_after(self, position: int) -> int | None:
        """Arrival in ms of the first batch after ``position``, or None if there is none."""
        with self._errors("read"):
            query = "SELECT at_ms FROM entry WHERE position > ? ORDER BY position LIMIT 1"
            row = self._reader.execute(query, (position,)).fetchone()
        return None if row is None else int(row[0])

    def first(self) -> int:
        """The oldest position held, or the one that comes next if none is."""
        with self._errors("read"):
            found = self._reader.execute("SELECT min(position) FROM entry").fetchone()[0]
        return self.head + 1 if found is None else int(found)

    def trim(self, upto: int, places: Mapping[str, int], gaps: Mapping[str, Gap]) -> bool:
        """Forget the oldest batches up to ``upto``, some of them; True when all of them are gone.

        Remembers how far each follower surely is, and what it lacks. Not forced to disk: a trim that a power
        cut undoes is repeated, and the next commit syncs it too.
        """
        with self._errors("trim"):
            self._writer.execute("PRAGMA synchronous=NORMAL")
            try:
                with self._transaction() as run:
                    reached, size = self._oldest(upto)
                    gone = run("DELETE FROM entry WHERE position <= ?", (reached,)).rowcount
                    run("UPDATE state SET entries = entries - ?", (gone,))
                    for name, position in places.items():
                        run("INSERT OR REPLACE INTO follower VALUES (?, ?)", (name, position))
                    for name, gap in gaps.items():
                        run("INSERT OR REPLACE INTO gap VALUES (?, ?)", (name, gap.encoded()))
                    used = self._pages()
            finally:
                self._writer.execute("PRAGMA synchronous=FULL")
        self._mark.sync()
        self.entries, self.held, self.used = self.entries - gone, self.held - size, used
        return reached >= upto

    def keep_gap(self, name: str, gap: Gap) -> None:
        """Remember what the follower ``name`` lacks."""
        with self._errors("write to"), self._transaction() as run:
            run("INSERT OR REPLACE INTO gap VALUES (?, ?)", (name, gap.encoded()))

    def _oldest(self, upto: int) -> tuple[int, int]:
        """How far the oldest batches up to ``upto`` reach that one transaction forgets, and their bytes."""
        size = 0
        query = "SELECT position, length(payload) FROM entry WHERE position <= ? ORDER BY position"
        with closing(self._writer.execute(query, (upto,))) as found:
            for position, length in found:
                size += length
                if size >= _TRIMMED:
                    return int(position), size
        return upto, size

    def close(self) -> None:
        """Fold the WAL into the file and close it."""
        if self._closed:
            return
        self._closed = True
        with self._errors("close"):
            self._reader.close()
            self._writer.close()
            self._mark.close()

    def _check_format(self) -> None:
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, FORMAT):
            raise StoreError(
                f"the journal {self.path} has format {version}, this version reads {FORMAT}: "
                "start the version that wrote it, or move the file away",
                permanent=True,
            )

    def _note_loss(self, marked: int) -> None:
        """Batches up to ``marked`` were acknowledged. Positions go on there: stores may have taken them."""
        head = self._writer.execute("SELECT head FROM state").fetchone()[0]
        if marked <= head:
            return
        self.lost = marked - head
        with self._transaction() as run:
            run("UPDATE state SET head = ?", (marked,))
            run(_COUNT, (LOST, self.lost))
        log.error(
            "journal_ends_early",
            journal=str(self.path),
            ends_at=head,
            acknowledged=marked,
            batches_lost=self.lost,
            meaning="newest pages are damaged: check the disk; what no store had taken of them is lost",
        )

    def _fold(self) -> None:
        """Names are never told again, so they are not left to the write-ahead log alone."""
        try:
            busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._unfolded = bool(busy)
        except sqlite3.Error as error:
            self._unfolded = True
            log.warning("journal_not_folded", journal=str(self.path), error=str(error))

    def _load(self) -> Stored:
        state = self._writer.execute("SELECT head, entries, newest_ms FROM state").fetchone()
        self.head, self.entries, self.newest_ms = state
        self.used = self._pages()
        self.held = int(self._writer.execute("SELECT total(length(payload)) FROM entry").fetchone()[0])
        return Stored(
            self._names(),
            dict(self._writer.execute("SELECT name, value FROM counter")),
            {n: bool(v) for n, v in self._writer.execute("SELECT name, online FROM source")},
            dict(self._writer.execute("SELECT name, position FROM follower")),
            self._seen(),
            {n: Gap.decoded(told) for n, told in self._writer.execute("SELECT follower, told FROM gap")},
        )

    def _note(self, run: _Run, write: Write) -> None:
        for number, (measurement, labels) in write.names:
            run(
                "INSERT OR REPLACE INTO series VALUES (?, ?, ?)",
                (number, measurement, json.dumps(labels)),
            )
        for name, delta in write.counters.items():
            run(_COUNT, (name, delta))
        for name, online in write.statuses.items():
            run("INSERT OR REPLACE INTO source VALUES (?, ?)", (name, online))
        if write.seen:
            if write.seen.whole:
                run("DELETE FROM seen")
            row = (zlib.crc32(write.seen.payload), write.seen.payload)
            run("INSERT INTO seen (crc, payload) VALUES (?, ?)", row)

    def _seen(self) -> list[bytes]:
        """What was told of publishers' counts, up to what is damaged: they are then counted from anew."""
        found: list[bytes] = []
        for number, crc, payload in self._writer.execute(
            "SELECT number, crc, payload FROM seen ORDER BY number"
        ):
            if zlib.crc32(payload) != crc:
                log.error("publishers_counts_damaged", journal=str(self.path), part=number)
                return []
            found.append(payload)
        return found

    def _check_room(self, size: int) -> None:
        if self.used + size + _SLACK_PAGES * _PAGE <= self.limit_bytes:
            return
        if self.entries == 0:
            raise StoreError(
                f"a batch of {size} bytes never fits into the journal {self.path}: raise [journal] limit "
                f"({self.limit_bytes} bytes) or lower [broker] receive_maximum",
                permanent=True,
            )
        raise JournalFull(
            f"the journal {self.path} holds {self.used} of {self.limit_bytes} bytes in "
            f"{self.entries} batches; see which store lags, or raise [journal] limit"
        )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA page_size={_PAGE}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute(f"PRAGMA journal_size_limit={64 << 20}")
        return connection

    def _names(self) -> list[SeriesKey]:
        names: list[SeriesKey] = []
        for number, measurement, labels in self._writer.execute("SELECT * FROM series ORDER BY id"):
            if number != len(names):
                raise StoreError(
                    f"the journal {self.path} lacks the name of series {len(names)}: "
                    "restore the file from a backup",
                    permanent=True,
                )
            names.append((measurement, tuple(json.loads(labels))))
        return names

    def _pages(self) -> int:
        """Bytes of the pages in use; within a transaction, as they are once it is committed."""
        pages = self._writer.execute("PRAGMA page_count").fetchone()[0]
        free = self._writer.execute("PRAGMA freelist_count").fetchone()[0]
        return int(pages - free) * _PAGE

    @contextmanager
    def _transaction(self) -> Iterator[_Run]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer.execute
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot {verb} the journal {self.path}: {error}; {_fix(error)}") from error


def _fix(error: Exception) -> str:
    said = str(error)
    if "full" in said or "disk I/O" in said or isinstance(error, OSError):
        return "free space on that disk or move [service] data_dir; nothing is acknowledged meanwhile"
    if "not a database" in said or "malformed" in said:
        return "the file is damaged: restore it from a backup, or move it away to start anew"
    if "locked" in said:
        return "another process has it open: stop that one"
    return "check the disk and the rights on the file"
