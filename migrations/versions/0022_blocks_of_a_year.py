"""Sums of parts of days, from which figures over twelve months are added up.

Revision 0022, after 0019. The table is a copy of what the ledger says: it fills by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Words

revision = "0022"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table(
        "energy_block",
        sa.Column("site", Words(length=64), nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.Integer(), nullable=False, comment="the quarter after the last"),
        sa.Column(
            "cause",
            sa.Integer(),
            nullable=False,
            comment="the newest in energy_cause when it was worked out",
        ),
        sa.Column(
            "rests_on",
            Words(length=64),
            nullable=False,
            comment="digest of the other facts that it rests on",
        ),
        sa.Column("told", Words(), nullable=False, comment="JSON: its sums, and the highest of a quarter"),
        sa.PrimaryKeyConstraint("site", "first", name=op.f("pk_energy_block")),
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("energy_block")
