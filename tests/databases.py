"""A database of its own for each test, as the service finds it: made by the revisions."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import service  # noqa: F401 - whose rooms declare every table
from runtime.database import Database
from runtime.migrate import upgrade
from tests.servers.postgres import shared_postgres

KINDS = ("sqlite", "postgresql")
"""What the relational state may be kept in."""


@asynccontextmanager
async def fresh(kind: str, folder: Path) -> AsyncIterator[Database]:
    """A new database of ``kind`` on the newest schema, closed and forgotten afterwards."""
    made = await asyncio.to_thread(_copy, kind, folder)
    database = Database(shared_postgres().url(made) if kind == "postgresql" else _file(folder))
    try:
        yield database
    finally:
        await database.close()
        if kind == "postgresql":
            await asyncio.to_thread(shared_postgres().drop, made)


def _copy(kind: str, folder: Path) -> str:
    if kind == "postgresql":
        return shared_postgres().create(like=_upgraded())
    shutil.copy(_upgraded_file(), folder / "state.sqlite")
    return kind


@cache
def _upgraded() -> str:
    """The name of a PostgreSQL database that others are copied from."""
    name = shared_postgres().create()
    asyncio.run(_upgrade(shared_postgres().url(name)))
    return name


@cache
def _upgraded_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    asyncio.run(_upgrade(_file(folder)))
    return folder / "state.sqlite"


async def _upgrade(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()


def _file(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'state.sqlite'}"
