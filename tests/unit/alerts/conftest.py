from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerts import tables  # noqa: F401 - declares the tables that create_all makes
from runtime.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    await database.create_all()
    yield database
    await database.close()
