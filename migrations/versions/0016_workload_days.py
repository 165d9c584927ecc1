"""Sums of workload accounts by UTC day, made for what is kept already.

Revision 0016, after 0015.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Words

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

_AMOUNTS = {
    'gpu_wh': 'a.gpu_wh',
    'it_wh': 'a.it_wh',
    'overhead_wh': 'a.total_wh - a.it_wh',
    'total_wh': 'a.total_wh',
    'green_wh': 'a.green_wh',
    'unknown_wh': 'CASE WHEN a.green_wh IS NULL THEN a.total_wh ELSE a.unknown_wh END',
    'co2_location_g': 'a.co2_location_g',
    'co2_market_g': 'a.co2_market_g',
    'told_ms': 'a.told_ms',
    'expected_ms': 'a.expected_ms',
}
_ALWAYS = ('gpu_wh', 'told_ms', 'expected_ms')
_FLAGS = {'n_shared': 1, 'n_oversold': 2, 'n_unknown_gpu': 16, 'n_by_counter': 32}


def upgrade() -> None:
    """Bring the schema up to this revision."""
    amounts = [sa.Column(name, sa.BigInteger(), nullable=False) for name in _AMOUNTS]
    counted = [f'n_{name}' for name in _AMOUNTS if name not in _ALWAYS]
    comments = {
        'n_it_wh': 'intervals in which it is known; so for the next',
        'n_shared': 'intervals with this flag; so for the next',
    }
    counts = [
        sa.Column(name, sa.Integer(), nullable=False, comment=comments.get(name))
        for name in ('intervals', *counted, *_FLAGS)
    ]
    op.create_table('workload_day',
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('day', sa.Integer(), autoincrement=False, nullable=False, comment='days since 1970, UTC'),
    sa.Column('job', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('owner', sa.Integer(), autoincrement=False, nullable=False),
    *amounts,
    *counts,
    sa.PrimaryKeyConstraint('site', 'day', 'job', 'owner', name=op.f('pk_workload_day'))
    )
    op.create_index('ix_workload_day_owner', 'workload_day', ['site', 'owner', 'day'], unique=False)
    op.create_index('ix_workload_day_job', 'workload_day', ['site', 'job', 'day'], unique=False)
    op.execute(_made_from_accounts(counted))


def _made_from_accounts(counted: list[str]) -> str:
    sums = {name: f'COALESCE(SUM({of}), 0)' for name, of in _AMOUNTS.items()}
    sums |= {'intervals': 'COUNT(*)'}
    sums |= {name: f'COUNT({_AMOUNTS[name.removeprefix("n_")]})' for name in counted}
    sums |= {name: f'COUNT(NULLIF(a.flags & {bit}, 0))' for name, bit in _FLAGS.items()}
    return (
        f'INSERT INTO workload_day (site, day, job, owner, {", ".join(sums)}) '
        f'SELECT a.site, a.quarter / 96, a.job, a.owner, {", ".join(sums.values())} '
        'FROM workload_account a JOIN workload_interval i '
        'ON a.site = i.site AND a.quarter = i.quarter AND a.revision = i.revision '
        'WHERE i.superseded_at IS NULL GROUP BY a.site, a.quarter / 96, a.job, a.owner'
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_index('ix_workload_day_job', table_name='workload_day')
    op.drop_index('ix_workload_day_owner', table_name='workload_day')
    op.drop_table('workload_day')
