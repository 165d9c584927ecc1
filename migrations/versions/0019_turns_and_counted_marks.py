"""One turn for all who stamp when something became known, and marks that count how often they were made.

Revision 0019, after 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import Words

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_STAMPED = {
    "site:": (
        ("energy_cause", "site", "at"),
        ("energy_lock", "site", "at"),
        ("energy_restatement", "site", "at"),
        ("energy_settlement", "site", "settled_at"),
        ("energy_roster", "site", "known_at"),
        ("carbon_use", "site", "known_at"),
        ("certificate_part", "site", "made_at"),
        ("certificate_part", "site", "ended_at"),
        ("certificate_part", "site", "expired_at"),
    ),
    "grid:": (("grid_hour", "zone", "known_at"),),
    "certificates:": (("certificate_bundle", "registry", "imported_at"),),
}
"""What had been stamped before there were turns: what comes later is known later."""


def upgrade() -> None:
    """Bring the schema up to this revision."""
    op.create_table(
        "energy_turn",
        sa.Column(
            "name", Words(length=100), nullable=False, comment="site:, grid: or certificates: and its key"
        ),
        sa.Column(
            "newest", sa.BigInteger(), nullable=False, comment="newest stamp given in it, ms since 1970"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_energy_turn")),
    )
    for kind, columns in _STAMPED.items():
        every = " UNION ALL ".join(
            f"SELECT {key} AS name, {at} AS stamp FROM {table} WHERE {key} IS NOT NULL AND {at} IS NOT NULL"
            for table, key, at in columns
        )
        op.execute(
            f"INSERT INTO energy_turn (name, newest) SELECT '{kind}' || name, max(stamp) FROM ({every}) AS known"
            " GROUP BY name"
        )
    op.drop_table("certificate_ledger")
    for table in ("energy_dirty", "grid_mark"):
        op.add_column(
            table,
            sa.Column(
                "touched", sa.Integer(), nullable=False, server_default="0", comment="how often it was marked"
            ),
        )
        op.drop_column(table, "position")


def downgrade() -> None:
    """Take this revision back."""
    for table in ("grid_mark", "energy_dirty"):
        op.add_column(
            table,
            sa.Column(
                "position",
                sa.BigInteger(),
                nullable=False,
                server_default="0",
                comment="newest journal position that touched it",
            ),
        )
        op.drop_column(table, "touched")
    op.create_table(
        "certificate_ledger",
        sa.Column("registry", Words(length=16), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False, comment="how often anything in it was written"),
        sa.PrimaryKeyConstraint("registry", name=op.f("pk_certificate_ledger")),
    )
    op.drop_table("energy_turn")
