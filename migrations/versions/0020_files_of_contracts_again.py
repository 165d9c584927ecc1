"""A file of volumes may be imported again after another one restated it.

Revision 0020, after 0023.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0023"
branch_labels = None
depends_on = None

_ONCE = "uq_contract_file_site_supply_sha256"


def upgrade() -> None:
    """Bring the schema up to this revision."""
    with op.batch_alter_table("contract_file") as batch:
        batch.drop_constraint(_ONCE, type_="unique")
    op.create_index("ix_contract_file_sha256", "contract_file", ["sha256"])


def downgrade() -> None:
    """Take this revision back: which file was imported twice is forgotten by nobody, so it stays allowed."""
    op.drop_index("ix_contract_file_sha256", "contract_file")
