"""``service.py token``: API tokens straight in the database, whether a service runs or not."""

from __future__ import annotations

from dashboards.users import Role, Users
from runtime.clock import SystemClock
from runtime.database import Database
from runtime.migrate import upgrade
from settings import Configuration


async def create_token(configuration: Configuration, role: str, name: str) -> str:
    """A new token, which is kept nowhere. Raises ValueError for an unknown role or an odd name."""
    configuration.settings.service.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(configuration.settings.service.database_url)
    try:
        await upgrade(database)
        wanted: Role = "operator" if role == "operator" else "viewer"
        if role != wanted:
            raise ValueError(f"{role!r} is no role; write viewer or operator")
        return await Users(database, SystemClock()).token_create(wanted, name)
    finally:
        await database.close()
