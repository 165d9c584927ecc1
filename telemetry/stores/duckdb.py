"""The default store: one DuckDB file, a table per measurement, position and rows in one transaction."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import structlog
from pydantic import Field, field_validator

from runtime.clock import MILLISECOND, to_ms
from runtime.errors import StoreError
from runtime.options import Duration, shown
from telemetry.catalogue import Measurement
from telemetry.disk import Kept
from telemetry.follower import FollowOptions
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.store import AT, REPEATS, STORES, SeriesQuery, StoreCounts, WindowQuery
from telemetry.stores import duckdb_sql
from telemetry.stores.duckdb_connection import rows
from telemetry.stores.duckdb_file import DuckDBFile
from telemetry.stores.duckdb_seal import Sealable, Sealing

log = structlog.get_logger(__name__)

T = TypeVar("T")

_BATCH_ROWS = 131_072
"""Rows of one batch of a raw answer."""


_CHECKPOINT = "64MB"
"""Size at which the write-ahead log is folded into the file: seldom enough to be cheap, quick to replay."""


_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s?([KMGT])i?B")

_LEAST_MEMORY = 64e6
"""Bytes with which every query of ours can still be answered."""


class DuckDBOptions(FollowOptions):
    """``[[store]] type = "duckdb"``: the file lies in the data directory unless ``path`` is absolute.

    Attributes:
        memory_limit: what DuckDB may hold: pages of the file, and what is being sorted or grouped; more than
            that goes to the disk. The service takes about as much again for everything else, and more on a
            site of many thousand devices.
        seal_after: how much older than the newest rows are when they go into sorted, compressed files. What
            stands in the table until then costs about a byte of memory a row beyond ``memory_limit``.
        seal_rows: how many are sealed at a time. Where a measurement never has a quarter more of that age,
            which is what most sites are, all rows stay in the one file.
    """

    path: Path = Path("telemetry.duckdb")
    memory_limit: str = "256MB"
    threads: int = Field(default=2, ge=1, le=256)
    readers: int = Field(default=4, ge=1, le=64)
    seal_after: Duration = timedelta(minutes=15)
    seal_rows: int = Field(default=8_000_000, ge=1)

    @field_validator("memory_limit")
    @classmethod
    def _enough(cls, value: str) -> str:
        if _bytes(value) < _LEAST_MEMORY:
            raise ValueError(f"{shown(value)}: write 64MB or more, such as 256MB")
        return value

    def file(self, data_dir: Path) -> Path:
        """See :class:`telemetry.follower.FollowOptions`."""
        return (data_dir / self.path).resolve()


def _bytes(size: str) -> float:
    """What ``size`` is at least; 0 if it cannot be read."""
    found = _SIZE.fullmatch(size)
    return 0.0 if found is None else float(found[1]) * 1000 ** ("KMGT".index(found[2]) + 1)


@STORES.add("duckdb", DuckDBOptions)
class DuckDBStore:
    """Exactly once: what a transaction holds is rows, counts and the journal position that they came from.

    One thread writes; queries run on cursors of their own in a few reader threads. The file can be open in
    one process only. Rows that have come to rest are sealed beside that, a file at a time.
    """

    def __init__(
        self, options: DuckDBOptions, registry: SeriesRegistry, data_dir: Path, name: str = "duckdb"
    ) -> None:
        self.name = name
        config = {
            "memory_limit": options.memory_limit,
            "threads": options.threads,
            "checkpoint_threshold": _CHECKPOINT,
        }
        memory = int(_bytes(options.memory_limit))
        sealable = Sealable(options.seal_rows, options.seal_after // MILLISECOND, memory)
        self._file = DuckDBFile(options.file(data_dir), registry, config, sealable)
        self._writer = ThreadPoolExecutor(1, "duckdb-writer")
        self._readers = ThreadPoolExecutor(options.readers, "duckdb-reader")
        self._sealer = ThreadPoolExecutor(1, "duckdb-sealer")
        self._sealing = asyncio.Lock()
        self._beside: asyncio.Task[None] | None = None

    @property
    def kept(self) -> Sequence[Kept]:
        """See :class:`telemetry.store.KeepsFiles`."""
        path = self._file.path
        return (
            Kept(f"store {self.name}", (path, path.with_name(path.name + ".wal"))),
            Kept(f"store {self.name}, sealed", (path.with_name(path.name + ".sealed"),)),
        )

    async def open(self) -> int:
        """Open or create the file and return the position stored in it; harmless when it is open.

        A StoreError is permanent: a file of this machine does not come back by itself, as a server does.
        """
        try:
            return await self._run(self._writer, self._file.open)
        except StoreError as error:
            raise StoreError(str(error), permanent=True) from error

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Take rows and position in one transaction; a position that was taken before changes nothing."""
        await self._run(self._writer, lambda: self._file.append(frames, position))
        due = self._file.seal_due or self._file.aside_due
        if due and (self._beside is None or self._beside.done()):
            self._beside = asyncio.create_task(self._seal_quietly(), name="duckdb-seal")

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest row of each series."""
        return await self._ask(query, partial(duckdb_sql.latest, query))

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps."""
        return await self._ask(query.select, partial(duckdb_sql.window, query))

    async def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows, streamed: this process holds one batch, the sort stays within ``memory_limit``."""
        with self._file.readers.reading():
            cursor = await self._run(self._readers, self._file.cursor)
            try:
                question, reader = await self._query(cursor, lambda: self._stream(cursor, query))
                schema = _schema(question)
                while (batch := await self._query(cursor, lambda: next(reader, None))) is not None:
                    if batch.num_rows:
                        yield batch.cast(schema)
            finally:
                cursor.close()

    async def prune(self, measurement: Measurement, before: datetime) -> None:
        """Delete rows older than ``before``; sealed files go, the blocks of the one file are used again."""
        async with self._sealing:
            await self._settle()
            await self._run(self._writer, lambda: self._file.prune(measurement, to_ms(before)))

    async def counts(self) -> StoreCounts:
        """Rows and duplicates taken since the file was made, as committed; pruning does not lower them."""
        return self._file.counts

    async def repeats(self, start: datetime, end: datetime) -> pa.Table:
        """Rows that were there before, as committed with those that repeated them."""
        cursor = await self._run(self._readers, self._file.cursor)
        try:
            span = [to_ms(start), to_ms(end)]
            found: Any = await self._query(
                cursor, lambda: cursor.sql(duckdb_sql.REPEATS, params=span).to_arrow_table()
            )
        finally:
            cursor.close()
        return found.cast(REPEATS)

    async def close(self) -> None:
        """Finish what is being stored, break off what is being sealed, and close the file."""
        if self._beside is not None:
            self._beside.cancel()
            await asyncio.wait([self._beside])
        await self._run(self._writer, self._file.close)
        for pool in (self._writer, self._readers, self._sealer):
            pool.shutdown()

    async def seal(self) -> int:
        """Put late rows in their place and seal all that has come to rest, while rows are stored.

        Then merge files, once: that takes a minute or two, and others wait for their turn. Returns how many
        files that made. Raises StoreError; the rows then stay where they are.
        """
        made = 0
        async with self._sealing:
            await self._settle()
            while (sealing := await self._run(self._writer, self._file.begin_seal)) is not None:
                made += await self._finish(sealing)
                await self._settle()
            stretch = await self._aside(self._file.next_merge) if made else None
            if stretch is not None:
                begin = partial(self._file.begin_merge, stretch)
                made += await self._finish(await self._run(self._writer, begin))
        return made

    async def _finish(self, sealing: Sealing) -> int:
        """Write its files and put them in the place of the rows; returns how many."""
        await self._write_sealed(sealing)
        done = await self._run(self._writer, partial(self._file.end_seal, sealing))
        return len(sealing.pieces) if done else 0

    async def _settle(self) -> None:
        """Find the place of late rows; the writer only puts them there."""
        while self._file.aside_due:
            with self._file.readers.reading():
                looked = await self._aside(self._file.look_aside)
            if looked is None:
                return
            await self._run(self._writer, partial(self._file.settle, looked))

    async def _write_sealed(self, sealing: Sealing) -> None:
        try:
            for piece in sealing.pieces:
                await self._aside(partial(self._file.write_sealed, sealing=sealing, piece=piece))
        except StoreError:
            await self._run(self._writer, partial(self._file.give_up_seal, sealing))
            raise

    async def _aside(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run ``work`` with a cursor of its own in the thread of the sealer."""
        cursor = await self._run(self._sealer, self._file.cursor)
        try:
            return await self._query(cursor, lambda: work(cursor), self._sealer)
        finally:
            cursor.close()

    async def _seal_quietly(self) -> None:
        try:
            await self.seal()
        except StoreError as error:
            log.warning("seal_failed", store=self.name, error=str(error))

    def _stream(
        self, cursor: duckdb.DuckDBPyConnection, query: SeriesQuery
    ) -> tuple[duckdb_sql.Question, Any]:
        question = duckdb_sql.raw(query, self._source(cursor, query))
        found: Any = cursor.sql(question.sql, params=question.values)
        return question, found.to_arrow_reader(_BATCH_ROWS)

    def _source(self, cursor: duckdb.DuckDBPyConnection, query: SeriesQuery) -> duckdb_sql.Source:
        """What holds the rows that ``query`` is about, in the transaction that begins with it."""
        cursor.begin()
        return self._file.source(cursor, query)

    async def _ask(
        self, query: SeriesQuery, make: Callable[[duckdb_sql.Source], duckdb_sql.Question]
    ) -> pa.Table:
        def answer() -> pa.Table:
            question = make(self._source(cursor, query))
            return rows(cursor, question.sql, question.values).cast(_schema(question))

        with self._file.readers.reading():
            cursor = await self._run(self._readers, self._file.cursor)
            try:
                return await self._query(cursor, answer)
            finally:
                cursor.close()

    async def _query(
        self, cursor: duckdb.DuckDBPyConnection, work: Callable[[], T], pool: ThreadPoolExecutor | None = None
    ) -> T:
        """Run ``work`` in a thread, a reader's if no other; when the asker goes away the query is stopped."""
        job = asyncio.ensure_future(self._run(pool or self._readers, work))
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            cursor.interrupt()
            await asyncio.wait([job])
            job.exception()  # looked at, so that nobody is told of it later
            raise

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        def guarded() -> T:
            with _errors(self._file.path):
                return work()

        return await asyncio.get_running_loop().run_in_executor(pool, guarded)


def _schema(question: duckdb_sql.Question) -> pa.Schema:
    columns: list[tuple[str, Any]] = [(label, pa.string()) for label in question.labels]
    columns.append((AT, pa.int64()))
    return pa.schema(columns + [(field, pa.float64()) for field in question.fields])


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise StoreError(f"the DuckDB store {path} failed: {said}; {_fix(said)}") from error


def _fix(said: str) -> str:
    if "lock" in said.lower():
        return "another process has it open: stop that one"
    if "write" in said or "space" in said:
        return "free space on that disk; the rows wait in the journal meanwhile"
    return "check the disk and the file"
