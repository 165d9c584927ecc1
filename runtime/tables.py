"""The run table: which due times of which job have been decided, and how each run went; who is at work."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from runtime.database import Moment, Words, metadata

job = Table(
    "job",
    metadata,
    Column("name", Words(100), primary_key=True),
    Column("until", Moment, nullable=False, comment="every due time up to here has been decided"),
)

job_run = Table(
    "job_run",
    metadata,
    Column("job", Words(100), primary_key=True),
    Column("due", Moment, primary_key=True),
    Column("state", Words(10), nullable=False, comment="running, done or failed"),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("error", Words),
    Column("owner", Words(100), nullable=False),
    Column("lease_until", Moment, nullable=False, comment="a run past its lease belongs to nobody"),
    Index("ix_job_run_state_owner", "state", "owner"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Words(100), primary_key=True),
    Column("owner", Words(200), nullable=False),
    Column("until", Moment, nullable=False, comment="by the database's clock; past it belongs to nobody"),
)

process = Table(
    "process",
    metadata,
    Column("name", Words(200), primary_key=True, comment="ingest/SHARD, web/HOST, jobs/HOST"),
    Column("role", Words(20), nullable=False),
    Column("version", Words(50), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("at", Moment, nullable=False, comment="last sign of life, by the database's clock"),
    Column("address", Words, nullable=False, comment="where it answers; empty while it does not"),
    Column("told", Words, nullable=False, comment="JSON: what it tells of itself, by its role"),
)
