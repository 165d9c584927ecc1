"""What contracts delivered, as files tell it.

Revision 0017, after 0016.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment, Words

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table(
        "contract_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", Words(length=64), nullable=False),
        sa.Column("supply", Words(length=64), nullable=False),
        sa.Column("name", Words(length=200), nullable=False),
        sa.Column("sha256", Words(length=64), nullable=False),
        sa.Column("quarters", sa.Integer(), nullable=False, comment="how many it told anew"),
        sa.Column("imported_at", Moment(), nullable=False),
        sa.Column("who", Words(length=100), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_file")),
        sa.UniqueConstraint("site", "supply", "sha256", name=op.f("uq_contract_file_site_supply_sha256")),
    )
    op.create_table(
        "contract_volume",
        sa.Column("site", Words(length=64), nullable=False),
        sa.Column("supply", Words(length=64), nullable=False),
        sa.Column("quarter", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "version", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, 3 without a gap"
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="Wh"),
        sa.Column("file", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False, comment="of the file"),
        sa.Column("known_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("site", "supply", "quarter", "version", name=op.f("pk_contract_volume")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table("contract_volume")
    op.drop_table("contract_file")
