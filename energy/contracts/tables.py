"""The relational tables of delivered volumes. A quarter is a number: intervals since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from runtime.database import Moment, Words, metadata

FILE = Table(
    "contract_file",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("supply", Words(64), nullable=False),
    Column("name", Words(200), nullable=False),
    Column("sha256", Words(64), nullable=False),
    Column("quarters", Integer, nullable=False, comment="how many it told anew"),
    Column("imported_at", Moment, nullable=False),
    Column("who", Words(100), nullable=False),
    Column("reason", Words, nullable=False),
    Index("ix_contract_file_sha256", "sha256"),
)

VOLUME = Table(
    "contract_volume",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("supply", Words(64), primary_key=True),
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 without a gap"),
    Column("amount", BigInteger, nullable=False, comment="Wh"),
    Column("file", Integer, nullable=False),
    Column("line", Integer, nullable=False, comment="of the file"),
    Column("known_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)
"""Append-only: what a later file tells otherwise is a new version, the old one stays."""
