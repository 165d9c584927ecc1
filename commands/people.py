"""``service.py token`` and ``user``: straight in the database, whether a service runs or not."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from dashboards.users import Role, Users
from runtime.clock import SystemClock
from runtime.migrate import open_database
from settings import Configuration


async def create_token(configuration: Configuration, role: str, name: str) -> str:
    """A new token, which is kept nowhere. Raises ValueError for an unknown role or an odd name."""
    async with _users(configuration) as users:
        return await users.token_create(cast(Role, role), name)


async def create_user(configuration: Configuration, role: str, name: str) -> str:
    """Add a user; their password. Raises ValueError for an unknown role or a name that is taken or odd."""
    password = secrets.token_urlsafe(15)
    async with _users(configuration) as users:
        await users.create(name, password, cast(Role, role))
    return password


async def renew_password(configuration: Configuration, name: str) -> str:
    """A new password for ``name``, whose sessions end. Raises ValueError when there is no such user."""
    password = secrets.token_urlsafe(15)
    async with _users(configuration) as users:
        try:
            await users.change_password(name, password)
        except KeyError:
            raise ValueError(f"there is no user named {name!r}") from None
    return password


@asynccontextmanager
async def _users(configuration: Configuration) -> AsyncIterator[Users]:
    configuration.settings.service.data_dir.mkdir(parents=True, exist_ok=True)
    database = await open_database(configuration.settings.service.database_url)
    try:
        yield Users(database, SystemClock())
    finally:
        await database.close()
