"""The pages: each parses its URL into a view, asks the panels, and fills a template."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse

from dashboards import actions, fragments
from dashboards.api.alerts import AlertId
from dashboards.drawing import Frame, draw, frame, now_of
from dashboards.panels import alarms, green, overview, system
from dashboards.problem import Problem
from dashboards.view import month_name, month_named
from energy.interval import month_of
from reports.report import FORMATS, ReportEntry


@asynccontextmanager
async def _until_closed(app: FastAPI) -> AsyncIterator[None]:
    """Reports under way end with the application; what they have not archived is not half there."""
    yield
    if hasattr(app.state, "issuing"):
        await app.state.issuing.close()


router = APIRouter(include_in_schema=False, lifespan=_until_closed)
router.include_router(fragments.router)
router.include_router(actions.router)

RECENT_MONTHS = 3
"""Months offered for a report beside those that have one."""


@router.get("/")
async def overview_page(request: Request) -> HTMLResponse:
    """Key figures beside their limits, the last day, the flow, the sites and the alarms."""
    shell = await frame(request, "overview")
    panels = await overview.overview(shell.house, now_of(request), shell.view, shell.at)
    return draw(request, "overview.html", frame=shell, panels=panels, alarms=shell.alerts[:6])


@router.get("/green")
async def green_now(request: Request) -> HTMLResponse:
    """The running month."""
    shell = await frame(request, "green")
    return await _green(request, shell, month_name(shell.at, shell.tz))


@router.get("/green/{month}")
async def green_month(request: Request, month: str) -> HTMLResponse:
    """One month, ``2026-10``."""
    return await _green(request, await frame(request, "green"), month)


@router.get("/alarms")
async def alarms_page(request: Request) -> HTMLResponse:
    """The active alarms, or those of the last month that are over."""
    shell = await frame(request, "alarms")
    listed = shell.alerts
    if shell.view.tab == "history":
        listed = await alarms.past_alarms(shell.house, shell.view, shell.at)
    shown = alarms.filtered(listed, shell.view.severity)
    return draw(request, "alarms.html", frame=shell, alarms=shown, total=len(listed))


@router.get("/alarms/{alert_id}")
async def alarm_page(request: Request, alert_id: AlertId) -> HTMLResponse:
    """One alarm: what, where, since when, who was told, and what can be done."""
    shell = await frame(request, "alarms")
    return await actions.draw_alarm(request, shell, alert_id)


@router.get("/reports")
async def reports_page(request: Request) -> HTMLResponse:
    """Every issued report with its files, and the months that can be issued."""
    shell, issuing = await frame(request, "reports"), actions.issuing_of(request)
    entries = await shell.house.reports.entries(None if shell.view.every_site else shell.view.site)
    return draw(
        request,
        "reports.html",
        frame=shell,
        lines=report_lines(shell, entries),
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


def report_lines(shell: Frame, entries: Sequence[ReportEntry]) -> list[tuple[str, str, ReportEntry | None]]:
    """Site, month and its report, newest month first; recent months are there without one."""
    known = {(entry.site, entry.period): entry for entry in entries}
    wanted = set(known)
    for key in shell.view.keys(shell.house.sites):
        wanted |= {(key, month) for month in _recent(shell, key)}
    ordered = sorted(sorted(wanted), key=lambda line: line[1], reverse=True)
    return [(site, month, known.get((site, month))) for site, month in ordered]


def _recent(shell: Frame, site: str) -> list[str]:
    tz = shell.house.sites[site].tz
    names, at = [], shell.at
    for _ in range(RECENT_MONTHS):
        period = month_of(at, tz)
        names.append(period.start.astimezone(tz).strftime("%Y-%m"))
        at = period.start - timedelta(days=1)
    return names


async def _green(request: Request, shell: Frame, name: str) -> HTMLResponse:
    period = month_named(name, shell.tz)
    if period is None:
        raise Problem(404, f"there is no month “{name[:20]}”; write it as 2026-10.")
    site, house = shell.view.site, shell.house
    page = await green.green_month(house, site, period, shell.tz, shell.at)
    hour = shell.view.hour
    detail = await green.hour_detail(house, site, hour) if hour is not None else None
    return draw(request, "green.html", frame=shell, month=page, detail=detail)
