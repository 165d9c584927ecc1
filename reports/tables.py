"""The index of issued reports: which revisions there are, and the checksum of every file."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, Table

from runtime.database import Moment, Words, metadata

report_revision = Table(
    "report_revision",
    metadata,
    Column("site", Words, primary_key=True),
    Column("period", Words, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("state", Words, nullable=False),
    Column("figures_sha256", Words, nullable=False),
    Column("folder", Words, nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("announced_at", Moment, nullable=True),
)
"""One issued report. ``revision`` 0 is the draft, of which only the newest is kept; ``folder`` is relative
to the archive; ``announced_at`` is when people were told, None when they are yet to be."""

report_file = Table(
    "report_file",
    metadata,
    Column("site", Words, primary_key=True),
    Column("period", Words, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("format", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("sha256", Words, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["site", "period", "revision"],
        ["report_revision.site", "report_revision.period", "report_revision.revision"],
        ondelete="CASCADE",
    ),
)
"""One archived file of an issued report."""
