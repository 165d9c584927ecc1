"""What jobs, projects and tenants cost in energy and carbon, and how green it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.download import csv_file
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from energy.figures import ALL
from energy.interval import Period, floor_quarter
from energy.workloads.lines import Wanted
from energy.workloads.opened import Waiting
from energy.workloads.state import moment
from energy.workloads.statement import Account, By, Statement, Workloads
from energy.workloads.told import Amounts
from reports.render.csv import cell

router = APIRouter(prefix="/api/v1", tags=["workloads"], responses=RESPONSES)

LONGEST = timedelta(days=3_660)
LONGEST_HOURS = timedelta(days=366)

AMOUNTS = (
    "gpu_wh", "it_wh", "overhead_wh", "total_wh", "green_wh", "other_wh", "unknown_wh", "green_share",
    "co2_location_g", "co2_market_g", "coverage", "intervals", "known", "missing_wh", "missing_location_g",
    "missing_market_g",
)  # fmt: skip
NAMES = ("account", "site", "tenant", "project", "job", "name", "since", "until")


class WorkloadsAsked(Asked):
    """``tenant``, ``project`` and ``job`` narrow; an empty one means jobs that tell none."""

    site: str = ALL
    from_: str = Field("now-24h", alias="from")
    to: str = "now"
    by: By = "job"
    tenant: str | None = Field(None, max_length=200)
    project: str | None = Field(None, max_length=200)
    job: str | None = Field(None, max_length=64)
    as_of: str | None = None
    limit: int = Field(10_000, ge=1, le=10_000, description="accounts of one answer")
    offset: int = Field(0, ge=0, description="accounts, the largest first, that are left out before these")


class WorkloadWaiting(Told):
    """Quarter-hours of a locked month that jobs told otherwise after its lock."""

    site: str
    period: str
    from_: str = Field(alias="from")
    to: str


class WorkloadAccounts(Told):
    """All accounts and ``unattributed`` add up to ``total`` if no tenant, project or job was asked for.

    ``accounts`` are some of ``count``, whose sum is ``jobs``. Energy in Wh, carbon in g CO2e, bounds for
    what is not known among it. ``through``: everything before it is accounted for. ``waiting``: what jobs
    told of locked months later, which their restatement applies.
    """

    site: str
    by: By
    from_: str = Field(alias="from")
    to: str
    through: str | None
    count: int
    accounts: list[Account]
    jobs: Amounts
    unattributed: Amounts
    total: Amounts
    waiting: list[WorkloadWaiting]


class WorkloadHour(Told):
    """The amounts of one hour."""

    start: str
    amounts: Amounts


class WorkloadHours(Told):
    """The hours in which the accounts had anything."""

    hours: list[WorkloadHour]


@router.get("/workloads", response_model=WorkloadAccounts)
async def workloads(house: HouseHere, query: Annotated[WorkloadsAsked, Query()]) -> Response:
    """Accounts over [from, to), each taken down to the quarter-hour, and what nobody had."""
    wanted = _wanted(house, query, LONGEST)
    found = await _kept(house).statement(wanted, query.by)
    body = {
        "site": query.site,
        "by": query.by,
        "from": wanted.period.start.isoformat(),
        "to": wanted.period.end.isoformat(),
        "through": _iso(found.through),
        "count": len(found.accounts),
        "accounts": [_account(one) for one in found.accounts[query.offset :][: query.limit]],
        "jobs": vars(found.jobs),
        "unattributed": vars(found.rest),
        "total": vars(found.site),
        "waiting": [_waiting(one, wanted.period) for one in found.waiting],
    }
    return asked.json(body)


@router.get(
    "/workloads.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def workloads_csv(house: HouseHere, query: Annotated[WorkloadsAsked, Query()]) -> Response:
    """The same as a file: a line per account, then the unattributed rest and the total of the site."""
    wanted = _wanted(house, query, LONGEST)
    found = await _kept(house).statement(wanted, query.by)
    days = f"{wanted.period.start:%Y-%m-%d}-{wanted.period.end:%Y-%m-%d}"
    return csv_file(f"workloads-{query.site}-{days}.csv", (*NAMES, *AMOUNTS), lines(found))


@router.get("/workloads/hours", response_model=WorkloadHours)
async def workload_hours(house: HouseHere, query: Annotated[WorkloadsAsked, Query()]) -> Response:
    """What the accounts asked for had together, hour by hour."""
    found = await _kept(house).hours(_wanted(house, query, LONGEST_HOURS))
    return asked.json(
        {"hours": [{"start": at.isoformat(), "amounts": vars(amounts)} for at, amounts in found]}
    )


def lines(found: Statement) -> Iterator[list[str]]:
    """A statement as fields of CSV; no text in them is a formula to a spreadsheet."""
    for one in found.accounts:
        names = [getattr(one, name) for name in NAMES[1:]]
        told = [value.isoformat() if isinstance(value, datetime) else value for value in names]
        yield [cell(value) for value in ("account", *told, *_values(one.amounts))]
    for kind, amounts in (("unattributed", found.rest), ("total", found.site)):
        yield [cell(value) for value in (kind, *[None] * (len(NAMES) - 1), *_values(amounts))]


def _values(amounts: Amounts) -> list[Any]:
    return [getattr(amounts, name) for name in AMOUNTS]


def _account(one: Account) -> dict[str, Any]:
    times = {"since": _iso(one.since), "until": _iso(one.until)}
    return vars(one) | times | {"amounts": vars(one.amounts)}


def _waiting(one: Waiting, asked: Period) -> dict[str, str]:
    """The part of it that was asked for."""
    first, until = max(moment(one.first), asked.start), min(moment(one.until), asked.end)
    times = {"from": first.isoformat(), "to": until.isoformat()}
    return {"site": one.site, "period": one.period} | times


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _wanted(house: House, query: WorkloadsAsked, longest: timedelta) -> Wanted:
    period = asked.period(house, query.from_, query.to, longest)
    whole = Period(floor_quarter(period.start), floor_quarter(period.end))
    if whole.start == whole.end:
        raise Problem(400, "to: accounts are kept by quarter-hours; ask for at least one", "to")
    return Wanted(
        site=asked.site(house, query.site),
        period=whole,
        tenant=query.tenant,
        project=query.project,
        job=query.job,
        as_of=asked.as_of(house, query.as_of),
    )


def _kept(house: House) -> Workloads:
    if house.workloads is None:
        raise Problem(404, "no accounts of workloads are kept here")
    return house.workloads
