"""The Meters pages: the trees of a month, what counts in them, and how they close."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dashboards.drawing import Frame, draw, frame
from dashboards.panels.meters import meter_month
from dashboards.problem import Problem
from dashboards.view import month_name, month_named

router = APIRouter(include_in_schema=False)


@router.get("/meters")
async def meters_now(request: Request) -> HTMLResponse:
    """The running month."""
    shell = await frame(request, "meters")
    return await _month(request, shell, month_name(shell.at, shell.tz))


@router.get("/meters/{month}")
async def meters_month(request: Request, month: str) -> HTMLResponse:
    """One month, ``2026-10``."""
    return await _month(request, await frame(request, "meters"), month)


async def _month(request: Request, shell: Frame, name: str) -> HTMLResponse:
    period = month_named(name, shell.tz)
    if period is None:
        raise Problem(404, f"there is no month “{name[:20]}”; write it as 2026-10.")
    page = await meter_month(shell.house, shell.view.site, period, shell.tz, shell.at)
    settled = await shell.house.figures.settled_until(shell.view.site)
    return draw(request, "meters.html", frame=shell, month=page, settled=settled)
