"""Reads accounts back: what jobs, projects or tenants had of a period, and what nobody had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Row, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import Subquery

from energy.figures import ALL
from energy.workloads.amounts import SUMMED, Sums, flags_of, interval_sums, sums_of, together
from energy.workloads.flag import Flag, told
from energy.workloads.lines import Lines, find, floor, headers, highest
from energy.workloads.lines import Wanted as Wanted
from energy.workloads.opened import Waiting, load_waiting
from energy.workloads.spans import LONGEST_SILENCE
from energy.workloads.state import moment
from energy.workloads.tables import ACCOUNT, INTERVAL, JOB, OWNER, REACHED, SPAN
from energy.workloads.told import Amounts, Highest, account_of, amounts_of, bounded
from runtime.database import Database

By = Literal["job", "project", "tenant"]

HOUR_QUARTERS = 4

_ROWS = 500
"""Numbers that one statement names at most."""

_NOTHING = bounded(together(()), Highest())


@dataclass(frozen=True)
class Account:
    """The amounts of one payer; what it is not told apart by is None. ``notes`` say what is odd."""

    site: str | None
    tenant: str
    project: str | None
    job: str | None
    name: str | None
    since: datetime | None
    until: datetime | None
    amounts: Amounts
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """``accounts`` with the largest first, ``rest`` that nobody had, and the ``site`` that both add up to.

    ``jobs`` is all accounts as one. ``rest`` and ``site`` are of everything, also where only some accounts
    were asked for. Everything before ``through`` is accounted for; None before the first job. What jobs told
    of locked months after their lock is ``waiting`` for a restatement.
    """

    accounts: Sequence[Account]
    jobs: Amounts
    rest: Amounts
    site: Amounts
    through: datetime | None
    waiting: Sequence[Waiting] = ()


class Workloads:
    """The accounts as the database has them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def statement(self, wanted: Wanted, by: By) -> Statement:
        """The accounts of a period. Raises nothing for names that nobody has: there are no accounts then."""
        return (await self.statements(wanted, (by,)))[by]

    async def statements(self, wanted: Wanted, by: Sequence[By]) -> Mapping[By, Statement]:
        """The same accounts in several ways (at least one), for the cost of the finest."""
        finest = max(by, key=_FINER.index)
        async with self._database.read() as connection:
            lines = await find(connection, wanted)
            most = await highest(connection, lines)
            payers = await _payers(connection, lines, finest, most)
            jobs = await _jobs(connection, [payer.job for payer in payers if payer.job is not None])
            rest, site = await _rest_and_site(connection, lines, most)
            through = select(func.min(REACHED.c.until)).where(_at_site(REACHED, wanted.site))
            reached = await connection.scalar(through)
            waiting = await load_waiting(connection, lines.sites, wanted.quarters, wanted.as_of)
            least = await floor(connection, lines)
        upto = None if reached is None else moment(reached)
        every = together([_NOTHING, *payers.values()])
        had, nobody, whole = account_of(every, least), amounts_of(rest, least), amounts_of(site, least)
        return {
            one: Statement(_accounts(payers, one, (jobs, wanted), least), had, nobody, whole, upto, waiting)
            for one in by
        }

    async def hours(self, wanted: Wanted) -> list[tuple[datetime, Amounts]]:
        """What the accounts wanted had together in each hour of the period in which they had anything."""
        hour = INTERVAL.c.quarter // HOUR_QUARTERS
        async with self._database.read() as connection:
            lines = await find(connection, wanted)
            most = await highest(connection, lines)
            sums = [one.label(name) for name, one in interval_sums(ACCOUNT).items()]
            keys = (hour.label("hour"), INTERVAL.c.site)
            query = lines.of(select(*keys, *sums)).group_by(hour, INTERVAL.c.site).order_by(hour)
            rows = (await connection.execute(query)).all()
            least = await floor(connection, lines)
        found: dict[datetime, list[Sums]] = defaultdict(list)
        for row in rows:
            at = moment(row.hour * HOUR_QUARTERS)
            found[at].append(bounded(sums_of(row), most.get(row.site, Highest())))
        return [(at, account_of(together(every), least)) for at, every in found.items()]

    async def total(self, wanted: Wanted) -> tuple[Amounts, int] | None:
        """What the accounts wanted had together, and their oddities as flags; None if there are none."""
        async with self._database.read() as connection:
            lines = await find(connection, wanted)
            most = await highest(connection, lines)
            payers = lines.by_payer()
            query = select(payers.c.site, *_summed(payers)).group_by(payers.c.site)
            rows = (await connection.execute(query)).all()
            least = await floor(connection, lines)
        every = [bounded(sums_of(row), most.get(row.site, Highest())) for row in rows if row.intervals]
        had = together(every)
        return (account_of(had, least), flags_of(had)) if every else None

    async def job(self, site: str, name: str) -> Row[Any] | None:
        """The row of one job; None if nobody ever told of it."""
        async with self._database.read() as connection:
            found = await connection.execute(select(JOB).where(JOB.c.site == site, JOB.c.job == name))
            return found.first()

    async def members(self, number: int, most: int) -> tuple[list[Row[Any]], int]:
        """The last ``most`` of its spans, newest first, and how many it has in all.

        Of each ``since``, ``until``, ``members`` as JSON and ``share``.
        """
        mine = select(SPAN).where(SPAN.c.job == number)
        async with self._database.read() as connection:
            found = await connection.execute(mine.order_by(SPAN.c.since.desc()).limit(most))
            count = await connection.scalar(select(func.count()).select_from(mine.subquery()))
        return list(found), int(count or 0)


