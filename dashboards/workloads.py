"""The Workloads pages: a month of jobs and who ran them, and one job with its hours."""

from __future__ import annotations

from datetime import UTC, timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from dashboards.api.workloads import AMOUNTS, NAMES, lines
from dashboards.download import csv_file
from dashboards.drawing import Frame, draw, frame
from dashboards.here import house_of
from dashboards.panels.workloads import job_page, workload_month
from dashboards.problem import Problem
from dashboards.view import month_name, month_named, parse, zone_of
from energy.interval import Period, floor_quarter
from energy.workloads.lines import Wanted
from energy.workloads.statement import Workloads
from reports.render.csv import cell

router = APIRouter(include_in_schema=False)

MOST_PAGES = 10_000

LONGEST_JOB = timedelta(days=366)


@router.get("/workloads")
async def workloads_now(request: Request) -> HTMLResponse:
    """The running month."""
    shell = await frame(request, "workloads")
    return await _month(request, shell, month_name(shell.at, shell.tz))


@router.get("/workloads/{month}")
async def workloads_month(request: Request, month: str) -> HTMLResponse:
    """One month, ``2026-10``."""
    return await _month(request, await frame(request, "workloads"), month)


@router.get("/workloads/{month}/jobs.csv")
async def jobs_csv(request: Request, month: str) -> Response:
    """Every job of the month, the unattributed rest and the total."""
    house = house_of(request)
    view = parse(request.query_params, house.sites)
    period = month_named(month, zone_of(view.site, house.sites))
    if period is None:
        raise _no_month(month)
    found = await _kept(house.workloads).statement(Wanted(view.site, period), "job")
    return csv_file(f"workloads-{view.site}-{month}.csv", (*NAMES, *AMOUNTS), lines(found))


@router.get("/workloads/job/{site}/{job}")
async def workload_job(request: Request, site: str, job: str) -> HTMLResponse:
    """One job: what it cost, how green it was, and its hours."""
    shell = await frame(request, "workloads")
    page = await job_page(_kept(shell.house.workloads), site, job, shell.at)
    if page is None or site not in shell.house.sites:
        raise Problem(404, f"nobody told of a job “{job[:60]}” at “{site[:60]}”.")
    return draw(request, "workload.html", frame=shell, page=page, tz=zone_of(site, shell.house.sites))


@router.get("/workloads/job/{site}/{job}/hours.csv")
async def workload_hours_csv(request: Request, site: str, job: str) -> Response:
    """Every hour of a job, of its last year."""
    house = house_of(request)
    kept, row = _kept(house.workloads), await _kept(house.workloads).job(site, job)
    if row is None or row.since is None:
        raise Problem(404, f"nobody told of a job “{job[:60]}” at “{site[:60]}”.")
    end = floor_quarter(house.clock.now()) + timedelta(minutes=15)
    period = Period(max(floor_quarter(row.since), end - LONGEST_JOB), end)
    found = await kept.hours(Wanted(site, period, job=job))
    rows = (
        [at.astimezone(UTC).isoformat(), *(cell(getattr(amounts, name)) for name in AMOUNTS)]
        for at, amounts in found
    )
    return csv_file(f"workload-{site}-{job}.csv", ("start", *AMOUNTS), rows)


async def _month(request: Request, shell: Frame, name: str) -> HTMLResponse:
    period = month_named(name, shell.tz)
    if period is None:
        raise _no_month(name)
    kept = _kept(shell.house.workloads)
    page = await workload_month(kept, shell.view.site, (period, shell.tz, shell.at), _page(request))
    return draw(request, "workloads.html", frame=shell, page=page)


def _page(request: Request) -> int:
    told = request.query_params.get("page", "1")
    if not told.isascii() or not told.isdigit() or not 1 <= int(told[:9]) <= MOST_PAGES:
        raise Problem(400, f"page: write a number from 1 to {MOST_PAGES}", "page")
    return int(told[:9])


def _kept(found: Workloads | None) -> Workloads:
    if found is None:
        raise Problem(404, "no accounts of workloads are kept here.")
    return found


def _no_month(name: str) -> Problem:
    return Problem(404, f"there is no month “{name[:20]}”; write it as 2026-10.")
