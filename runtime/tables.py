"""The run table: which due times of which job have been decided, and how each run went."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from runtime.database import Moment, metadata

job = Table(
    "job",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("until", Moment, nullable=False, comment="every due time up to here has been decided"),
)

job_run = Table(
    "job_run",
    metadata,
    Column("job", String(100), primary_key=True),
    Column("due", Moment, primary_key=True),
    Column("state", String(10), nullable=False, comment="running, done or failed"),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("error", Text),
    Column("owner", String(100), nullable=False),
    Column("lease_until", Moment, nullable=False, comment="a run past its lease belongs to nobody"),
    Index("ix_job_run_state_owner", "state", "owner"),
)
