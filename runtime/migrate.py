"""Bring the relational database to the newest schema, or write the revision that a change of tables needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, String, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

from runtime.database import DATABASE_AWAY, Database, Words, metadata
from runtime.errors import ConfigError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


_UNUSABLE: tuple[type[Exception], ...] = (*DATABASE_AWAY, TypeError)
"""TypeError is of a parameter in the URL that the driver does not know."""

_TURN = 4_020_262_601
"""The advisory lock under which PostgreSQL lets one process after the other upgrade."""


async def upgrade(database: Database, to: str = "head") -> None:
    """Apply every revision up to ``to`` that the database lacks, in one transaction.

    Of several processes that start at once one does it, the others wait for it.
    """
    async with database.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_TURN})"))
        await connection.run_sync(lambda plain: command.upgrade(_config(plain), to))


async def open_database(url: str) -> Database:
    """The database at ``url``, on the newest schema. Raises ConfigError that names what is to be mended."""
    try:
        database = Database(url)
    except ModuleNotFoundError as error:
        raise ConfigError(
            [f"service.database: its driver {error.name} is not installed; pip install 'amberwatt[postgres]'"]
        ) from None
    except SQLAlchemyError as error:
        raise ConfigError([f"service.database: {_first_line(error)}"]) from None
    try:
        await upgrade(database)
    except _UNUSABLE as error:
        await database.close()
        told = database.engine.url.set(query={}).render_as_string(hide_password=True)
        raise ConfigError([f"service.database: {told} cannot be used: {_first_line(error)}"]) from None
    return database


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


async def write_revision(url: str, message: str) -> None:
    """Make the empty database ``url``, and write what the declared tables have beyond the revisions."""
    database = Database(url)
    await upgrade(database)
    async with database.begin() as connection:
        await connection.run_sync(
            lambda plain: command.revision(_config(plain), message, autogenerate=True, rev_id=_next_id())
        )
    await database.close()


async def differences(database: Database) -> list[str]:
    """What the declared tables have beyond the revisions, or lack; a test holds this empty."""
    async with database.begin() as connection:
        found = await connection.run_sync(
            lambda plain: compare_metadata(
                MigrationContext.configure(plain, opts={"compare_type": differs}), metadata
            )
        )
    return [str(difference) for difference in found]


def differs(
    context: MigrationContext, _found: Any, _declared: Any, found: TypeEngine[Any], declared: TypeEngine[Any]
) -> bool | None:
    """Whether a column declared as :class:`runtime.database.Words` is none; Alembic judges others (None)."""
    if not isinstance(declared, Words):
        return None
    if context.dialect.name == "postgresql":
        return not isinstance(found, String) or found.length is not None or found.collation != "C"
    return not isinstance(found, String)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _next_id() -> str:
    return f"{len(list((MIGRATIONS / 'versions').glob('[0-9]*.py'))) + 1:04d}"
