"""Two officers who declare one item at once make two revisions of it, in either database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from sqlalchemy import select

from reports.eu.declared import Declarations
from reports.eu.tables import DECLARATION
from runtime.database import Database

AT = datetime(2027, 2, 1, tzinfo=UTC)


async def test_two_who_declare_at_once_make_two_revisions(database: Database) -> None:
    other = Database(database.url)
    both = [
        Declarations(one).declare("gdansk", 2026, {"water_input_m3": value}, (who, AT))
        for one, who, value in ((database, "Ola", 100.0), (other, "Ewa", 200.0))
    ]
    assert await asyncio.gather(*both) == [1, 1]
    await other.close()
    async with database.read() as connection:
        rows = (await connection.execute(select(DECLARATION).order_by(DECLARATION.c.revision))).all()
    assert [row.revision for row in rows] == [1, 2]
    assert rows[0].at < rows[1].at