class _Payer(NamedTuple):
    """What an account is kept under; None where it was not asked for so finely."""

    tenant: str
    project: str | None
    job: int | None


_FINER: Sequence[By] = ("tenant", "project", "job")
_KEYS = (OWNER.c.tenant, OWNER.c.project, JOB.c.id)


def _at_site(table: Any, site: str) -> ColumnElement[bool]:
    here: ColumnElement[bool] = table.c.site == site if site != ALL else true()
    return here


def _summed(payers: Subquery) -> list[ColumnElement[Any]]:
    return [func.sum(payers.c[name]).label(name) for name in SUMMED]


async def _payers(
    connection: AsyncConnection, lines: Lines, by: By, most: Mapping[str, Highest]
) -> Mapping[_Payer, Sums]:
    """The sums of everybody who had an interval, with bounds for what is not known."""
    kept = lines.by_payer()
    known = kept.join(OWNER, OWNER.c.id == kept.c.owner).join(JOB, JOB.c.id == kept.c.job)
    keys = (*_KEYS[: _FINER.index(by) + 1], kept.c.site)
    query = select(*keys, *_summed(kept)).select_from(known).group_by(*keys)
    found: dict[_Payer, list[Sums]] = defaultdict(list)
    for row in await connection.execute(query):
        if row.intervals:
            payer = _Payer(row.tenant, getattr(row, "project", None), getattr(row, "id", None))
            found[payer].append(bounded(sums_of(row), most.get(row.site, Highest())))
    return {payer: together(every) for payer, every in found.items()}


async def _jobs(connection: AsyncConnection, numbers: Sequence[int]) -> Mapping[int, Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for first in range(0, len(numbers), _ROWS):
        query = select(JOB).where(JOB.c.id.in_(numbers[first : first + _ROWS]))
        found |= {row.id: row for row in await connection.execute(query)}
    return found


def _accounts(
    payers: Mapping[_Payer, Sums], by: By, what: tuple[Mapping[int, Row[Any]], Wanted], least: float
) -> list[Account]:
    jobs, wanted = what
    groups: dict[_Payer, list[Sums]] = defaultdict(list)
    for payer, sums in payers.items():
        project, job = payer.project if by != "tenant" else None, payer.job if by == "job" else None
        groups[_Payer(payer.tenant, project, job)].append(sums)
    accounts = [
        _account(payer, together(sums), jobs.get(payer.job or -1), (wanted.period.end, least))
        for payer, sums in groups.items()
    ]
    return sorted(
        accounts,
        key=lambda one: (
            -(one.amounts.total_wh or 0),
            -one.amounts.gpu_wh,
            *(one.tenant, one.project or "", one.job or ""),
        ),
    )


def _account(payer: _Payer, sums: Sums, job: Row[Any] | None, asked: tuple[datetime, float]) -> Account:
    at, least = asked
    flags = flags_of(sums)
    if job is not None:
        flags |= job.flags
        if job.until is None and at - job.heard > LONGEST_SILENCE:
            flags |= Flag.NEVER_ENDED
    return Account(
        site=None if job is None else job.site,
        tenant=payer.tenant,
        project=payer.project,
        job=None if job is None else job.job,
        name=None if job is None else job.name,
        since=None if job is None else job.since,
        until=None if job is None else job.until,
        amounts=account_of(sums, least),
        notes=tuple(told(flags)),
    )


_REST: Mapping[str, str | None] = {
    "gpu_wh": "idle_gpu_wh",
    "it_wh": "rest_it_wh",
    "total_wh": "rest_wh",
    "green_wh": "rest_green_wh",
    "unknown_wh": "rest_unknown_wh",
    "co2_location_g": "rest_location_g",
    "co2_market_g": "rest_market_g",
}
_SITE: Mapping[str, str | None] = {"it_wh": "eit_wh", "total_wh": "load_wh", "part": None}


async def _rest_and_site(
    connection: AsyncConnection, lines: Lines, most: Mapping[str, Highest]
) -> tuple[Sums, Sums]:
    here = headers(lines.wanted, lines.sites, lines.wanted.quarters)
    found = []
    for names in (_REST, _SITE):
        sums = [one.label(name) for name, one in interval_sums(INTERVAL, names).items()]
        query = select(INTERVAL.c.site, *sums).where(here).group_by(INTERVAL.c.site)
        every = [(row.site, sums_of(row)) for row in await connection.execute(query)]
        found.append(together([_NOTHING, *(bounded(one, most.get(site, Highest())) for site, one in every)]))
    return found[0], found[1]
