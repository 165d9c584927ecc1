"""superseded messages

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.add_column(sa.Column('superseded_by', sa.Integer(), nullable=True, comment='the later message that was delivered instead'))


def downgrade() -> None:
    """Take this revision back."""
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_column('superseded_by')
