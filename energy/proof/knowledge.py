"""As of when each month is known: a locked one at its lock or last restatement, whatever came later."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.tables import LOCK, RESTATEMENT


@dataclass(frozen=True)
class Frozen:
    """A locked month of ``site``, its quarters ``first <= q < until``: it reads as was known ``at``.

    That holds for every fact beside the ledger: certificates, factors, hours of the grid, the configuration.
    """

    site: str
    period: str
    first: int
    until: int
    at: datetime

    def covers(self, first: int, until: int) -> bool:
        """Whether all of the quarters lie in it."""
        return self.first <= first and until <= self.until

    def meets(self, first: int, until: int) -> bool:
        """Whether any of the quarters lies in it."""
        return self.first < until and first < self.until


class Restated(NamedTuple):
    """A locked month read as if it were restated ``at`` a time; None: with all that is known now."""

    site: str
    period: str
    at: datetime | None


async def load_frozen(
    connection: AsyncConnection,
    sites: Collection[str],
    as_of: datetime | None = None,
    but: Restated | None = None,
) -> Sequence[Frozen]:
    """The months of ``sites`` that were locked ``as_of``, by site and time; ``but`` one of them restated."""
    restated = (
        select(RESTATEMENT.c.site, RESTATEMENT.c.period, func.max(RESTATEMENT.c.at).label("at"))
        .where(RESTATEMENT.c.site.in_(sites))
        .group_by(RESTATEMENT.c.site, RESTATEMENT.c.period)
    )
    columns = (LOCK.c.site, LOCK.c.period, LOCK.c.first, LOCK.c.until, LOCK.c.at)
    locked = select(*columns).where(LOCK.c.site.in_(sites)).order_by(LOCK.c.site, LOCK.c.first)
    if as_of is not None:
        restated = restated.where(RESTATEMENT.c.at <= as_of)
        locked = locked.where(LOCK.c.at <= as_of)
    rows = (await connection.execute(locked)).all()
    if not rows:
        return []
    later = {(row.site, row.period): row.at for row in await connection.execute(restated)}
    found = []
    for row in rows:
        at = max(row.at, later.get((row.site, row.period), row.at))
        if but is not None and (row.site, row.period) == but[:2]:
            if but.at is None:
                continue
            at = but.at
        found.append(Frozen(row.site, row.period, row.first, row.until, at))
    return found


def cut(
    first: int, until: int, frozen: Sequence[Frozen], as_of: datetime | None
) -> Iterator[tuple[int, int, datetime | None]]:
    """The quarters of one site in parts, each with the time as of which it is known."""
    at = first
    for one in frozen:
        low, high = max(one.first, at), min(one.until, until)
        if low < high:
            if at < low:
                yield at, low, as_of
            yield low, high, one.at
            at = high
    if at < until:
        yield at, until, as_of
