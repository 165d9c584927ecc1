"""Workload accounts: what jobs told, who ran on what, and what every interval was cut into.

Revision 0014, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment, Words

revision = '0014'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table('workload_account',
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('quarter', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('revision', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('job', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('owner', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('gpu_wh', sa.BigInteger(), nullable=False),
    sa.Column('it_wh', sa.BigInteger(), nullable=True),
    sa.Column('total_wh', sa.BigInteger(), nullable=True),
    sa.Column('green_wh', sa.BigInteger(), nullable=True),
    sa.Column('unknown_wh', sa.BigInteger(), nullable=True),
    sa.Column('co2_location_g', sa.BigInteger(), nullable=True),
    sa.Column('co2_market_g', sa.BigInteger(), nullable=True),
    sa.Column('told_ms', sa.BigInteger(), nullable=False),
    sa.Column('expected_ms', sa.BigInteger(), nullable=False),
    sa.Column('flags', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('site', 'quarter', 'revision', 'job', 'owner', name=op.f('pk_workload_account'))
    )
    op.create_index('ix_workload_account_job', 'workload_account', ['site', 'job', 'quarter'], unique=False)
    op.create_index('ix_workload_account_owner', 'workload_account', ['site', 'owner', 'quarter'], unique=False)
    op.create_table('workload_counter',
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('uuid', Words(length=256), nullable=False),
    sa.Column('at', Moment(), nullable=False),
    sa.Column('mj', sa.BigInteger(), nullable=False, comment='millijoules since the driver was loaded'),
    sa.PrimaryKeyConstraint('site', 'uuid', 'at', name=op.f('pk_workload_counter'))
    )
    op.create_table('workload_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('job', Words(length=64), nullable=False),
    sa.Column('at', Moment(), nullable=False),
    sa.Column('known_at', Moment(), nullable=False),
    sa.Column('digest', Words(length=64), nullable=False, comment='SHA-256 of the event: told twice, it is one'),
    sa.Column('told', Words(), nullable=False, comment='JSON: the event'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workload_event')),
    sa.UniqueConstraint('site', 'job', 'digest', name=op.f('uq_workload_event_site_job_digest'))
    )
    op.create_table('workload_interval',
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('quarter', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('revision', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('known_at', Moment(), nullable=False),
    sa.Column('superseded_at', Moment(), nullable=True, comment='when the next revision replaced it; null is the newest'),
    sa.Column('figures', Words(length=64), nullable=False, comment="digest of the site's figures that it was made from"),
    sa.Column('digest', Words(length=64), nullable=False, comment='digest of all its amounts'),
    sa.Column('load_wh', sa.BigInteger(), nullable=True, comment='what the accounts add up to; null is not known'),
    sa.Column('eit_wh', sa.BigInteger(), nullable=True),
    sa.Column('green_wh', sa.BigInteger(), nullable=True),
    sa.Column('unknown_wh', sa.BigInteger(), nullable=True),
    sa.Column('co2_location_g', sa.BigInteger(), nullable=True),
    sa.Column('co2_market_g', sa.BigInteger(), nullable=True),
    sa.Column('gpu_wh', sa.BigInteger(), nullable=False, comment='of all GPUs that told theirs'),
    sa.Column('idle_gpu_wh', sa.BigInteger(), nullable=False, comment='of GPUs in no job'),
    sa.Column('rest_it_wh', sa.BigInteger(), nullable=True),
    sa.Column('rest_wh', sa.BigInteger(), nullable=True, comment='the unattributed rest of load_wh'),
    sa.Column('rest_green_wh', sa.BigInteger(), nullable=True),
    sa.Column('rest_unknown_wh', sa.BigInteger(), nullable=True),
    sa.Column('rest_location_g', sa.BigInteger(), nullable=True),
    sa.Column('rest_market_g', sa.BigInteger(), nullable=True),
    sa.Column('told_ms', sa.BigInteger(), nullable=False, comment='time of GPUs of which the energy is known'),
    sa.Column('expected_ms', sa.BigInteger(), nullable=False),
    sa.Column('flags', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('site', 'quarter', 'revision', name=op.f('pk_workload_interval'))
    )
    op.create_table('workload_job',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('job', Words(length=64), nullable=False),
    sa.Column('tenant', Words(length=200), nullable=False),
    sa.Column('project', Words(length=200), nullable=False),
    sa.Column('name', Words(length=200), nullable=False),
    sa.Column('since', Moment(), nullable=True, comment='its first start; null until one is known'),
    sa.Column('until', Moment(), nullable=True, comment='its last stop; null while it runs'),
    sa.Column('heard', Moment(), nullable=False, comment='time of its last event'),
    sa.Column('flags', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workload_job')),
    sa.UniqueConstraint('site', 'job', name=op.f('uq_workload_job_site_job'))
    )
    op.create_table('workload_owner',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('tenant', Words(length=200), nullable=False),
    sa.Column('project', Words(length=200), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workload_owner')),
    sa.UniqueConstraint('tenant', 'project', name=op.f('uq_workload_owner_tenant_project'))
    )
    op.create_table('workload_reached',
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('since', sa.Integer(), nullable=False, comment='quarter in which the first job began'),
    sa.Column('until', sa.Integer(), nullable=False, comment='every quarter before it is accounted for'),
    sa.Column('cause', sa.Integer(), nullable=False, comment='newest energy_cause that was looked at'),
    sa.PrimaryKeyConstraint('site', name=op.f('pk_workload_reached'))
    )
    op.create_table('workload_seat',
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('uuid', Words(length=256), nullable=False),
    sa.Column('since', Moment(), nullable=False),
    sa.Column('place', Words(length=256), nullable=False, comment='hall/rack/node/number'),
    sa.PrimaryKeyConstraint('site', 'uuid', 'since', name=op.f('pk_workload_seat'))
    )
    op.create_table('workload_span',
    sa.Column('job', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('owner', sa.Integer(), nullable=False),
    sa.Column('since', Moment(), nullable=False),
    sa.Column('until', Moment(), nullable=True, comment='null while it runs'),
    sa.Column('share', sa.Float(), nullable=True, comment='promised part of its members; null is not told'),
    sa.Column('members', Words(), nullable=False, comment='JSON: nodes, GPUs and UUIDs'),
    sa.PrimaryKeyConstraint('job', 'number', name=op.f('pk_workload_span'))
    )
    op.create_index('ix_workload_span_site_since', 'workload_span', ['site', 'since'], unique=False)
    op.create_table('workload_work',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('site', Words(length=64), nullable=False),
    sa.Column('first', sa.Integer(), nullable=False, comment='first quarter to account for again'),
    sa.Column('until', sa.Integer(), nullable=False, comment='the quarter after the last'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workload_work'))
    )


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table('workload_work')
    op.drop_index('ix_workload_span_site_since', table_name='workload_span')
    op.drop_table('workload_span')
    op.drop_table('workload_seat')
    op.drop_table('workload_reached')
    op.drop_table('workload_owner')
    op.drop_table('workload_job')
    op.drop_table('workload_interval')
    op.drop_table('workload_event')
    op.drop_table('workload_counter')
    op.drop_index('ix_workload_account_owner', table_name='workload_account')
    op.drop_index('ix_workload_account_job', table_name='workload_account')
    op.drop_table('workload_account')
