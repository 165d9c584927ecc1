"""The revisions lead to the tables as they are declared."""

from __future__ import annotations

from pathlib import Path

import service  # noqa: F401 - whose rooms declare every table
from runtime.database import Database
from runtime.migrate import differences, upgrade


async def test_the_revisions_make_what_the_rooms_declare(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await upgrade(database)
    assert await differences(database) == []
    await upgrade(database)
    await database.close()
