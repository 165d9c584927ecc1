"""What people do on pages, as plain forms that need no script: who may, where they come out, and reports."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from dashboards.drawing import house_of
from dashboards.issuing import Issuing
from dashboards.problem import Problem
from dashboards.users import User
from dashboards.view import month_named, zone_of
from energy.figures import ALL

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


def operator(request: Request) -> User:
    """The signed-in person who may act; raises Problem 401 or 403. The origin has been proved before."""
    user: User | None = request.state.user
    if user is None:
        raise Problem(401, "sign in to do this")
    if user.role != "operator":
        raise Problem(403, "your account may look but not act; ask for the role “operator”")
    return user


@router.post("/reports/{site}/{month}")
async def issue_report(request: Request, site: str, month: str, next: Text = "") -> Response:
    """Begin to issue a report; the Reports page shows how far it is."""
    operator(request)
    house = house_of(request)
    if site not in (*house.sites, ALL):
        raise Problem(404, f"there is no site “{site[:40]}”.")
    if month_named(month, zone_of(site, house.sites)) is None:
        raise Problem(404, f"there is no month “{month[:20]}”; write it as 2026-10.")
    issuing_of(request).start(site, month)
    return RedirectResponse(back(next, "/reports"), 303)


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


def back(wanted: str, otherwise: str) -> str:
    """``wanted`` when it is a path of ours, else ``otherwise``: a form must not lead to another host."""
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe else otherwise
