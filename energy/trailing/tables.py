"""The relational table of kept blocks. A quarter is a number: intervals of 15 minutes since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from runtime.database import Words, metadata

BLOCK = Table(
    "energy_block",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("until", Integer, nullable=False, comment="the quarter after the last"),
    Column("cause", Integer, nullable=False, comment="the newest in energy_cause when it was worked out"),
    Column("rests_on", Words(64), nullable=False, comment="digest of the other facts that it rests on"),
    Column("told", Words, nullable=False, comment="JSON: its sums, and the highest of a quarter"),
)
"""A copy and no record: each row follows from the ledger and may be thrown away."""
