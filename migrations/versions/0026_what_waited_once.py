"""What once waited for a locked month and does no more, so that what is pending can be told as of a time.

Revision 0026, after 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment, Words

revision = "0026"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table(
        "energy_waited",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", Words(length=64), nullable=False),
        sa.Column("register", sa.Integer(), nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("reason", Words(), nullable=True),
        sa.Column("cause", sa.Integer(), nullable=False, comment="why it would have changed"),
        sa.Column("ended_at", Moment(), nullable=False, comment="replaced, as the ledger says, or restated"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_energy_waited")),
    )
    op.create_index("ix_energy_waited_site_quarter", "energy_waited", ["site", "quarter"])


def downgrade() -> None:
    """Take this revision back."""
    op.drop_index("ix_energy_waited_site_quarter", table_name="energy_waited")
    op.drop_table("energy_waited")
