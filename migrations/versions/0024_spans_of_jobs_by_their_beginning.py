"""Spans of jobs by their beginning, events with where the job stood after them, and when work was opened.

So an event that comes late changes the spans that it touches and no others.

Revision 0024, after 0022.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment, Words

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None

_KEPT = "job, site, owner, since, until, share, members"


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.add_column(
        "workload_event",
        sa.Column(
            "mark", Words(), comment="where the job stood after its moment; null is not worked out yet"
        ),
    )
    op.create_index("ix_workload_event_job_at", "workload_event", ["site", "job", "at"])
    op.add_column(
        "workload_work", sa.Column("at", Moment(), comment="when that became known; null was not kept")
    )
    op.execute(f"CREATE TABLE workload_span_kept AS SELECT {_KEPT} FROM workload_span")
    op.drop_table("workload_span")
    _create("since", "ix_workload_span_site_until", "until")
    op.execute(f"INSERT INTO workload_span ({_KEPT}) SELECT {_KEPT} FROM workload_span_kept")
    op.drop_table("workload_span_kept")


def downgrade() -> None:
    """Take this revision back."""
    op.execute(f"CREATE TABLE workload_span_kept AS SELECT {_KEPT} FROM workload_span")
    op.drop_table("workload_span")
    _create("number", "ix_workload_span_site_since", "since")
    place = "ROW_NUMBER() OVER (PARTITION BY job ORDER BY since) - 1"
    op.execute(f"INSERT INTO workload_span ({_KEPT}, number) SELECT {_KEPT}, {place} FROM workload_span_kept")
    op.drop_table("workload_span_kept")
    op.drop_column("workload_work", "at")
    op.drop_index("ix_workload_event_job_at", "workload_event")
    op.drop_column("workload_event", "mark")


def _create(key: str, index: str, indexed: str) -> None:
    """The table with a key of the job and ``key``."""
    places = {"number": sa.Integer(), "since": Moment()}
    keys = [sa.Column(key, places.pop(key), autoincrement=False, nullable=False)]
    keys += [sa.Column(name, kind, nullable=False) for name, kind in places.items() if name == "since"]
    op.create_table(
        "workload_span",
        sa.Column("job", sa.Integer(), autoincrement=False, nullable=False),
        *keys,
        sa.Column("site", Words(length=64), nullable=False),
        sa.Column("owner", sa.Integer(), nullable=False),
        sa.Column("until", Moment(), comment="null while it runs"),
        sa.Column("share", sa.Float(), comment="promised part of its members; null is not told"),
        sa.Column("members", Words(), nullable=False, comment="JSON: nodes, GPUs and UUIDs"),
        sa.PrimaryKeyConstraint("job", key, name=op.f("pk_workload_span")),
    )
    op.create_index(index, "workload_span", ["site", indexed])
