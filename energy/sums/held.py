"""Where it is not known yet that a register told: in locked months, and as of a time, of before it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.knowledge import Frozen, cut
from energy.proof.tables import CAUSE

Quarters = tuple[int, int]
"""``first <= q < until``."""


def source(key: tuple[str, str, str]) -> str:
    """Who tells of a register, as its causes name it: measurement, meter and channel."""
    return "/".join(key)


async def load_held(
    connection: AsyncConnection, frozen: Mapping[str, Sequence[Frozen]], as_of: datetime | None
) -> Mapping[tuple[str, str], tuple[Quarters, ...]]:
    """By site (of those of ``frozen``) and :func:`source`, the quarters read as known before a cause.

    Locked months as they were known at their lock or last restatement, all others ``as_of``.
    """
    if as_of is None and not any(frozen.values()):
        return {}
    wanted = (
        select(CAUSE.c.site, CAUSE.c.who, CAUSE.c.at, CAUSE.c.first, CAUSE.c.until)
        .where(CAUSE.c.site.in_(list(frozen)), CAUSE.c.kind == "register")
        .order_by(CAUSE.c.id)
    )
    found: dict[tuple[str, str], list[Quarters]] = defaultdict(list)
    for row in await connection.execute(wanted):
        for low, high, known in cut(row.first, row.until, frozen[row.site], as_of):
            if known is not None and known < row.at:
                found[row.site, row.who].append((low, high))
    return {name: tuple(stretches) for name, stretches in found.items()}
