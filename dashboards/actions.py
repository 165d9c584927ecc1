"""What people do on the Reports page, as plain forms that need no script."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from dashboards.here import house_of
from dashboards.issuing import Issuing
from dashboards.problem import Problem
from dashboards.security import operator, own_path
from dashboards.view import month_named, zone_of
from energy.figures import ALL

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.post("/reports/{site}/{month}", dependencies=[Depends(operator)])
async def issue_report(request: Request, site: str, month: str, next: Text = "") -> Response:
    """Begin to issue a report; the Reports page shows how far it is."""
    house = house_of(request)
    sites = {**house.sites, **await house.figures.departed()}
    if site not in (*sites, ALL):
        raise Problem(404, f"there is no site “{site[:40]}”.")
    if month_named(month, zone_of(site, sites)) is None:
        raise Problem(404, f"there is no month “{month[:20]}”; write it as 2026-10.")
    issuing_of(request).start(site, month)
    return RedirectResponse(own_path(next, "/reports"), 303)


@router.get("/reports/{site}/{month}/progress")
async def report_progress(request: Request, site: str, month: str) -> JSONResponse:
    """How far a report is: ``{"what", "share", "done", "error"}``; 404 when none was started."""
    issue = issuing_of(request).issues.get((site, month))
    if issue is None:
        raise Problem(404, "No report of this month has been started since the service was.")
    return JSONResponse({"what": issue.what, "share": issue.share, "done": issue.done, "error": issue.error})


def issuing_of(request: Request) -> Issuing:
    """The reports under way in this application."""
    state = request.app.state
    if not hasattr(state, "issuing"):
        state.issuing = Issuing(house_of(request).reports)
    found: Issuing = state.issuing
    return found
