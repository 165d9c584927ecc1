"""Lets one transaction after the other write the ledger of a site, whichever process it is in."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LEDGER = 402_026
"""The first half of PostgreSQL's advisory locks of the ledger; the second is of the site."""


async def take_turn(connection: AsyncConnection, site: str) -> None:
    """Wait until no other transaction writes what belongs to ``site``; the turn ends with this one.

    SQLite has one writer anyway. So causes are numbered in the order in which they become visible: a seal
    that holds all up to one of them holds all that will ever be below it.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:ledger, hashtext(:site))"), {"ledger": _LEDGER, "site": site}
        )
