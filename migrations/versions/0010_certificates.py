"""Certificates of origin: files, bundles, parts and what happened to them.

Revision 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Moment, Words

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table('certificate_ledger',
    sa.Column('registry', Words(16), nullable=False),
    sa.Column('changes', sa.Integer(), nullable=False, comment='how often anything in it was written'),
    sa.PrimaryKeyConstraint('registry', name=op.f('pk_certificate_ledger'))
    )
    op.create_table('certificate_stamp',
    sa.Column('site', Words(64), nullable=False),
    sa.Column('changes', sa.Integer(), nullable=False, comment='how often what the site may claim has changed'),
    sa.PrimaryKeyConstraint('site', name=op.f('pk_certificate_stamp'))
    )
    op.create_table('certificate_file',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('registry', Words(16), nullable=False),
    sa.Column('name', Words(200), nullable=False),
    sa.Column('sha256', Words(64), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('imported_at', Moment(), nullable=False),
    sa.Column('who', Words(64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate_file')),
    sa.UniqueConstraint('registry', 'sha256', name=op.f('uq_certificate_file_registry_sha256'))
    )
    op.create_table('certificate_bundle',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('registry', Words(16), nullable=False),
    sa.Column('series', Words(64), nullable=False, comment='what stands before the last 15 digits'),
    sa.Column('first', sa.BigInteger(), nullable=False, comment='the last 15 digits of the first number'),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.Column('digits', sa.SmallInteger(), nullable=False, comment='to how many digits a number is written'),
    sa.Column('certificate_wh', sa.BigInteger(), nullable=False, comment='Wh that each number stands for'),
    sa.Column('volume_wh', sa.BigInteger(), nullable=False),
    sa.Column('production_start', Moment(), nullable=False),
    sa.Column('production_end', Moment(), nullable=False),
    sa.Column('timed', sa.Boolean(), nullable=False, comment='produced within an hour or less'),
    sa.Column('zone', Words(60), nullable=False, comment='bidding zone of the plant'),
    sa.Column('country', Words(2), nullable=True),
    sa.Column('technology', Words(32), nullable=False),
    sa.Column('plant', Words(200), nullable=False),
    sa.Column('supply', Words(64), nullable=True, comment="the site's supply that this plant is; metered, so not added again"),
    sa.Column('commissioned', Words(10), nullable=True, comment='ISO date'),
    sa.Column('issued_at', Moment(), nullable=True),
    sa.Column('expires_at', Moment(), nullable=False),
    sa.Column('held_at', Moment(), nullable=True, comment='on our account since; null: issued, but not to us yet'),
    sa.Column('expired_at', Moment(), nullable=True, comment='when it was entered that what is left of it has expired'),
    sa.Column('file', sa.Integer(), nullable=False),
    sa.Column('row', sa.Integer(), nullable=False, comment='line of the file'),
    sa.Column('imported_at', Moment(), nullable=False),
    sa.Column('who', Words(64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate_bundle')),
    sa.UniqueConstraint('registry', 'series', 'first', name=op.f('uq_certificate_bundle_registry_series_first'))
    )
    op.create_table('certificate_part',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('bundle', sa.Integer(), nullable=False),
    sa.Column('first', sa.BigInteger(), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.Column('volume_wh', sa.BigInteger(), nullable=False),
    sa.Column('site', Words(64), nullable=True, comment='null: sold or given away, it serves none of ours'),
    sa.Column('grid', Words(60), nullable=True, comment='bidding zone of the site when it was allocated'),
    sa.Column('period_start', Moment(), nullable=True, comment='what consumption it is for'),
    sa.Column('period_end', Moment(), nullable=True),
    sa.Column('made_at', Moment(), nullable=False),
    sa.Column('ended_at', Moment(), nullable=True, comment='released: the numbers are free again'),
    sa.Column('cancelled_at', Moment(), nullable=True, comment='when the cancellation was entered here'),
    sa.Column('cancelled_on', Moment(), nullable=True, comment='when the registry cancelled it'),
    sa.Column('statement', Words(200), nullable=True, comment="the registry's cancellation statement"),
    sa.Column('revoked_at', Moment(), nullable=True, comment='the cancellation turned out void'),
    sa.Column('expired_at', Moment(), nullable=True, comment='it expired before it was cancelled'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate_part'))
    )
    op.create_index(op.f('ix_certificate_part_bundle'), 'certificate_part', ['bundle'])
    op.create_index(op.f('ix_certificate_part_site'), 'certificate_part', ['site'])
    op.create_table('certificate_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('bundle', sa.Integer(), nullable=False),
    sa.Column('part', sa.Integer(), nullable=True, comment='null: of the bundle as a whole'),
    sa.Column('first', sa.BigInteger(), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.Column('kind', Words(16), nullable=False),
    sa.Column('at', Moment(), nullable=False, comment='when it was entered here'),
    sa.Column('who', Words(64), nullable=False),
    sa.Column('document', Words(200), nullable=True, comment='what proves it'),
    sa.Column('reason', Words(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate_event'))
    )
    op.create_index(op.f('ix_certificate_event_bundle'), 'certificate_event', ['bundle'])


def downgrade() -> None:
    """Take this revision back."""
    for table in ('event', 'part', 'bundle', 'file', 'stamp', 'ledger'):
        op.drop_table(f'certificate_{table}')
