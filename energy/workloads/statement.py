"""Reads accounts back: what jobs, projects or tenants had of a period, and what nobody had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.figures import ALL
from energy.interval import QUARTER_MS, Period
from energy.workloads.flag import Flag, told
from energy.workloads.spans import LONGEST_SILENCE
from energy.workloads.state import moment
from energy.workloads.tables import ACCOUNT, INTERVAL, JOB, OWNER, REACHED, SPAN
from runtime.clock import to_ms
from runtime.database import Database

By = Literal["job", "project", "tenant"]

HOUR_QUARTERS = 4


@dataclass(frozen=True)
class Wanted:
    """Which accounts of ``site`` (or all) over ``period``, as known at ``as_of`` (None: now)."""

    site: str
    period: Period
    tenant: str | None = None
    project: str | None = None
    job: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True)
class Amounts:
    """Energy in Wh and carbon in g CO2e; None where no interval tells it.

    ``total_wh`` is ``it_wh`` and overhead; of it ``green_wh`` is known to be green, ``unknown_wh`` may be or
    not. ``green_share`` counts what is unknown as not green. ``coverage`` is the share of the time of
    its GPUs of which the energy is known. ``lacking`` tells which amounts are sums over a part of the
    ``intervals`` only, and over how many.
    """

    gpu_wh: int
    it_wh: int | None
    overhead_wh: int | None
    total_wh: int | None
    green_wh: int | None
    other_wh: int | None
    unknown_wh: int | None
    green_share: float | None
    co2_location_g: int | None
    co2_market_g: int | None
    coverage: float | None
    intervals: int
    lacking: dict[str, int] = field(default_factory=dict)


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
        async with self._database.read() as connection:
            accounts = await _accounts(connection, wanted, by)
            rest, site = await _rest_and_site(connection, wanted)
            through = select(func.min(REACHED.c.until)).where(_at_site(REACHED, wanted.site))
            reached = await connection.scalar(through)
        return Statement(accounts, rest, site, None if reached is None else moment(reached))

    async def hours(self, wanted: Wanted) -> list[tuple[datetime, Amounts]]:
        """What the accounts wanted had together in each hour of the period in which they had anything."""
        hour = INTERVAL.c.quarter // HOUR_QUARTERS
        async with self._database.read() as connection:
            lines = await _lines(connection, wanted)
            query = lines.of(select(hour.label("hour"), *_sums(ACCOUNT))).group_by(hour).order_by(hour)
            rows = (await connection.execute(query)).all()
        return [(moment(row.hour * HOUR_QUARTERS), _amounts(row)) for row in rows]

    async def total(self, wanted: Wanted) -> Amounts | None:
        """What the accounts wanted had together; None if there are none."""
        async with self._database.read() as connection:
            lines = await _lines(connection, wanted)
            row = (await connection.execute(lines.of(select(*_sums(ACCOUNT))))).one()
        return _amounts(row) if row.intervals else None

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


def _at_site(table: Any, site: str) -> ColumnElement[bool]:
    here: ColumnElement[bool] = table.c.site == site if site != ALL else true()
    return here


def _headers(wanted: Wanted) -> ColumnElement[bool]:
    """The interval's revision that was the newest at the time of the question."""
    first, until = _quarters(wanted)
    within = and_(_at_site(INTERVAL, wanted.site), INTERVAL.c.quarter >= first, INTERVAL.c.quarter < until)
    if wanted.as_of is None:
        return and_(within, INTERVAL.c.superseded_at.is_(None))
    later = or_(INTERVAL.c.superseded_at.is_(None), INTERVAL.c.superseded_at > wanted.as_of)
    return and_(within, INTERVAL.c.known_at <= wanted.as_of, later)


@dataclass(frozen=True)
class _Lines:
    """Which lines are wanted, by the numbers that the indexes of their table know; None is all."""

    wanted: Wanted
    owners: list[int] | None
    jobs: list[int] | None

    def of(self, query: Select[Any]) -> Select[Any]:
        """``query`` over these lines, with their intervals, owners and jobs."""
        same = and_(
            ACCOUNT.c.site == INTERVAL.c.site,
            ACCOUNT.c.quarter == INTERVAL.c.quarter,
            ACCOUNT.c.revision == INTERVAL.c.revision,
        )
        accounts = ACCOUNT.join(INTERVAL, same)
        accounts = accounts.join(OWNER, OWNER.c.id == ACCOUNT.c.owner).join(JOB, JOB.c.id == ACCOUNT.c.job)
        first, until = _quarters(self.wanted)
        found = query.select_from(accounts).where(
            _headers(self.wanted),
            _at_site(ACCOUNT, self.wanted.site),
            ACCOUNT.c.quarter >= first,
            ACCOUNT.c.quarter < until,
        )
        for column, numbers in ((ACCOUNT.c.owner, self.owners), (ACCOUNT.c.job, self.jobs)):
            found = found if numbers is None else found.where(column.in_(numbers))
        return found


