"""Who reads certificates for a site is told that they changed; what happened to them is appended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.act import Act
from energy.certificates.tables import EVENT, STAMP
from energy.tables import insert_into


async def touch(connection: AsyncConnection, sites: Iterable[str]) -> None:
    """Let the stamp of each of ``sites`` change."""
    for site in sorted(set(sites)):
        statement = insert_into(connection, STAMP).values(site=site, changes=1)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["site"], set_={"changes": STAMP.c.changes + 1})
        )


async def note(connection: AsyncConnection, kind: str, rows: Sequence[Mapping[Any, Any]], act: Act) -> None:
    """Append what happened to each of ``rows``: its ``bundle``, ``part``, ``first`` and ``last``."""
    if rows:
        told = {"kind": kind, "at": act.at, "who": act.who, "document": act.document, "reason": act.reason}
        names = ("bundle", "part", "first", "last")
        await connection.execute(insert(EVENT), [{**{n: row[n] for n in names}, **told} for row in rows])
