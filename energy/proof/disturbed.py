"""Which locked months something may wait for: found by one query, however many there are."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Subquery, and_, cast, exists, func, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.tables import BUNDLE, PART
from energy.interval import QUARTER_MS
from energy.proof.past import BESIDE
from energy.proof.tables import CAUSE, LOCK, PENDING, RESTATEMENT, WAITED

_STAMPS = (PART.c.made_at, PART.c.ended_at, PART.c.cancelled_at, PART.c.revoked_at, PART.c.expired_at)
"""When something became known of certificates that serve a site."""


async def disturbed_months(
    connection: AsyncConnection, sites: Collection[str] | None = None, as_of: datetime | None = None
) -> list[tuple[str, str]]:
    """Site and period of each locked month of ``sites`` (None: of all) that is not all as it was signed.

    Of those alone it is to be asked what waits for them; ``as_of`` a time, of every month that it may be.
    """
    months = _months(as_of)
    held = [_rows(months, PENDING), _causes(months), _certificates(months)]
    if as_of is not None:
        held.append(_rows(months, WAITED))
    wanted = select(months.c.site, months.c.period).where(or_(*held)).order_by(months.c.site, months.c.period)
    if sites is not None:
        wanted = wanted.where(months.c.site.in_(sites))
    return [(row.site, row.period) for row in await connection.execute(wanted)]


def _months(as_of: datetime | None) -> Subquery:
    """Every locked month with when it was signed last."""
    last = select(func.max(RESTATEMENT.c.at)).where(
        RESTATEMENT.c.site == LOCK.c.site, RESTATEMENT.c.period == LOCK.c.period
    )
    wanted = select(LOCK.c.site, LOCK.c.period, LOCK.c.first, LOCK.c.until)
    if as_of is not None:
        last, wanted = last.where(RESTATEMENT.c.at <= as_of), wanted.where(LOCK.c.at <= as_of)
    return wanted.add_columns(func.coalesce(last.scalar_subquery(), LOCK.c.at).label("at")).subquery()


def _rows(months: Subquery, table: Any) -> ColumnElement[bool]:
    own = table.c.site == months.c.site
    return exists().where(own, table.c.quarter >= months.c.first, table.c.quarter < months.c.until)


def _causes(months: Subquery) -> ColumnElement[bool]:
    own = and_(CAUSE.c.site == months.c.site, CAUSE.c.kind.in_(BESIDE))
    touching = and_(CAUSE.c.until > months.c.first, CAUSE.c.first < months.c.until)
    return exists().where(own, touching, CAUSE.c.at > months.c.at)


def _certificates(months: Subquery) -> ColumnElement[bool]:
    first, until = (cast(months.c[name], BigInteger) * QUARTER_MS for name in ("first", "until"))

    def touching(start: Any, end: Any) -> ColumnElement[bool]:
        return and_(type_coerce(start, BigInteger) < until, type_coerce(end, BigInteger) > first)

    serving = or_(
        touching(PART.c.period_start, PART.c.period_end),
        and_(BUNDLE.c.timed, touching(BUNDLE.c.production_start, BUNDLE.c.production_end)),
    )
    later = or_(*(stamp > months.c.at for stamp in _STAMPS))
    return exists().where(PART.c.bundle == BUNDLE.c.id, PART.c.site == months.c.site, serving, later)
