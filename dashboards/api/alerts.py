"""The alerts, and what people do about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints

from alerts.board import Alert, Delivery, StaleRevision, Transition
from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from dashboards.security import Operator
from dashboards.times import parse_step
from energy.figures import ALL

router = APIRouter(prefix="/api/v1", tags=["alerts"], responses=RESPONSES)

Wanted = Literal["all", "active", "pending", "unacknowledged", "acknowledged", "returned", "normal"]
LONGEST_SILENCE = timedelta(hours=24)
LISTED = 2_000
"""Alerts told at once, unless only active ones are asked for: those are told all."""

Note = Annotated[str | None, Field(max_length=2_000)]
AlertId = Annotated[int, Path(ge=1, le=2**53)]


class AlertsAsked(Asked):
    """``active``: neither normal nor pending; without ``state`` all that are kept."""

    state: Wanted = "all"
    site: str = ALL
    from_: str | None = Field(None, alias="from")
    to: str | None = None


class Acknowledge(Asked):
    """``rev`` is the revision that the person saw; without it any will do."""

    rev: int | None = None
    note: Note = None


class Remark(Asked):
    """What whoever looks next must know."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]


class Silence(Asked):
    """Until a time, or ``for`` a duration such as ``8h``; at most 24 h, one hour if neither is told."""

    until: str | None = None
    for_: str = Field("1h", alias="for")
    note: Note = None


class Alerts(Told):
    """Unacknowledged first, then what else is active, by severity and age, then what has ended.

    ``more``: the last of that order were left out; ``from`` and ``to`` ask for those of a shorter time, and
    ``state=active`` leaves none out.
    """

    alerts: list[Alert]
    more: bool


class AlertDetail(Told):
    """An alert, all that happened to it and all that was sent about it, oldest first."""

    alert: Alert
    timeline: list[Transition]
    deliveries: list[Delivery]


@router.get("/alerts")
async def alerts(house: HouseHere, query: Annotated[AlertsAsked, Query()]) -> Alerts:
    """The alerts of a state, a site and a time: all that are active, and so many that are not."""
    site = asked.site(house, query.site)
    start = None if query.from_ is None else asked.time(house, "from", query.from_)
    end = None if query.to is None else asked.time(house, "to", query.to)
    active = None if query.state == "all" else query.state not in ("pending", "normal")
    found = await house.alerts.alerts(
        active=active,
        site=None if site == ALL else site,
        start=start,
        end=end,
        limit=None if active else LISTED + 1,
    )
    listed = found if active else found[:LISTED]
    wanted = [a for a in listed if query.state in ("active", "all", a.state.value)]
    more = any(query.state in ("all", a.state.value) for a in found[len(listed) :])
    return Alerts(alerts=wanted, more=more)


@router.get("/alerts/{alert_id}")
async def alert(house: HouseHere, alert_id: AlertId) -> AlertDetail:
    """One alert with its history."""
    found = await house.alerts.alert(alert_id)
    if found is None:
        raise _no_alert(alert_id)
    return AlertDetail(
        alert=found,
        timeline=list(await house.alerts.timeline(alert_id)),
        deliveries=list(await house.alerts.deliveries(alert_id)),
    )


@router.post("/alerts/{alert_id}/ack")
async def acknowledge(
    house: HouseHere, who: Operator, alert_id: AlertId, body: Acknowledge | None = None
) -> Alert:
    """Take responsibility for an alert; 409 when it changed since ``rev``."""
    body = body or Acknowledge()
    at = house.clock.now()
    try:
        return await house.alerts.acknowledge(alert_id, who=who, note=body.note, rev=body.rev, at=at)
    except KeyError:
        raise _no_alert(alert_id) from None
    except StaleRevision:
        raise Problem(
            409, f"alert {alert_id} has changed since rev {body.rev}; read it again", "rev"
        ) from None


@router.post("/alerts/{alert_id}/note")
async def add_note(house: HouseHere, who: Operator, alert_id: AlertId, body: Remark) -> Alert:
    """Add a note under one's own name, whatever the alert's state; that stays as it is."""
    try:
        return await house.alerts.add_note(alert_id, who=who, note=body.note, at=house.clock.now())
    except KeyError:
        raise _no_alert(alert_id) from None


@router.post("/alerts/{alert_id}/silence")
async def silence(house: HouseHere, who: Operator, alert_id: AlertId, body: Silence | None = None) -> Alert:
    """Keep quiet about an alert for a while; it is still judged and logged."""
    body = body or Silence()
    at = house.clock.now()
    until = _until(house, body, at)
    try:
        return await house.alerts.silence(alert_id, who=who, note=body.note, until=until, at=at)
    except KeyError:
        raise _no_alert(alert_id) from None


def _until(house: House, body: Silence, at: datetime) -> datetime:
    if body.until is not None:
        name, until = "until", asked.time(house, "until", body.until)
    else:
        try:
            name, until = "for", at + parse_step(body.for_)
        except ValueError as error:
            raise Problem(400, f"for: {error}", "for") from None
    if not at < until <= at + LONGEST_SILENCE:
        raise Problem(400, f"{name}: a silence ends within the next 24 h; write for example 8h", name)
    return until


def _no_alert(alert_id: int) -> Problem:
    return Problem(404, f"there is no alert {alert_id}; /api/v1/alerts lists them", "alert_id")
