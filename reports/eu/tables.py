"""What officers declared for the data set of the EU."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, UniqueConstraint

from runtime.database import Moment, Words, metadata

DECLARATION = Table(
    "eu_declaration",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("year", Integer, nullable=False),
    Column("key", Words(64), nullable=False),
    Column("revision", Integer, nullable=False, comment="1, 2, 3 of each item"),
    Column("value", Words, comment="JSON; null takes an earlier one back"),
    Column("who", Words(100), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("site", "year", "key", "revision"),
)
"""Append-only: the newest revision counts."""
