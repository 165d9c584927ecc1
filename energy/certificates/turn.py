"""Who writes to the certificates of a registry does so alone; who reads them for a site is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.act import Act
from energy.certificates.tables import EVENT, LEDGER, STAMP
from energy.tables import insert_into


async def take_turn(connection: AsyncConnection, registry: str) -> None:
    """Wait until no other transaction writes to ``registry``; the turn ends with this one.

    On SQLite there is one writer anyway; on PostgreSQL the row that is updated here stays locked.
    """
    await _count(connection, LEDGER, "registry", registry)


async def touch(connection: AsyncConnection, sites: Iterable[str]) -> None:
    """Let the stamp of each of ``sites`` change."""
    for site in sorted(set(sites)):
        await _count(connection, STAMP, "site", site)


async def note(connection: AsyncConnection, kind: str, rows: Sequence[Mapping[Any, Any]], act: Act) -> None:
    """Append what happened to each of ``rows``: its ``bundle``, ``part``, ``first`` and ``last``."""
    if rows:
        told = {"kind": kind, "at": act.at, "who": act.who, "document": act.document, "reason": act.reason}
        names = ("bundle", "part", "first", "last")
        await connection.execute(insert(EVENT), [{**{n: row[n] for n in names}, **told} for row in rows])


async def _count(connection: AsyncConnection, table: Any, key: str, value: str) -> None:
    statement = insert_into(connection, table).values({key: value, "changes": 1})
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[key], set_={"changes": table.c.changes + 1})
    )
