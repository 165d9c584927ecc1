"""Sums of accounts by UTC day: they move with the accounts, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.tables import insert_into
from energy.workloads.amounts import SUMMED, interval_sums
from energy.workloads.tables import ACCOUNT, DAY, INTERVAL

DAY_QUARTERS = 96

_KEYS = ("site", "day", "job", "owner")
_QUARTERS = 500
"""Quarters of one statement at most."""


async def move(connection: AsyncConnection, site: str, quarters: Sequence[int], sign: Literal[1, -1]) -> None:
    """Add the newest revisions of ``quarters`` to the sums of their days, or take them away (-1)."""
    day = (ACCOUNT.c.quarter // DAY_QUARTERS).label("day")
    sums = [(func.coalesce(one, 0) * sign).label(name) for name, one in interval_sums(ACCOUNT).items()]
    same = and_(*(ACCOUNT.c[name] == INTERVAL.c[name] for name in ("site", "quarter", "revision")))
    for first in range(0, len(quarters), _QUARTERS):
        lines = (
            select(ACCOUNT.c.site, day, ACCOUNT.c.job, ACCOUNT.c.owner, *sums)
            .select_from(INTERVAL.join(ACCOUNT, same))
            .where(INTERVAL.c.site == site, INTERVAL.c.quarter.in_(quarters[first : first + _QUARTERS]))
            .where(INTERVAL.c.superseded_at.is_(None))
            .group_by(ACCOUNT.c.site, day, ACCOUNT.c.job, ACCOUNT.c.owner)
        )
        row = insert_into(connection, DAY).from_select([*_KEYS, *SUMMED], lines)
        added = {name: DAY.c[name] + row.excluded[name] for name in SUMMED}
        await connection.execute(row.on_conflict_do_update(index_elements=_KEYS, set_=added))


async def remove_empty(connection: AsyncConnection, site: str, quarters: Sequence[int]) -> None:
    """Remove the sums of no interval at all from the days of ``quarters``."""
    days = sorted({quarter // DAY_QUARTERS for quarter in quarters})
    for first in range(0, len(days), _QUARTERS):
        within = DAY.c.day.in_(days[first : first + _QUARTERS])
        await connection.execute(delete(DAY).where(DAY.c.site == site, within, DAY.c.intervals == 0))
