"""The carbon of a site by scope, with every factor that it was made with."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere
from dashboards.problem import RESPONSES, Problem
from energy.carbon.factor_row import FactorRow
from energy.figures import ALL
from energy.interval import Period, floor_quarter

router = APIRouter(prefix="/api/v1", tags=["carbon"], responses=RESPONSES)

LONGEST = timedelta(days=3_660)
FIGURES = ("co2_location_kg", "co2_market_kg", "co2_scope1_kg", "co2_lifecycle_kg", "cue", "cue_market")


class CarbonAsked(Asked):
    """``as_of`` replays what was known then: energies, hours of the grid and factor sets."""

    site: str = ALL
    from_: str = Field("now-24h", alias="from")
    to: str = "now"
    as_of: str | None = None


class Line(BaseModel):
    """One energy and its factor; the ``co2_g`` of a scope add up to its figure, exactly."""

    site: str
    scope: str
    what: str
    zone: str | None
    energy_wh: float | None
    g_per_kwh: float | None
    co2_g: float
    kg: float
    source: str
    method: str
    version: str
    example: bool


class Carbon(Told):
    """Figures in kg CO2e, CUE in kg per kWh of E_IT; ``withheld`` says why one is null."""

    site: str
    from_: str = Field(alias="from")
    to: str
    figures: dict[str, float | None]
    withheld: dict[str, str]
    state: str
    revision: int
    factors: list[Line]


@router.get("/carbon", response_model=Carbon)
async def carbon(house: HouseHere, query: Annotated[CarbonAsked, Query()]) -> Response:
    """Scope 2 location-based and market-based, and scope 1, over [from, to) in whole quarter-hours.

    ``co2_lifecycle_kg`` is the grid over the life cycle: it stands beside the scopes and is part of none.
    """
    site, as_of = asked.site(house, query.site), asked.as_of(house, query.as_of)
    span = asked.period(house, query.from_, query.to, LONGEST)
    period = Period(floor_quarter(span.start), floor_quarter(span.end))
    if period.start == period.end:
        raise Problem(400, "to: figures are told by quarter-hours; ask for at least one", "to")
    figures = house.figures.snapshot() if as_of is None else house.figures
    (row,) = await figures.kpi(site, period, as_of=as_of)
    factors = await figures.factors(site, period, as_of)
    body = {
        "site": site,
        "from": period.start.isoformat(),
        "to": period.end.isoformat(),
        "figures": {name: row.value(name) for name in FIGURES},
        "withheld": {name: row.withheld[name] for name in FIGURES if name in row.withheld},
        "state": row.state,
        "revision": row.revision,
        "factors": [_line(one) for one in factors],
    }
    return asked.json(body)


def _line(row: FactorRow) -> dict[str, Any]:
    return vars(row) | {"kg": row.kg}
