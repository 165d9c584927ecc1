"""The default store: one DuckDB file, a table per measurement, position and rows in one transaction."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from pydantic import Field, field_validator

from runtime.clock import to_ms
from runtime.errors import StoreError
from runtime.options import shown
from telemetry.catalogue import Measurement
from telemetry.follower import FollowOptions
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from telemetry.store import AT, REPEATS, STORES, SeriesQuery, StoreCounts, WindowQuery
from telemetry.stores import duckdb_sql
from telemetry.stores.duckdb_file import DuckDBFile

T = TypeVar("T")

_BATCH_ROWS = 131_072
"""Rows of one batch of a raw answer."""


_CHECKPOINT = "64MB"
"""Size at which the write-ahead log is folded into the file: seldom enough to be cheap, quick to replay."""


_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s?([KMGT])i?B")

_LEAST_MEMORY = 64e6
"""Bytes with which every query of ours can still be answered."""


class DuckDBOptions(FollowOptions):
    """``[[store]] type = "duckdb"``: the file lies in the data directory unless ``path`` is absolute."""

    path: Path = Path("telemetry.duckdb")
    memory_limit: str = "1GB"
    threads: int = Field(default=2, ge=1, le=256)
    readers: int = Field(default=4, ge=1, le=64)

    @field_validator("memory_limit")
    @classmethod
    def _enough(cls, value: str) -> str:
        size = _SIZE.fullmatch(value)
        if size is None or float(size[1]) * 1000 ** ("KMGT".index(size[2]) + 1) < _LEAST_MEMORY:
            raise ValueError(f"{shown(value)}: write 64MB or more, such as 1GB")
        return value

    def file(self, data_dir: Path) -> Path:
        """See :class:`telemetry.follower.FollowOptions`."""
        return (data_dir / self.path).resolve()


@STORES.add("duckdb", DuckDBOptions)
class DuckDBStore:
    """Exactly once: what a transaction holds is rows, counts and the journal position that they came from.

    One thread writes; queries run on cursors of their own in a few reader threads. The file can be open in
    one process only.
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
        self._file = DuckDBFile(options.file(data_dir), registry, config)
        self._writer = ThreadPoolExecutor(1, "duckdb-writer")
        self._readers = ThreadPoolExecutor(options.readers, "duckdb-reader")

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

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest row of each series."""
        return await self._ask(duckdb_sql.latest(query))

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps."""
        return await self._ask(duckdb_sql.window(query))

    async def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows, streamed: this process holds one batch, the sort stays within ``memory_limit``."""
        question = duckdb_sql.raw(query)
        schema = _schema(question)
        cursor = await self._run(self._readers, self._file.cursor)
        try:
            reader: Any = await self._query(
                cursor, lambda: cursor.sql(question.sql, params=question.values).to_arrow_reader(_BATCH_ROWS)
            )
            while (batch := await self._query(cursor, lambda: next(reader, None))) is not None:
                if batch.num_rows:
                    yield batch.cast(schema)
        finally:
            cursor.close()

    async def prune(self, measurement: Measurement, before: datetime) -> None:
        """Delete rows older than ``before``; the file keeps its size and its blocks are used again."""
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
        """Finish what is being written and close the file."""
        await self._run(self._writer, self._file.close)
        self._writer.shutdown()
        self._readers.shutdown()

    async def _ask(self, question: duckdb_sql.Question) -> pa.Table:
        cursor = await self._run(self._readers, self._file.cursor)
        try:
            found: Any = await self._query(
                cursor, lambda: cursor.sql(question.sql, params=question.values).to_arrow_table()
            )
        finally:
            cursor.close()
        return found.cast(_schema(question))

    async def _query(self, cursor: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
        """Run ``work`` in a reader thread; when the asker goes away the query is stopped."""
        job = asyncio.ensure_future(self._run(self._readers, work))
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
    except duckdb.Error as error:
        said = str(error).strip().splitlines()[0]
        raise StoreError(f"the DuckDB store {path} failed: {said}; {_fix(said)}") from error


def _fix(said: str) -> str:
    if "lock" in said.lower():
        return "another process has it open: stop that one"
    if "write" in said or "space" in said:
        return "free space on that disk; the rows wait in the journal meanwhile"
    return "check the disk and the file"
