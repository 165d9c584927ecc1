"""The relational state: ledger, alerts, outbox, job runs, users, report index.

Each room declares its tables in its own ``tables.py`` on :data:`metadata`; ``migrations/`` holds the
Alembic revisions. SQLite by default, PostgreSQL when several machines share the state.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Dialect, MetaData, Table, Text, TypeDecorator, event, insert, make_url
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeEngine

from runtime.clock import from_ms, to_ms

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


DATABASE_AWAY: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)
"""What a database raises that is locked, failing over or gone; a refused connection is a plain OSError."""

_MISUSE = (ProgrammingError, IntegrityError, DataError, NotSupportedError)


def is_away(error: Exception) -> bool:
    """Whether ``error`` is an outage of the database, no mistake of ours and no trouble with a file."""
    if isinstance(error, DBAPIError):
        return not isinstance(error, _MISUSE)
    if isinstance(error, OSError):
        return error.filename is None
    return isinstance(error, PoolTimeout)


_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""Every query of one reading sees the same state; by itself each would see the newest."""

PATIENCE = {"timeout": 10, "command_timeout": 60, "server_settings": {"application_name": "amberwatt"}}
"""Seconds until a PostgreSQL counts as away that neither answers nor refuses."""

BUSY_MS = 30_000
"""How long an SQLite database is waited for while another process writes it."""


class Moment(TypeDecorator[datetime]):
    """An aware UTC time, stored as integer milliseconds: exact, sortable, the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_ms(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_ms(int(value))


class Words(TypeDecorator[str]):
    """Text that every database keeps and sorts by code point, and refuses none of.

    What PostgreSQL cannot hold (NUL and half a surrogate pair) becomes U+FFFD in every database, also in what
    is compared with it. How long it is expected to be binds nobody.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """On PostgreSQL lengths would bind, and the order would be that of the server's language."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TEXT(collation="C"))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """``text`` as every database can keep it."""
    text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """INSERT ``rows``, which all name the same columns of ``table``; for many at once.

    The statement is compiled once and each distinct value of a column converted once, where the ordinary way
    has Python handle every value of every row.
    """
    if not rows:
        return
    dialect = connection.dialect
    statement, names = _insertion(table, dialect, tuple(rows[0]))
    columns = []
    for name in names:
        values = [row[name] for row in rows]
        convert = table.c[name].type.bind_processor(dialect)
        if convert is not None:
            known = {value: convert(value) for value in set(values)}
            values = [known[value] for value in values]
        columns.append(values)
    await connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


@lru_cache(maxsize=32)
def _insertion(table: Table, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, Sequence[str]]:
    """The INSERT of rows with these columns, and the columns in the order in which it takes them."""
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup or ())


class Database:
    """A pool of connections to the relational database at ``url`` (an SQLAlchemy async URL)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._sqlite = self.engine.dialect.name == "sqlite"
        self._turn: AbstractAsyncContextManager[None] = _Turn() if self._sqlite else nullcontext()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction: commits at the end of the block, rolls back when it raises.

        SQLite has one writer. Those of this process get their turn in the order in which they asked, however
        long that takes; in one transaction there must not be another, which raises RuntimeError.
        """
        with _failures_told():
            async with self._turn, self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view for reading; writes nothing and blocks no writer."""
        with _failures_told():
            async with self.engine.connect() as connection:
                if not self._sqlite:
                    await connection.execution_options(**_SNAPSHOT)
                    yield connection
                    return
                connection.info["read_only"] = True
                try:
                    yield connection
                finally:
                    connection.info.pop("read_only", None)

    async def create_all(self) -> None:
        """Make every declared table that is missing; for tests, the service upgrades by Alembic."""
        async with self.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()


class _Turn:
    """Lets one task after the other write.

    SQLite itself lets whoever waits look again every tenth of a second: one that always finds another writer
    there, of many that are quicker, gives up in the end although nobody wrote for long.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is not None and task is self._writer:
            raise RuntimeError("a write transaction within another would wait for itself")
        await self._lock.acquire()
        self._writer = task

    async def __aexit__(self, *_: object) -> None:
        self._writer = None
        self._lock.release()


def _engine(url: str) -> AsyncEngine:
    if make_url(url).get_backend_name() == "postgresql":
        return create_async_engine(url, pool_pre_ping=True, connect_args=PATIENCE)
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "connect", _sqlite_pragmas)
    event.listen(engine.sync_engine, "begin", _sqlite_begin)
    return engine


@contextmanager
def _failures_told() -> Iterator[None]:
    # SQLAlchemy answers some cancellations in the middle of a statement with an error of its own about the
    # broken transaction; whoever retries on database errors would then never end.
    try:
        yield
    except TimeoutError as error:
        if error.args:
            raise
        raise TimeoutError("the database does not answer") from error
    except SQLAlchemyError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from error
        raise


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _sqlite_begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    # A writer takes its lock at BEGIN: upgrading a read lock later is what makes SQLite answer "locked".
    connection.exec_driver_sql("BEGIN" if connection.info.get("read_only") else "BEGIN IMMEDIATE")
