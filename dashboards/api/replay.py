"""What would have fired in a past period."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

import alerts.replay as replaying
from alerts.replay import Replay
from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from dashboards.security import Operator
from energy.interval import QUARTER, Period, Step, floor_quarter

router = APIRouter(prefix="/api/v1", tags=["alerts"], responses=RESPONSES)

LONGEST = timedelta(days=92)
NDJSON = "application/x-ndjson"

_NEARLY = 0.9999
"""What is told before the end, however close to it."""


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
    rules, period = _asked(house, query)
    found: list[ReplayLine] = []
    async with aclosing(rules.judged(period)) as quarters:
        async for at, changes in quarters:
            found += map(_line, changes)
            if _is_midnight(at) and await request.is_disconnected():
                break  # nobody is waiting for the rest
    return Replayed(transitions=found)


@router.get(
    "/replay.ndjson",
    response_class=StreamingResponse,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
async def replay_lines(
    house: HouseHere, _who: Operator, query: Annotated[ReplayAsked, Query()]
) -> StreamingResponse:
    """The same as it is found: a line for each transition, and for each day how far it has come.

    The last line is `{"share": 1.0, "quarters": 96, "unknown": {"gdansk": 4}}`: in how many quarter-hours a
    site's energy is not known, of which rules say nothing. Without that line, the answer is not whole.
    """
    rules, period = _asked(house, query)
    return StreamingResponse(_lines(house, rules, period), media_type=NDJSON)


async def _lines(house: House, rules: Replay, period: Period) -> AsyncIterator[bytes]:
    async with aclosing(rules.judged(period)) as quarters:
        async for at, changes in quarters:
            for change in changes:
                yield _line(change).model_dump_json().encode() + b"\n"
            if _is_midnight(at):
                share = max(0.0, (at - period.start) / (period.end - period.start))
                yield b'{"share":%.4f}\n' % min(share, _NEARLY)
    whole = Period(floor_quarter(period.start), floor_quarter(period.end))
    count = (whole.end - whole.start) // QUARTER
    unknown = {site: count - await _known(house, site, whole) for site in house.sites}
    yield json.dumps({"share": 1.0, "quarters": count, "unknown": unknown}).encode() + b"\n"


async def _known(house: House, site: str, whole: Period) -> int:
    if whole.start == whole.end:
        return 0
    rows = await house.figures.kpi(site, whole, Step.QUARTER)
    return sum(row.edc_wh is not None for row in rows)


def _asked(house: House, query: ReplayAsked) -> tuple[Replay, Period]:
    if house.replay is None:
        raise Problem(404, "this service keeps no rules to replay")
    return house.replay, asked.period(house, query.from_, query.to, LONGEST)


def _line(change: replaying.Replayed) -> ReplayLine:
    return ReplayLine(
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


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute) == (0, 0)
