"""The meter tree of a site: what counts in its figures, and how it closes."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere
from dashboards.problem import RESPONSES, Problem
from energy.figures import ALL
from energy.interval import Period, floor_quarter
from energy.tree.closing import Closure

router = APIRouter(prefix="/api/v1", tags=["meters"], responses=RESPONSES)

LONGEST = timedelta(days=366)


class MetersAsked(Asked):
    """``as_of`` replays what was known then."""

    from_: str = Field("now-24h", alias="from")
    to: str = "now"
    as_of: str | None = None


class Meters(Told):
    """One tree for each part of [from, to) in which it stayed the same, by time.

    In each, ``formulas`` say which meters a figure counts; ``shares`` add up to ``inlet_wh``; ``closings``
    compare every meter with those below it; ``halls`` hold pPUE, ``points`` the PUE of each category.
    """

    site: str
    from_: str = Field(alias="from")
    to: str
    trees: list[Closure]


@router.get("/meters/{site}", response_model=Meters)
async def meters(house: HouseHere, site: str, query: Annotated[MetersAsked, Query()]) -> Response:
    """The tree of one site over what is settled of [from, to), each taken down to the quarter-hour."""
    key, as_of = asked.site(house, site), asked.as_of(house, query.as_of)
    if key == ALL:
        raise Problem(400, f"site: a tree is of one site; choose from {', '.join(house.sites)}", "site")
    period = asked.period(house, query.from_, query.to, LONGEST)
    period = Period(floor_quarter(period.start), floor_quarter(period.end))
    trees = await house.figures.closure(key, period, as_of)
    return asked.json(
        {"site": key, "from": period.start.isoformat(), "to": period.end.isoformat(), "trees": trees}
    )
