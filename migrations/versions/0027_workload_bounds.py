"""Parts of accounts in quarter-hours whose load or carbon is not known for sure, to put a bound in its place.

What was kept before has no part: the whole is taken for it, so that no bound is too low. Such quarter-hours
of months that are not locked are accounted for again.

Revision 0027, after 0026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TABLES = {
    "workload_interval": "of 10^9 the rest's; where the load or its carbon is not known for sure",
    "workload_account": "of 10^9 its own; where the load or its carbon is not known for sure",
}
_COUNTS = ("n_unsure", "n_crowded")
_SUMS = (
    "lost_load", "lost_location", "lost_market", "unsure_wh", "unsure_location_g", "unsure_market_g",
)  # fmt: skip
_COMMENTS = {"lost_load": "sum of parts; so for the next", "unsure_wh": "known, but not for sure"}
_LOST = {"lost_load": "total_wh", "lost_location": "co2_location_g", "lost_market": "co2_market_g"}
_WHOLE = 1_000_000_000


def upgrade() -> None:
    """Bring the schema up to this revision."""
    for table, comment in _TABLES.items():
        op.add_column(table, sa.Column("part", sa.BigInteger(), comment=comment))
    for name in _COUNTS:
        op.add_column("workload_day", _column(name, sa.Integer()))
    for name in _SUMS:
        op.add_column("workload_day", _column(name, sa.BigInteger()))
    for name, amount in _LOST.items():
        op.execute(f"UPDATE workload_day SET {name} = CAST(intervals - n_{amount} AS BIGINT) * {_WHOLE}")
    op.execute(
        "INSERT INTO workload_work (site, first, until) SELECT i.site, i.quarter, i.quarter + 1 "
        "FROM workload_interval i WHERE i.superseded_at IS NULL "
        "AND (i.load_wh IS NULL OR i.co2_location_g IS NULL OR i.co2_market_g IS NULL) AND NOT EXISTS "
        "(SELECT 1 FROM energy_lock k WHERE k.site = i.site AND k.first <= i.quarter AND i.quarter < k.until)"
    )


def downgrade() -> None:
    """Take this revision back."""
    for name in (*_SUMS, *_COUNTS):
        op.drop_column("workload_day", name)
    for table in _TABLES:
        op.drop_column(table, "part")


def _column(name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[int]:
    return sa.Column(name, kind, nullable=False, server_default="0", comment=_COMMENTS.get(name))
