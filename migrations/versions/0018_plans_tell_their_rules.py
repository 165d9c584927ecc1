"""Plans of the roster tell the floor that held, and the zone that a contract was taken to deliver in.

Both were read from the configuration of the day, or from the lack of it: what is changed there from now on
changes nothing of the time before. Rows are completed, none is added.

Revision 0018, after 0017.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ROSTER = sa.table("energy_roster", sa.column("site"), sa.column("number"), sa.column("tables"))
_SITE = sa.table("energy_site", sa.column("site"), sa.column("told"))

_FLOOR, _DEFAULT = "completeness_floor", 0.9


def upgrade() -> None:
    """Bring the schema up to this revision."""
    known = op.get_bind().execute(sa.select(_SITE)).all()
    floors = {row.site: json.loads(row.told).get(_FLOOR, _DEFAULT) for row in known}
    for row in _plans():
        told = json.loads(row.tables)
        floor = floors.get(row.site, _DEFAULT)
        if floor != _DEFAULT:
            told.setdefault(_FLOOR, floor)
        for supply in told.get("supply", ()):
            if supply["kind"] in ("ppa_solar", "ppa_wind"):
                supply["zone"] = supply.get("zone") or told["grid"]
        _keep(row, told)


def downgrade() -> None:
    """Take this revision back; the zone stays, as it says what was meant."""
    for row in _plans():
        told = json.loads(row.tables)
        for name in (_FLOOR, "estimate"):
            told.pop(name, None)
        _keep(row, told)


def _plans() -> list[Any]:
    """The plans of sites that were there."""
    return list(op.get_bind().execute(sa.select(_ROSTER).where(_ROSTER.c.tables != "")).all())


def _keep(row: Any, told: dict[str, Any]) -> None:
    tables = json.dumps(told, sort_keys=True)
    if tables != row.tables:
        own = (_ROSTER.c.site == row.site, _ROSTER.c.number == row.number)
        op.get_bind().execute(sa.update(_ROSTER).where(*own).values(tables=tables))