async def _lines(connection: AsyncConnection, wanted: Wanted) -> _Lines:
    # Numbers and not a question within the question: for that SQLite goes through all of the period.
    named = [(OWNER.c.tenant, wanted.tenant), (OWNER.c.project, wanted.project)]
    owned = [column == value for column, value in named if value is not None]
    owners = jobs = None
    if owned:
        owners = list(await connection.scalars(select(OWNER.c.id).where(*owned)))
    if wanted.job is not None:
        mine = select(JOB.c.id).where(_at_site(JOB, wanted.site), JOB.c.job == wanted.job)
        jobs = list(await connection.scalars(mine))
    return _Lines(wanted, owners, jobs)


def _quarters(wanted: Wanted) -> tuple[int, int]:
    return to_ms(wanted.period.start) // QUARTER_MS, to_ms(wanted.period.end) // QUARTER_MS


def _sums(table: Any, names: dict[str, str] | None = None) -> list[ColumnElement[Any]]:
    """Sums over intervals of the columns of ``table``, which may have other ``names`` for them."""
    names = names or {}

    def column(name: str) -> Any:
        return table.c[names.get(name, name)]

    total, it, green = column("total_wh"), column("it_wh"), column("green_wh")
    in_doubt = case((green.is_(None), total), else_=column("unknown_wh"))
    summed = {
        "gpu_wh": column("gpu_wh"),
        "it_wh": it,
        "overhead_wh": total - it,
        "total_wh": total,
        "green_wh": green,
        "unknown_wh": in_doubt,
        "co2_location_g": column("co2_location_g"),
        "co2_market_g": column("co2_market_g"),
        "told_ms": column("told_ms"),
        "expected_ms": column("expected_ms"),
    }
    counts = [func.count(one).label(f"n_{name}") for name, one in summed.items()]
    intervals = func.count().label("intervals")
    return [*(func.sum(one).label(name) for name, one in summed.items()), *counts, intervals]


_LACKING = ("it_wh", "total_wh", "green_wh", "co2_location_g", "co2_market_g")


def _amounts(row: Row[Any]) -> Amounts:
    told = {
        name: None if value is None else int(value) for name, value in row._mapping.items() if name in _TOLD
    }
    total, green, unknown = told["total_wh"], told["green_wh"], told["unknown_wh"]
    other = None if total is None else total - (green or 0) - (unknown or 0)
    lacking = {}
    for name in _LACKING:
        known = int(getattr(row, f"n_{name}"))
        if known < row.intervals:
            lacking[name] = known
    expected = told["expected_ms"]
    return Amounts(
        gpu_wh=told["gpu_wh"] or 0,
        it_wh=told["it_wh"],
        overhead_wh=told["overhead_wh"],
        total_wh=total,
        green_wh=green,
        other_wh=other if green is not None else None,
        unknown_wh=unknown,
        green_share=green / total if green is not None and total else None,
        co2_location_g=told["co2_location_g"],
        co2_market_g=told["co2_market_g"],
        coverage=(told["told_ms"] or 0) / expected if expected else None,
        intervals=int(row.intervals),
        lacking=lacking,
    )


_TOLD = frozenset(
    (
        "gpu_wh", "it_wh", "overhead_wh", "total_wh", "green_wh", "unknown_wh", "co2_location_g",
        "co2_market_g", "told_ms", "expected_ms",
    )
)  # fmt: skip


async def _accounts(connection: AsyncConnection, wanted: Wanted, by: By) -> list[Account]:
    keys: list[Any] = [OWNER.c.tenant]
    if by != "tenant":
        keys.append(OWNER.c.project)
    if by == "job":
        keys += [JOB.c.site, JOB.c.id]
    bits = [func.max(ACCOUNT.c.flags.op("&")(int(flag))).label(f"f_{flag.value}") for flag in Flag]
    lines = await _lines(connection, wanted)
    query = lines.of(select(*keys, *bits, *_sums(ACCOUNT))).group_by(*keys)
    rows = (await connection.execute(query)).all()
    jobs: dict[int, Row[Any]] = {}
    if by == "job" and rows:
        found = await connection.execute(select(JOB).where(_at_site(JOB, wanted.site)))
        jobs = {row.id: row for row in found}
    accounts = [_account(row, by, jobs.get(getattr(row, "id", -1)), wanted.period.end) for row in rows]
    return sorted(
        accounts,
        key=lambda one: (-(one.amounts.total_wh or 0), -one.amounts.gpu_wh, one.tenant, one.job or ""),
    )


def _account(row: Row[Any], by: By, job: Row[Any] | None, at: datetime) -> Account:
    flags = sum(int(getattr(row, f"f_{flag.value}") or 0) for flag in Flag)
    if job is not None:
        flags |= job.flags
        if job.until is None and at - job.heard > LONGEST_SILENCE:
            flags |= Flag.NEVER_ENDED
    return Account(
        site=row.site if by == "job" else None,
        tenant=row.tenant,
        project=row.project if by != "tenant" else None,
        job=None if job is None else job.job,
        name=None if job is None else job.name,
        since=None if job is None else job.since,
        until=None if job is None else job.until,
        amounts=_amounts(row),
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


async def _rest_and_site(connection: AsyncConnection, wanted: Wanted) -> tuple[Amounts, Amounts]:
    found = []
    for names in (_REST, _SITE):
        row = (await connection.execute(select(*_sums(INTERVAL, names)).where(_headers(wanted)))).one()
        found.append(_amounts(row))
    return found[0], found[1]
