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
from energy.workloads.amounts import Amounts
from energy.workloads.lines import Wanted
from energy.workloads.statement import Account, By, Statement, Workloads
from reports.render.csv import cell

router = APIRouter(prefix="/api/v1", tags=["workloads"], responses=RESPONSES)

LONGEST = timedelta(days=3_660)
LONGEST_HOURS = timedelta(days=366)

AMOUNTS = (
    "gpu_wh", "it_wh", "overhead_wh", "total_wh", "green_wh", "other_wh", "unknown_wh", "green_share",
    "co2_location_g", "co2_market_g", "coverage", "intervals",
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


class WorkloadAccounts(Told):
    """``accounts`` and ``unattributed`` add up to ``total`` if no tenant, project or job was asked for.

    Energy in Wh, carbon in g CO2e. ``through``: everything before it is accounted for.
    """

    site: str
    by: By
    from_: str = Field(alias="from")
    to: str
    through: str | None
    accounts: list[Account]
    unattributed: Amounts
    total: Amounts


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
        "accounts": [_account(one) for one in found.accounts],
        "unattributed": vars(found.rest),
        "total": vars(found.site),
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
