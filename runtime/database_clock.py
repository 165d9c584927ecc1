"""The time of the database: the one clock that processes on several machines share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from runtime.clock import from_ms


class DatabaseMs(FunctionElement[int]):
    """SQL for the database's own time, in milliseconds since 1970: what a ``Moment`` column holds."""

    type = BigInteger()
    inherit_cache = True


@compiles(DatabaseMs, "sqlite")
def _sqlite(_element: DatabaseMs, _compiler: Any, **_options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(DatabaseMs, "postgresql")
def _postgresql(_element: DatabaseMs, _compiler: Any, **_options: Any) -> str:
    # Not now(): that is when the transaction began.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


async def database_now(connection: AsyncConnection) -> datetime:
    """What time the database has."""
    return from_ms(int((await connection.execute(select(DatabaseMs()))).scalar_one()))
