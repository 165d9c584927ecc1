"""The relational tables of carbon. An hour is a number: hours since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, Table

from runtime.database import Moment, Words, metadata

GRID_HOUR = Table(
    "grid_hour",
    metadata,
    Column("zone", Words(60), primary_key=True),
    Column("source", Words(16), primary_key=True, comment="mqtt or entsoe"),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 without a gap"),
    Column("method", Words(16), nullable=False, comment="told, production or consumption"),
    Column("renewable_share", Float),
    Column("carbon_free_share", Float),
    Column("carbon_g_per_kwh", Float),
    Column("consumption_based", Float, comment="1: imports are in it, 0: not; null: nobody said"),
    Column("lifecycle", Float, comment="1: over the life cycle, 0: direct; null: nobody said"),
    Column("generation", Words, comment="JSON: MWh by psrType; intensity and shares follow from it"),
    Column("known_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)
"""Append-only: the mix of a bidding zone in one hour; what changes is a new version, the old one stays."""

GRID_AMOUNT = Table(
    "grid_amount",
    metadata,
    Column("zone", Words(60), primary_key=True, comment="which used it, or took it in"),
    Column("origin", Words(60), primary_key=True, comment="the zone that it came from; empty: its load"),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 without a gap"),
    Column("mwh", Float, nullable=False),
    Column("known_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)
"""Append-only: what a zone used in one hour, and what flowed into it from each of its neighbours."""

GRID_MARK = Table(
    "grid_mark",
    metadata,
    Column("zone", Words(60), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("touched", Integer, nullable=False, server_default="0", comment="how often it was marked"),
)
"""Hours of which telemetry has arrived that no version holds yet."""

GRID_FETCH = Table(
    "grid_fetch",
    metadata,
    Column("zone", Words(60), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970, UTC"),
    Column("fetched_at", Moment, nullable=False),
)
"""When each day of a zone was last asked for: what was published is revised for weeks.

In the place of a zone stands another question of it, as ``PL load`` and ``LT from PL``."""

CARBON_USE = Table(
    "carbon_use",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 as recorded"),
    Column("known_at", Moment, nullable=False),
    Column("told", Words, nullable=False, comment="JSON: the factor sets in use, whole, and how"),
)
"""Which factors each site's figures are made with: a change is a new row, the old ones stay."""
