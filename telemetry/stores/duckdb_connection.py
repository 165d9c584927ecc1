"""What every statement of the DuckDB store goes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa


def run(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """Run a statement to its end: DuckDB refuses the next one while a result is still open."""
    return connection.execute(sql, values).fetchall()


def rows(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] | None = None) -> pa.Table:
    """The answer of a SELECT as an Arrow table."""
    found: Any = connection.sql(sql, params=values)
    return found.to_arrow_table()


def show(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Let statements of this connection read ``table`` under ``name``."""
    connection.register(name, table)
