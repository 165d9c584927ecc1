"""Keep sites that leave.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table('energy_site',
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('told', sa.Text(), nullable=False, comment='JSON: name, zone, limits and floor as configured last'),
    sa.PrimaryKeyConstraint('site', name=op.f('pk_energy_site'))
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table('energy_site')
