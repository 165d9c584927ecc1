"""The relational tables of the ledger. A quarter is a number: intervals of 15 minutes since 1970, UTC."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, SmallInteger, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.database import Moment, Words, metadata

REGISTER = Table(
    "energy_register",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("measurement", Words(32), nullable=False),
    Column("meter", Words(64), nullable=False),
    Column("channel", Words(16), nullable=False),
    Column("register_since", Moment, comment="first reading of the register"),
    Column("power_since", Moment, comment="first sample of power that may stand in for it"),
    Column("expected_from", Integer, comment="quarter in which it was configured; null is from the first"),
    UniqueConstraint("site", "measurement", "meter", "channel"),
)

LEDGER = Table(
    "energy_ledger",
    metadata,
    Column("register", Integer, primary_key=True, autoincrement=False),
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, comment="Wh, of water litres; null is not known"),
    Column("quality", SmallInteger, nullable=False),
    Column("reason", Words),
    Column("settled_at", Moment, nullable=False),
    Column("cause", Integer, comment="in energy_cause; null: written before causes were kept"),
    sqlite_with_rowid=False,
)
"""Append-only: a correction is a new revision, the old one stays."""

DIRTY = Table(
    "energy_dirty",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("measurement", Words(32), primary_key=True),
    Column("meter", Words(64), primary_key=True),
    Column("first", Integer, primary_key=True, autoincrement=False, comment="first quarter to settle"),
    Column("until", Integer, nullable=False, comment="the quarter after the last"),
    Column("touched", Integer, nullable=False, server_default="0", comment="how often it was marked"),
    Column("readings", Integer, nullable=False, server_default="0", comment="how many touched it"),
)

FOLLOWED = Table(
    "energy_followed",
    metadata,
    Column("name", Words(32), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

SETTLEMENT = Table(
    "energy_settlement",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("until", Integer, primary_key=True, autoincrement=False),
    Column("settled_at", Moment, nullable=False),
)
"""When every interval of a site before quarter ``until`` had been settled for the first time."""

CHANGE = Table(
    "energy_change",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970, UTC"),
    Column("changes", Integer, nullable=False),
)
"""Counts the settlements that wrote to a day, so that a reader knows which days it must read again."""


ROSTER = Table(
    "energy_roster",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 as recorded"),
    Column("since", Integer, nullable=False, comment="quarter from which it is valid; 0 is always"),
    Column("known_at", Moment, nullable=False),
    Column("tables", Words, nullable=False, comment="JSON: meters, supplies, grid as configured"),
)
"""What each site consisted of: a change of the configuration is a new row, valid until the next one."""

SITE = Table(
    "energy_site",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("told", Words, nullable=False, comment="JSON: name, zone, limits and floor as configured last"),
)
"""What else is known of each site, for when it has left the configuration."""


def insert_into(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT that offers ``on_conflict_do_…`` in the dialect of ``connection``."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
