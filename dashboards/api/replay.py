"""What would have fired in a past period."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from dashboards.api import asked
from dashboards.api.asked import Asked, HouseHere
from dashboards.problem import RESPONSES, Problem
from dashboards.security import Operator

router = APIRouter(prefix="/api/v1", tags=["alerts"], responses=RESPONSES)

LONGEST = timedelta(days=14)


class ReplayAsked(Asked):
    """Which past."""

    from_: str = Field("now-7d", alias="from")
    to: str = "now"


class ReplayLine(BaseModel):
    """One transition; ``told`` is whether people would have heard of it."""

    at: str
    rule: str
    key: str
    site: str | None
    severity: str
    before: str
    after: str
    title: str
    summary: str
    told: bool


class Replayed(BaseModel):
    """In order of time."""

    transitions: list[ReplayLine]


@router.get("/replay")
async def replay(
    request: Request, house: HouseHere, _who: Operator, query: Annotated[ReplayAsked, Query()]
) -> Replayed:
    """The ledger's rules, every quarter-hour in [from, to); nothing is stored or sent."""
    if house.replay is None:
        raise Problem(404, "this service keeps no rules to replay")
    period = asked.period(house, query.from_, query.to, LONGEST)
    found: list[ReplayLine] = []
    async with aclosing(house.replay.run(period)) as changes:
        async for change in changes:
            if await request.is_disconnected():
                break  # nobody is waiting for the rest
            found.append(
                ReplayLine(
                    at=change.at.isoformat(),
                    rule=change.rule,
                    key=change.key,
                    site=change.site,
                    severity=change.severity.value,
                    before=change.before.value,
                    after=change.after.value,
                    title=change.title,
                    summary=change.summary,
                    told=change.told,
                )
            )
    return Replayed(transitions=found)
