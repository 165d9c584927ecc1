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
from energy.workloads.amounts import (
    SUMMED,
    Sums,
    amounts_of,
    flags_of,
    interval_sums,
    sums_of,
    together,
)
from energy.workloads.amounts import (
    Amounts as Amounts,
)
from energy.workloads.flag import Flag, told
from energy.workloads.lines import Lines, find, headers
from energy.workloads.lines import Wanted as Wanted
from energy.workloads.spans import LONGEST_SILENCE
from energy.workloads.state import moment
from energy.workloads.tables import ACCOUNT, INTERVAL, JOB, OWNER, REACHED, SPAN
from runtime.database import Database

By = Literal["job", "project", "tenant"]

HOUR_QUARTERS = 4


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

    ``rest`` and ``site`` are of everything, also where only some accounts were asked for. Everything before
    ``through`` is accounted for; None before the first job.
    """

    accounts: Sequence[Account]
    rest: Amounts
    site: Amounts
    through: datetime | None


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
            payers = await _payers(connection, lines, finest)
            jobs = await _jobs(connection, wanted.site) if finest == "job" and payers else {}
            rest, site = await _rest_and_site(connection, lines)
            through = select(func.min(REACHED.c.until)).where(_at_site(REACHED, wanted.site))
            reached = await connection.scalar(through)
        upto = None if reached is None else moment(reached)
        return {one: Statement(_accounts(payers, one, (jobs, wanted)), rest, site, upto) for one in by}

    async def hours(self, wanted: Wanted) -> list[tuple[datetime, Amounts]]:
        """What the accounts wanted had together in each hour of the period in which they had anything."""
        hour = INTERVAL.c.quarter // HOUR_QUARTERS
        async with self._database.read() as connection:
            lines = await find(connection, wanted)
            sums = [one.label(name) for name, one in interval_sums(ACCOUNT).items()]
            query = lines.of(select(hour.label("hour"), *sums)).group_by(hour).order_by(hour)
            rows = (await connection.execute(query)).all()
        return [(moment(row.hour * HOUR_QUARTERS), amounts_of(sums_of(row))) for row in rows]

    async def total(self, wanted: Wanted) -> Amounts | None:
        """What the accounts wanted had together; None if there are none."""
        async with self._database.read() as connection:
            payers = (await find(connection, wanted)).by_payer()
            row = (await connection.execute(select(*_summed(payers)))).one()
        return amounts_of(sums_of(row)) if row.intervals else None

    async def job(self, site: str, name: str) -> Row[Any] | None:
        """The row of one job; None if nobody ever told of it."""
        async with self._database.read() as connection:
            found = await connection.execute(select(JOB).where(JOB.c.site == site, JOB.c.job == name))
            return found.first()

    async def members(self, number: int) -> list[Row[Any]]:
        """Its spans in time order: ``since``, ``until``, ``members`` as JSON, ``share``."""
        async with self._database.read() as connection:
            found = await connection.execute(select(SPAN).where(SPAN.c.job == number).order_by(SPAN.c.number))
            return list(found)


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


async def _payers(connection: AsyncConnection, lines: Lines, by: By) -> Mapping[_Payer, Sums]:
    """The sums of everybody who had an interval."""
    kept = lines.by_payer()
    known = kept.join(OWNER, OWNER.c.id == kept.c.owner).join(JOB, JOB.c.id == kept.c.job)
    keys = _KEYS[: _FINER.index(by) + 1]
    query = select(*keys, *_summed(kept)).select_from(known).group_by(*keys)
    rows = (await connection.execute(query)).all()
    return {
        _Payer(row.tenant, getattr(row, "project", None), getattr(row, "id", None)): sums_of(row)
        for row in rows
        if row.intervals
    }


async def _jobs(connection: AsyncConnection, site: str) -> Mapping[int, Row[Any]]:
    found = await connection.execute(select(JOB).where(_at_site(JOB, site)))
    return {row.id: row for row in found}


def _accounts(
    payers: Mapping[_Payer, Sums], by: By, what: tuple[Mapping[int, Row[Any]], Wanted]
) -> list[Account]:
    jobs, wanted = what
    groups: dict[_Payer, list[Sums]] = defaultdict(list)
    for payer, sums in payers.items():
        project, job = payer.project if by != "tenant" else None, payer.job if by == "job" else None
        groups[_Payer(payer.tenant, project, job)].append(sums)
    accounts = [
        _account(payer, together(sums), jobs.get(payer.job or -1), wanted.period.end)
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


def _account(payer: _Payer, sums: Sums, job: Row[Any] | None, at: datetime) -> Account:
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
        amounts=amounts_of(sums),
        notes=tuple(told(flags)),
    )


_REST = {
    "gpu_wh": "idle_gpu_wh",
    "it_wh": "rest_it_wh",
    "total_wh": "rest_wh",
    "green_wh": "rest_green_wh",
    "unknown_wh": "rest_unknown_wh",
    "co2_location_g": "rest_location_g",
    "co2_market_g": "rest_market_g",
}
_SITE = {"it_wh": "eit_wh", "total_wh": "load_wh"}


async def _rest_and_site(connection: AsyncConnection, lines: Lines) -> tuple[Amounts, Amounts]:
    here = headers(lines.wanted, lines.sites, lines.wanted.quarters)
    found = []
    for names in (_REST, _SITE):
        sums = [one.label(name) for name, one in interval_sums(INTERVAL, names).items()]
        row = (await connection.execute(select(*sums).where(here))).one()
        found.append(amounts_of(sums_of(row)))
    return found[0], found[1]
