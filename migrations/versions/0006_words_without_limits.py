"""Words without limits.

PostgreSQL refuses what is longer than a column says and sorts by the server's language; SQLite does neither.

Revision 0006, after 0005.
"""

from __future__ import annotations

from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

WORDS = {
    'alert': ('key', 'rule', 'site', 'severity', 'state', 'title', 'summary', 'advice', 'unit', 'acknowledged_by', 'note', 'link', 'evidence', 'episode'),
    'alert_silence': ('key', 'who', 'note'),
    'alert_transition': ('before', 'after', 'who', 'note'),
    'api_tokens': ('prefix', 'digest', 'name', 'role'),
    'energy_change': ('site',),
    'energy_dirty': ('site', 'measurement', 'meter'),
    'energy_followed': ('name',),
    'energy_ledger': ('reason',),
    'energy_register': ('site', 'measurement', 'meter', 'channel'),
    'energy_roster': ('site', 'tables'),
    'energy_settlement': ('site',),
    'energy_site': ('site', 'told'),
    'job': ('name',),
    'job_run': ('job', 'state', 'error', 'owner'),
    'lease': ('name', 'owner'),
    'outbox': ('key', 'channel', 'kind', 'thread', 'payload', 'owner', 'error'),
    'process': ('name', 'role', 'version', 'address', 'told'),
    'report_file': ('site', 'period', 'format', 'name', 'sha256'),
    'report_revision': ('site', 'period', 'state', 'figures_sha256', 'folder'),
    'sessions': ('digest',),
    'users': ('name', 'role', 'password_hash'),
}


def upgrade() -> None:
    """Bring the schema up to this revision."""
    if op.get_bind().dialect.name != 'postgresql':
        return
    for table, columns in WORDS.items():
        changes = ', '.join(f'ALTER COLUMN "{column}" TYPE TEXT COLLATE "C"' for column in columns)
        op.execute(f'ALTER TABLE "{table}" {changes}')
    op.execute("COMMENT ON COLUMN outbox.failed_at IS 'given up, or superseded'")


def downgrade() -> None:
    """Take this revision back: nothing, as the older tables hold what fits into them."""
