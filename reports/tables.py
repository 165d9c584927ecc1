"""The index of issued reports: which revisions there are, and the checksum of every file."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, String, Table

from runtime.database import Moment, metadata

report_revision = Table(
    "report_revision",
    metadata,
    Column("site", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("figures_sha256", String, nullable=False),
    Column("folder", String, nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("announced_at", Moment, nullable=True),
)
"""One issued report. ``revision`` 0 is the draft, of which only the newest is kept; ``folder`` is relative
to the archive; ``announced_at`` is when people were told, None when they are yet to be."""

report_file = Table(
    "report_file",
    metadata,
    Column("site", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("format", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["site", "period", "revision"],
        ["report_revision.site", "report_revision.period", "report_revision.revision"],
        ondelete="CASCADE",
    ),
)
"""One archived file of an issued report."""
