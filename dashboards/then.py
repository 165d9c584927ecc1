"""The house as it was known at one time: the same pages and calls, of figures that were known then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import Request

from dashboards.house import House
from dashboards.problem import Problem
from dashboards.times import parse_time
from energy.outlook.foresight import Outlook
from energy.outlook.peak import Peaks
from energy.proof.then import Then


def as_known(house: House, moment: datetime | None) -> House:
    """``house`` with the figures that were known at ``moment``; None: now. Live values have no past."""
    if moment is None:
        return house
    return replace(house, figures=Then(house.figures, moment), outlook=Outlook(), peaks=Peaks())


def time_asked(request: Request, name: str, at: datetime, tz: ZoneInfo) -> datetime | None:
    """The time that parameter ``name`` of a page tells, if it is there. Raises Problem 400."""
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return parse_time(text, at, tz)
    except ValueError as error:
        raise Problem(400, f"{name}: {error}", name) from None
