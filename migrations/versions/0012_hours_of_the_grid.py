"""Hours of the grid in versions, and which factors are in use.

Revision 0012, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import runtime.database

revision = '0012'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table(
        'grid_hour',
        sa.Column('zone', runtime.database.Words(length=60), nullable=False),
        sa.Column('source', runtime.database.Words(length=16), nullable=False, comment='mqtt or entsoe'),
        sa.Column('hour', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('version', sa.Integer(), autoincrement=False, nullable=False, comment='1, 2, 3 without a gap'),
        sa.Column('method', runtime.database.Words(length=16), nullable=False, comment='told, production or consumption'),
        sa.Column('renewable_share', sa.Float(), nullable=True),
        sa.Column('carbon_free_share', sa.Float(), nullable=True),
        sa.Column('carbon_g_per_kwh', sa.Float(), nullable=True),
        sa.Column('generation', runtime.database.Words(), nullable=True, comment='JSON: MWh by psrType; intensity and shares follow from it'),
        sa.Column('known_at', runtime.database.Moment(), nullable=False),
        sa.PrimaryKeyConstraint('zone', 'source', 'hour', 'version', name=op.f('pk_grid_hour')),
        sqlite_with_rowid=False,
    )
    op.create_table(
        'grid_mark',
        sa.Column('zone', runtime.database.Words(length=60), nullable=False),
        sa.Column('hour', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('position', sa.BigInteger(), nullable=False, comment='newest journal position that touched it'),
        sa.PrimaryKeyConstraint('zone', 'hour', name=op.f('pk_grid_mark')),
    )
    op.create_table(
        'grid_fetch',
        sa.Column('zone', runtime.database.Words(length=60), nullable=False),
        sa.Column('day', sa.Integer(), autoincrement=False, nullable=False, comment='days since 1970, UTC'),
        sa.Column('fetched_at', runtime.database.Moment(), nullable=False),
        sa.PrimaryKeyConstraint('zone', 'day', name=op.f('pk_grid_fetch')),
    )
    op.create_table(
        'carbon_use',
        sa.Column('site', runtime.database.Words(length=64), nullable=False),
        sa.Column('number', sa.Integer(), autoincrement=False, nullable=False, comment='1, 2, 3 as recorded'),
        sa.Column('known_at', runtime.database.Moment(), nullable=False),
        sa.Column('told', runtime.database.Words(), nullable=False, comment='JSON: the factor sets in use, whole, and how'),
        sa.PrimaryKeyConstraint('site', 'number', name=op.f('pk_carbon_use')),
    )


def downgrade() -> None:
    """Take this revision back."""
    for table in ('carbon_use', 'grid_fetch', 'grid_mark', 'grid_hour'):
        op.drop_table(table)
