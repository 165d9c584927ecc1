"""Finds the accounts that a question is about, by the sums of whole days where these tell the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import Subquery

from energy.configuration.era import present
from energy.configuration.recorded import load_recorded
from energy.figures import ALL
from energy.interval import QUARTER_MS, Period
from energy.proof.beside import ANY
from energy.workloads.amounts import SUMMED, interval_sums
from energy.workloads.days import DAY_QUARTERS
from energy.workloads.tables import ACCOUNT, DAY, INTERVAL, JOB, OWNER, REACHED
from energy.workloads.told import FLOOR, Highest
from runtime.clock import to_ms


@dataclass(frozen=True)
class Wanted:
    """Which accounts of ``site`` (or all) over ``period``, as known at ``as_of`` (None: now)."""

    site: str
    period: Period
    tenant: str | None = None
    project: str | None = None
    job: str | None = None
    as_of: datetime | None = None

    @property
    def quarters(self) -> tuple[int, int]:
        """Its intervals are ``first <= q < until``."""
        return to_ms(self.period.start) // QUARTER_MS, to_ms(self.period.end) // QUARTER_MS


class Stretch(NamedTuple):
    """Quarters ``first <= q < until``, added (1) or taken away (-1), as sums of days or one by one."""

    first: int
    until: int
    sign: Literal[1, -1]
    by_day: bool


def stretches(first: int, until: int, reached: int) -> list[Stretch]:
    """What ``first <= q < until`` comes to when nothing is kept from ``reached`` on: days, and both edges.

    A day that lies in it by more than half is taken whole, and what is beyond the edge is taken away.
    """
    day, rest = divmod(first, DAY_QUARTERS)
    first_day = day if 2 * rest <= DAY_QUARTERS else day + 1
    day, rest = divmod(until, DAY_QUARTERS)
    beyond = min(max(reached - until, 0), DAY_QUARTERS - rest)
    until_day = day + 1 if rest > 0 and beyond < rest else day
    if first_day >= until_day:
        return [Stretch(first, until, 1, by_day=False)]
    begin, end = first_day * DAY_QUARTERS, until_day * DAY_QUARTERS
    found = [Stretch(begin, end, 1, by_day=True)]
    if first != begin:
        found.append(Stretch(min(first, begin), max(first, begin), -1 if begin < first else 1, by_day=False))
    if until != end:
        found.append(Stretch(min(until, end), max(until, end), -1 if until < end else 1, by_day=False))
    return found


def headers(wanted: Wanted, sites: Sequence[str], span: tuple[int, int]) -> ColumnElement[bool]:
    """The revisions of the intervals of ``span`` that were the newest at the time of the question."""
    within = and_(INTERVAL.c.site.in_(sites), INTERVAL.c.quarter >= span[0], INTERVAL.c.quarter < span[1])
    if wanted.as_of is None:
        return and_(within, INTERVAL.c.superseded_at.is_(None))
    later = or_(INTERVAL.c.superseded_at.is_(None), INTERVAL.c.superseded_at > wanted.as_of)
    return and_(within, INTERVAL.c.known_at <= wanted.as_of, later)


@dataclass(frozen=True)
class Lines:
    """Which lines are wanted, by the numbers that the indexes of their table know; None is all.

    Nothing is kept of ``sites`` from the quarter ``reached`` on.
    """

    wanted: Wanted
    sites: list[str]
    reached: int
    owners: list[int] | None
    jobs: list[int] | None

    def of(self, query: Select[Any], span: tuple[int, int] | None = None) -> Select[Any]:
        """``query`` over the lines of ``span`` (None: the period) with their intervals."""
        span = span or self.wanted.quarters
        same = and_(*(ACCOUNT.c[name] == INTERVAL.c[name] for name in ("site", "quarter", "revision")))
        here = headers(self.wanted, self.sites, span)
        # Twice, so that the index of the owner or the job is gone through over these quarters only.
        near = and_(ACCOUNT.c.site.in_(self.sites), ACCOUNT.c.quarter >= span[0], ACCOUNT.c.quarter < span[1])
        return query.select_from(ACCOUNT.join(INTERVAL, same)).where(here, near, *self._mine(ACCOUNT))

    def by_payer(self) -> Subquery:
        """The sums (:data:`SUMMED`) of each ``site``, ``job`` and ``owner`` over the period.

        What was known at some time is read from the intervals, as sums of days are of the newest only.
        """
        first, until = self.wanted.quarters
        every = stretches(first, until, self.reached)
        if self.wanted.as_of is not None:
            every = [Stretch(first, until, 1, by_day=False)]
        return union_all(*(self._sums(one) for one in every)).subquery()

    def _sums(self, stretch: Stretch) -> Select[Any]:
        table = DAY if stretch.by_day else ACCOUNT
        sums = {name: func.sum(DAY.c[name]) for name in SUMMED} if stretch.by_day else interval_sums(ACCOUNT)
        signed = [(one * stretch.sign).label(name) for name, one in sums.items()]
        keys = (table.c.site, table.c.job, table.c.owner)
        query = select(*keys, *signed).group_by(*keys)
        if not stretch.by_day:
            return self.of(query, stretch[:2])
        first, until = (quarter // DAY_QUARTERS for quarter in stretch[:2])
        days = and_(DAY.c.site.in_(self.sites), DAY.c.day >= first, DAY.c.day < until)
        return query.where(days, *self._mine(DAY))

    def _mine(self, table: Any) -> Iterator[ColumnElement[bool]]:
        for column, numbers in ((table.c.owner, self.owners), (table.c.job, self.jobs)):
            if numbers is not None:
                yield column.in_(numbers)


async def highest(connection: AsyncConnection, lines: Lines) -> Mapping[str, Highest]:
    """The most that each site had in any quarter-hour of the period, whoever had it."""
    most = {
        "load": INTERVAL.c.load_wh,
        "location": INTERVAL.c.co2_location_g,
        "market": INTERVAL.c.co2_market_g,
    }
    query = (
        select(INTERVAL.c.site, *(func.max(column).label(name) for name, column in most.items()))
        .where(headers(lines.wanted, lines.sites, lines.wanted.quarters))
        .group_by(INTERVAL.c.site)
    )
    return {row.site: Highest(row.load, row.location, row.market) for row in await connection.execute(query)}


async def floor(connection: AsyncConnection, lines: Lines) -> float:
    """What share of the intervals must be known: the highest that a site asked of some part of the period.

    By its plans as they were known; of a locked month, those of its lock.
    """
    recorded = await load_recorded(connection, lines.sites, lines.wanted.as_of)
    told = [
        era.site.completeness_floor
        for one in recorded.values()
        if one.plans
        for era in present(one.eras(ANY), *lines.wanted.quarters)
    ]
    return max(told, default=FLOOR)


async def find(connection: AsyncConnection, wanted: Wanted) -> Lines:
    """The lines that ``wanted`` is about."""
    # Numbers and not a question within the question: for that SQLite goes through all of the period.
    owners = jobs = None
    named = [(OWNER.c.tenant, wanted.tenant), (OWNER.c.project, wanted.project)]
    owned = [column == value for column, value in named if value is not None]
    if owned:
        owners = list(await connection.scalars(select(OWNER.c.id).where(*owned)))
    if wanted.job is not None:
        mine = select(JOB.c.id).where(JOB.c.job == wanted.job)
        mine = mine if wanted.site == ALL else mine.where(JOB.c.site == wanted.site)
        jobs = list(await connection.scalars(mine))
    kept = (await connection.execute(select(REACHED.c.site, REACHED.c.until))).all()
    here = {row.site: row.until for row in kept if wanted.site in (ALL, row.site)}
    return Lines(wanted, sorted(here), max(here.values(), default=0), owners, jobs)
