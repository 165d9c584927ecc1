"""What people do on pages: acknowledge, silence, issue a report; plain forms that need no script."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from alerts.board import StaleRevision
from dashboards.api.alerts import AlertId
from dashboards.drawing import Frame, draw, frame, house_of
from dashboards.issuing import Issuing
from dashboards.panels import alarms
from dashboards.problem import Problem
from dashboards.users import User
from dashboards.view import month_named

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
NOTE_LENGTH = 500


def operator(request: Request) -> User:
    """The signed-in person who may act; raises Problem 401 or 403. The origin has been proved before."""
    user: User | None = request.state.user
    if user is None:
        raise Problem(401, "sign in to do this")
    if user.role != "operator":
        raise Problem(403, "your account may look but not act; ask for the role “operator”")
    return user


@router.post("/alarms/{alert_id}/ack")
async def acknowledge(
    request: Request, alert_id: AlertId, note: Text = "", rev: Text = "", next: Text = ""
) -> Response:
    """Acknowledge under one's own name; 409 with the alarm as it is now when somebody was faster."""
    user, house = operator(request), house_of(request)
    try:
        await house.alerts.acknowledge(
            alert_id,
            who=user.name,
            note=note.strip()[:NOTE_LENGTH] or None,
            rev=int(rev) if rev.isdecimal() else None,
            at=house.clock.now(),
        )
    except KeyError:
        raise Problem(404, f"there is no alarm {alert_id}.") from None
    except StaleRevision:
        shell = await frame(request, "alarms")
        return await draw_alarm(request, shell, alert_id, conflict=True)
    return RedirectResponse(back(next, f"/alarms/{alert_id}"), 303)


@router.post("/alarms/{alert_id}/silence")
async def silence(
    request: Request, alert_id: AlertId, note: Text = "", duration: Text = "1h", next: Text = ""
) -> Response:
    """Keep quiet about an alarm for a while, with a reason that others can read."""
    user, house = operator(request), house_of(request)
    span = alarms.SILENCES.get(duration)
    if span is None:
        raise Problem(400, f"choose how long: {', '.join(alarms.SILENCES)}.")
    if not note.strip():
        raise Problem(400, "say why: whoever looks next needs the reason.")
    at = house.clock.now()
    try:
        await house.alerts.silence(
            alert_id, who=user.name, note=note.strip()[:NOTE_LENGTH], until=at + span, at=at
        )
    except KeyError:
        raise Problem(404, f"there is no alarm {alert_id}.") from None
    return RedirectResponse(back(next, f"/alarms/{alert_id}"), 303)


@router.post("/reports/{site}/{month}")
async def issue_report(request: Request, site: str, month: str, next: Text = "") -> Response:
    """Begin to issue a report; the Reports page shows how far it is."""
    operator(request)
    house = house_of(request)
    if site not in house.sites:
        raise Problem(404, f"there is no site “{site[:40]}”.")
    if month_named(month, house.sites[site].tz) is None:
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


async def draw_alarm(request: Request, shell: Frame, alert_id: int, conflict: bool = False) -> HTMLResponse:
    """The page of one alarm; ``conflict`` tells that it changed under the reader's hands (409)."""
    page = await alarms.alarm_page(shell.house, alert_id)
    if page is None:
        raise Problem(404, f"there is no alarm {alert_id}.")
    return draw(
        request,
        "alarm.html",
        status=409 if conflict else 200,
        frame=shell,
        page=page,
        conflict=conflict,
        silences=alarms.SILENCES,
    )


def back(wanted: str, otherwise: str) -> str:
    """``wanted`` when it is a path of ours, else ``otherwise``: a form must not lead to another host."""
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe else otherwise
