"""The pages of the alarms, and what people do to them: acknowledge one or several, add a note, silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, StringConstraints
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.board import StaleRevision
from dashboards.actions import Text
from dashboards.api.alerts import AlertId
from dashboards.drawing import Frame, draw, frame
from dashboards.here import house_of
from dashboards.panels import alarms
from dashboards.problem import Problem
from dashboards.security import Operator, own_path

router = APIRouter(include_in_schema=False)
NOTE_LENGTH = 500
MOST_AT_ONCE = 500
"""Alarms acknowledged by one form."""

Tick = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,15}:\d{1,15}$")]
"""A ticked alarm as its id and the revision that the person saw: ``12:3``."""

Ticked = Annotated[list[Tick], Form(default_factory=list)]


class Words(BaseModel):
    """What every form about one alarm sends: a note, and where its page goes on."""

    note: str = ""
    next: str = ""

    @property
    def written(self) -> str | None:
        """The note, or None."""
        return _written(self.note)


class Acknowledgement(Words):
    """``rev`` is the revision that the person saw."""

    rev: str = ""


class Silence(Words):
    """``duration`` is one of :data:`dashboards.panels.alarms.SILENCES`."""

    duration: str = "1h"


@router.get("/alarms")
async def alarms_page(request: Request) -> HTMLResponse:
    """The active alarms, or those of the last month that are over."""
    return await draw_alarms(request)


@router.post("/alarms/ack")
async def acknowledge_several(
    request: Request, who: Operator, ticked: Ticked, note: Text = "", next: Text = ""
) -> Response:
    """Acknowledge each ticked alarm as it was seen, all with one note.

    409 with the list as it is now when some changed meanwhile: those are not acknowledged, the others are.
    """
    house = house_of(request)
    if not 0 < len(ticked) <= MOST_AT_ONCE:
        raise Problem(400, f"tick the alarms that you acknowledge, {MOST_AT_ONCE} at most.")
    left = 0
    for tick in dict.fromkeys(ticked):
        alert_id, rev = map(int, tick.split(":"))
        try:
            await house.alerts.acknowledge(
                alert_id, who=who, note=_written(note), rev=rev, at=house.clock.now()
            )
        except (KeyError, StaleRevision):
            left += 1
    if left:
        return await draw_alarms(request, left)
    return RedirectResponse(own_path(next, "/alarms"), 303)


@router.get("/alarms/{alert_id}")
async def alarm_page(request: Request, alert_id: AlertId) -> HTMLResponse:
    """One alarm: what, where, since when, who was told, and what can be done."""
    shell = await frame(request, "alarms")
    return await draw_alarm(request, shell, alert_id)


@router.post("/alarms/{alert_id}/ack")
async def acknowledge(
    request: Request, who: Operator, alert_id: AlertId, form: Annotated[Acknowledgement, Form()]
) -> Response:
    """Acknowledge under one's own name; 409 with the alarm as it is now when somebody was faster."""
    house = house_of(request)
    try:
        await house.alerts.acknowledge(
            alert_id,
            who=who,
            note=form.written,
            rev=int(form.rev) if form.rev.isdecimal() else None,
            at=house.clock.now(),
        )
    except KeyError:
        raise Problem(404, f"there is no alarm {alert_id}.") from None
    except StaleRevision:
        shell = await frame(request, "alarms")
        return await draw_alarm(request, shell, alert_id, conflict=True)
    return RedirectResponse(own_path(form.next, f"/alarms/{alert_id}"), 303)


@router.post("/alarms/{alert_id}/note")
async def add_note(
    request: Request, who: Operator, alert_id: AlertId, form: Annotated[Words, Form()]
) -> Response:
    """Add to what is known of an alarm, under one's own name; acknowledged or over, it stays that."""
    house = house_of(request)
    if form.written is None:
        raise Problem(400, "write the note that you want to add.")
    try:
        await house.alerts.add_note(alert_id, who=who, note=form.written, at=house.clock.now())
    except KeyError:
        raise Problem(404, f"there is no alarm {alert_id}.") from None
    return RedirectResponse(own_path(form.next, f"/alarms/{alert_id}"), 303)


@router.post("/alarms/{alert_id}/silence")
async def silence(
    request: Request, who: Operator, alert_id: AlertId, form: Annotated[Silence, Form()]
) -> Response:
    """Keep quiet about an alarm for a while, with a reason that others can read."""
    house = house_of(request)
    span = alarms.SILENCES.get(form.duration)
    if span is None:
        raise Problem(400, f"choose how long: {', '.join(alarms.SILENCES)}.")
    if form.written is None:
        raise Problem(400, "say why: whoever looks next needs the reason.")
    at = house.clock.now()
    try:
        await house.alerts.silence(alert_id, who=who, note=form.written, until=at + span, at=at)
    except KeyError:
        raise Problem(404, f"there is no alarm {alert_id}.") from None
    return RedirectResponse(own_path(form.next, f"/alarms/{alert_id}"), 303)


async def draw_alarms(request: Request, left: int = 0) -> HTMLResponse:
    """The list; ``left`` ticked alarms changed under the reader's hands and were not acknowledged (409)."""
    shell = await frame(request, "alarms")
    past = shell.view.tab == "history"
    listed = await alarms.past_alarms(shell.house, shell.view, shell.at) if past else shell.alerts
    shown = alarms.filtered(listed, shell.view.severity)
    return draw(
        request,
        "alarms.html",
        status=409 if left else 200,
        here=f"/alarms?{request.url.query}",
        frame=shell,
        alarms=shown if past else alarms.going_on(shown),
        returned=alarms.returned(shown),
        total=len(listed if past else alarms.going_on(listed)),
        flood=await alarms.flood(shell.house, shell.view, shell.at),
        left=left,
    )


async def draw_alarm(request: Request, shell: Frame, alert_id: int, conflict: bool = False) -> HTMLResponse:
    """The page of one alarm; ``conflict`` tells that it changed under the reader's hands (409)."""
    page = await alarms.alarm_page(shell.house, alert_id)
    if page is None:
        raise Problem(404, f"there is no alarm {alert_id}.")
    return draw(
        request,
        "alarm.html",
        status=409 if conflict else 200,
        here=f"/alarms/{alert_id}{shell.view.query()}",
        frame=replace(shell, tz=page.zone),
        page=page,
        conflict=conflict,
        silences=alarms.SILENCES,
    )


def _written(note: str) -> str | None:
    return note.strip()[:NOTE_LENGTH] or None
