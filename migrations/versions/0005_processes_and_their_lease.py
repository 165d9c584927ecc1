"""Processes and their lease.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import runtime.database

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table('lease',
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=False),
    sa.Column('until', runtime.database.Moment(), nullable=False, comment="by the database's clock; past it belongs to nobody"),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_lease'))
    )
    op.create_table('process',
    sa.Column('name', sa.String(length=200), nullable=False, comment='ingest/SHARD, web/HOST, jobs/HOST'),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('version', sa.String(length=50), nullable=False),
    sa.Column('started_at', runtime.database.Moment(), nullable=False),
    sa.Column('at', runtime.database.Moment(), nullable=False, comment="last sign of life, by the database's clock"),
    sa.Column('address', sa.Text(), nullable=False, comment='where it answers; empty while it does not'),
    sa.Column('told', sa.Text(), nullable=False, comment='JSON: what it tells of itself, by its role'),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_process'))
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table('process')
    op.drop_table('lease')
