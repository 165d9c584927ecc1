"""Months that take no more rows: which quarters they cover."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.tables import LOCK


@dataclass(frozen=True)
class Lock:
    """``period`` of ``site``, the quarters ``first <= q < until``, locked by ``who``.

    ``document`` is the canonical JSON that was signed by ``key``: what the month read, by digest.
    """

    site: str
    period: str
    first: int
    until: int
    at: datetime
    who: str
    document: str
    key: str
    signature: str

    def covers(self, first: int, until: int) -> bool:
        """Whether all of the quarters lie in it."""
        return self.first <= first and until <= self.until


_LOCKS = select(LOCK).order_by(LOCK.c.site, LOCK.c.period)


async def load_locks(
    connection: AsyncConnection, sites: Collection[str] | None = None, as_of: datetime | None = None
) -> Sequence[Lock]:
    """The locks of ``sites``, or of every site, by site and period; those that were set by ``as_of``."""
    wanted = _LOCKS if sites is None else _LOCKS.where(LOCK.c.site.in_(sites))
    if as_of is not None:
        wanted = wanted.where(LOCK.c.at <= as_of)
    return [Lock(**row._mapping) for row in await connection.execute(wanted)]


async def locked_within(
    connection: AsyncConnection, site: str, first: int, until: int
) -> Sequence[tuple[int, int]]:
    """The parts of ``first <= q < until`` that are locked, as first quarter and the one after the last."""
    wanted = select(LOCK.c.first, LOCK.c.until).where(
        LOCK.c.site == site, LOCK.c.until > first, LOCK.c.first < until
    )
    found = [(max(first, row.first), min(until, row.until)) for row in await connection.execute(wanted)]
    return sorted(found)
