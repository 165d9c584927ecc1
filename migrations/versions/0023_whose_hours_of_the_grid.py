"""Whose hours of the grid: what publishers say of theirs, and loads and flows by which imports are traced.

Revision 0023, after 0024.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment, Words

revision = "0023"
down_revision = "0024"
branch_labels = None
depends_on = None

_SAID = (
    ("consumption_based", "1: imports are in it, 0: not; null: nobody said"),
    ("lifecycle", "1: over the life cycle, 0: direct; null: nobody said"),
)


def upgrade() -> None:
    """Bring the schema up to this revision."""
    for name, comment in _SAID:
        op.add_column("grid_hour", sa.Column(name, sa.Float(), nullable=True, comment=comment))
    op.create_table(
        "grid_amount",
        sa.Column("zone", Words(length=60), nullable=False, comment="which used it, or took it in"),
        sa.Column(
            "origin", Words(length=60), nullable=False, comment="the zone that it came from; empty: its load"
        ),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "version", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, 3 without a gap"
        ),
        sa.Column("mwh", sa.Float(), nullable=False),
        sa.Column("known_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("zone", "origin", "hour", "version", name=op.f("pk_grid_amount")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("grid_amount")
    with op.batch_alter_table("grid_hour") as batch_op:
        for name, _ in _SAID:
            batch_op.drop_column(name)
