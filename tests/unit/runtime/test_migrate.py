"""The revisions lead to the tables as they are declared."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

import service  # noqa: F401 - whose rooms declare every table
from runtime.database import Database
from runtime.errors import ConfigError
from runtime.migrate import differences, open_database, upgrade


async def test_the_revisions_make_what_the_rooms_declare(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await upgrade(database)
    assert await differences(database) == []
    await upgrade(database)
    await database.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "service.database"),
        ("postgresql+asyncpg://amber:secret@127.0.0.1:1/amberwatt", "service.database"),
        ("sqlite+aiosqlite:////proc/nowhere/state.sqlite", "unable to open database file"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await open_database(url)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    await _workers_ended()


async def _workers_ended() -> None:
    """A connection that failed leaves aiosqlite's thread behind for a moment; it needs our loop to end."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10.0)


async def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "state.sqlite"
    damaged.write_bytes(b"no database at all, but long enough to look at" * 40)
    with pytest.raises(ConfigError, match="not a database"):
        await open_database(f"sqlite+aiosqlite:///{damaged}")
