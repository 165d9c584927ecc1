"""The pages: each parses its URL into a view, asks the panels, and fills a template."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse

from dashboards import actions, alarms, certificates, eu, fragments, ledger, meters, method, why, workloads
from dashboards.drawing import Frame, draw, frame
from dashboards.here import now_of
from dashboards.panels import green, overview, reports, system
from dashboards.panels.alarms import flood, going_on, returned
from dashboards.panels.carbon import carbon_month
from dashboards.panels.targets import target_panel
from dashboards.problem import Problem
from dashboards.then import as_known, time_asked
from dashboards.view import month_name, month_named
from energy.interval import Period
from reports.report import FORMATS


@asynccontextmanager
async def _until_closed(app: FastAPI) -> AsyncIterator[None]:
    """Reports under way end with the application; what they have not archived is not half there."""
    yield
    if hasattr(app.state, "issuing"):
        await app.state.issuing.close()


router = APIRouter(include_in_schema=False, lifespan=_until_closed)
router.include_router(fragments.router)
router.include_router(actions.router)
router.include_router(alarms.router)
router.include_router(workloads.router)
router.include_router(eu.router)
router.include_router(meters.router)
router.include_router(certificates.router)
router.include_router(ledger.router)
router.include_router(method.router)
router.include_router(why.router)


@router.get("/")
async def overview_page(request: Request) -> HTMLResponse:
    """Key figures beside their limits, the last day, the flow, the sites and the alarms."""
    shell = await frame(request, "overview")
    panels = await overview.overview(shell.house, now_of(request), shell.view, shell.at)
    return draw(
        request,
        "overview.html",
        frame=shell,
        panels=panels,
        alarms=going_on(shell.alerts),
        returned=returned(shell.alerts),
        flood=await flood(shell.house, shell.view, shell.at),
    )


@router.get("/green")
async def green_now(request: Request) -> HTMLResponse:
    """The running month."""
    shell = await frame(request, "green")
    return await _green(request, shell, month_name(shell.at, shell.tz))


@router.get("/green/{month}")
async def green_month(request: Request, month: str) -> HTMLResponse:
    """One month, ``2026-10``."""
    return await _green(request, await frame(request, "green"), month)


@router.get("/reports")
async def reports_page(request: Request) -> HTMLResponse:
    """Every issued report with its files, and the months that can be issued."""
    shell, issuing = await frame(request, "reports"), actions.issuing_of(request)
    return draw(
        request,
        "reports.html",
        frame=shell,
        page=await reports.report_page(shell.house, shell.view, shell.at),
        issues=issuing.issues,
        running=issuing.running,
        formats=FORMATS,
    )


@router.get("/system")
async def system_page(request: Request) -> HTMLResponse:
    """Sources worst first, ingest, rejects, journal and stores."""
    shell = await frame(request, "system")
    page = await system.system_page(shell.house, shell.view, shell.at)
    return draw(request, "system.html", frame=shell, page=page)


async def _green(request: Request, shell: Frame, name: str) -> HTMLResponse:
    period = month_named(name, shell.tz)
    if period is None:
        raise Problem(404, f"there is no month “{name[:20]}”; write it as 2026-10.")
    as_of = time_asked(request, "as_of", shell.at, shell.tz)
    site, house = shell.view.site, as_known(shell.house, as_of)
    page = await green.green_month(house, site, period, shell.tz, shell.at)
    if as_of is None or request.query_params.get("year") == "told":  # nothing is kept of years as of a time
        page = await green.with_year(house, site, page)
    hour = shell.view.hour or (page.worst[0].start if page.worst else None)
    detail = await green.hour_detail(house, site, hour) if hour is not None else None
    carbon = None
    if page.total is not None and page.through is not None:
        carbon = await carbon_month(house, site, Period(period.start, page.through), page.total)
    targets = await target_panel(house, now_of(request), site, period, as_of)
    return draw(
        request,
        "green.html",
        frame=shell,
        month=page,
        hour=hour,
        detail=detail,
        carbon=carbon,
        targets=targets,
        settled=await house.figures.settled_until(site),
        as_of=as_of,
    )
