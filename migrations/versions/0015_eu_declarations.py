"""What officers declared for the data set of the EU.

Revision 0015, after 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment, Words

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table('eu_declaration',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('key', Words(length=64), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False, comment='1, 2, 3 of each item'),
    sa.Column('value', Words(), nullable=True, comment='JSON; null takes an earlier one back'),
    sa.Column('who', Words(length=100), nullable=False),
    sa.Column('at', Moment(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_eu_declaration')),
    sa.UniqueConstraint('site', 'year', 'key', 'revision', name=op.f('uq_eu_declaration_site_year_key_revision'))
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table('eu_declaration')
