"""Causes, seals and locks.

Every row of the ledger gets a cause; days are sealed, months locked and restated.

Revision 0009, after 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import runtime.database

revision = '0009'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.add_column('energy_ledger', sa.Column('cause', sa.Integer(), nullable=True, comment='in energy_cause; null: written before causes were kept'))
    op.add_column('energy_dirty', sa.Column('readings', sa.Integer(), nullable=False, server_default='0', comment='how many touched it'))
    op.create_table('energy_cause',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site', runtime.database.Words(64), nullable=False),
    sa.Column('kind', runtime.database.Words(16), nullable=False),
    sa.Column('who', runtime.database.Words(100), nullable=False),
    sa.Column('reason', runtime.database.Words(), nullable=False),
    sa.Column('at', runtime.database.Moment(), nullable=False),
    sa.Column('first', sa.Integer(), nullable=False, comment='first quarter that it touches'),
    sa.Column('until', sa.Integer(), nullable=False, comment='the quarter after the last'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_energy_cause'))
    )
    op.create_index('ix_energy_cause_site_kind_until', 'energy_cause', ['site', 'kind', 'until'])
    op.create_table('energy_seal',
    sa.Column('site', runtime.database.Words(64), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False, comment='1, 2, 3 without a gap'),
    sa.Column('day', sa.Integer(), nullable=False, comment='days since 1970, UTC'),
    sa.Column('after', sa.Integer(), nullable=False, comment='holds the rows of causes beyond this one ...'),
    sa.Column('through', sa.Integer(), nullable=False, comment='... up to this one'),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('content', runtime.database.Words(64), nullable=False, comment='digest of the day as it then read'),
    sa.Column('parts', runtime.database.Words(), nullable=False, comment='JSON: digests by register and by quarter'),
    sa.Column('causes', runtime.database.Words(64), nullable=False, comment='digest of the causes since the seal before'),
    sa.Column('changes', sa.Integer(), nullable=False, comment='energy_change of the day when it was sealed'),
    sa.Column('sealed_at', runtime.database.Moment(), nullable=False),
    sa.Column('previous', runtime.database.Words(64), nullable=False),
    sa.Column('hash', runtime.database.Words(64), nullable=False),
    sa.PrimaryKeyConstraint('site', 'number', name=op.f('pk_energy_seal'))
    )
    op.create_table('energy_lock',
    sa.Column('site', runtime.database.Words(64), nullable=False),
    sa.Column('period', runtime.database.Words(7), nullable=False, comment='2026-10'),
    sa.Column('first', sa.Integer(), nullable=False),
    sa.Column('until', sa.Integer(), nullable=False),
    sa.Column('at', runtime.database.Moment(), nullable=False),
    sa.Column('who', runtime.database.Words(100), nullable=False),
    sa.Column('document', runtime.database.Words(), nullable=False, comment='canonical JSON, as it was signed'),
    sa.Column('key', runtime.database.Words(16), nullable=False),
    sa.Column('signature', runtime.database.Words(64), nullable=False),
    sa.PrimaryKeyConstraint('site', 'period', name=op.f('pk_energy_lock'))
    )
    op.create_table('energy_pending',
    sa.Column('register', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('quarter', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('site', runtime.database.Words(64), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=True),
    sa.Column('quality', sa.SmallInteger(), nullable=False),
    sa.Column('reason', runtime.database.Words(), nullable=True),
    sa.Column('cause', sa.Integer(), nullable=False, comment='why it would change'),
    sa.PrimaryKeyConstraint('register', 'quarter', name=op.f('pk_energy_pending'))
    )
    op.create_index(op.f('ix_energy_pending_site'), 'energy_pending', ['site'])
    op.create_table('energy_restatement',
    sa.Column('site', runtime.database.Words(64), nullable=False),
    sa.Column('period', runtime.database.Words(7), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False, comment='1, 2, 3 without a gap'),
    sa.Column('cause', sa.Integer(), nullable=False),
    sa.Column('at', runtime.database.Moment(), nullable=False),
    sa.Column('who', runtime.database.Words(100), nullable=False),
    sa.Column('reason', runtime.database.Words(), nullable=False),
    sa.Column('document', runtime.database.Words(), nullable=False, comment='canonical JSON, as it was signed'),
    sa.Column('key', runtime.database.Words(16), nullable=False),
    sa.Column('signature', runtime.database.Words(64), nullable=False),
    sa.PrimaryKeyConstraint('site', 'period', 'number', name=op.f('pk_energy_restatement'))
    )
    op.create_table('energy_check',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', runtime.database.Moment(), nullable=False),
    sa.Column('who', runtime.database.Words(100), nullable=False),
    sa.Column('seals', sa.Integer(), nullable=False),
    sa.Column('rows', sa.BigInteger(), nullable=False),
    sa.Column('found', runtime.database.Words(), nullable=False, comment='JSON: the differences, and the end of each chain'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_energy_check'))
    )


def downgrade() -> None:
    """Take this revision back."""
    for table in ('check', 'restatement', 'pending', 'lock', 'seal', 'cause'):
        op.drop_table(f'energy_{table}')
    op.drop_column('energy_dirty', 'readings')
    op.drop_column('energy_ledger', 'cause')
