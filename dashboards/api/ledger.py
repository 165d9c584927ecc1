"""The ledger itself: every meter's energy in every quarter-hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.here import HouseHere
from dashboards.problem import RESPONSES
from energy.figures import ALL, LedgerRow

router = APIRouter(prefix="/api/v1", tags=["ledger"], responses=RESPONSES)

LONGEST = timedelta(days=366)


class LedgerAsked(Asked):
    """``as_of`` replays what was known then."""

    site: str = ALL
    meter: str | None = None
    from_: str = Field("now-24h", alias="from")
    to: str = "now"
    as_of: str | None = None


class Ledger(Told):
    """By site, meter and time."""

    rows: list[LedgerRow]


@router.get("/ledger", response_model=Ledger)
async def ledger(house: HouseHere, query: Annotated[LedgerAsked, Query()]) -> Response:
    """15-minute intervals that begin in [from, to)."""
    period = asked.period(house, query.from_, query.to, LONGEST)
    site, as_of = asked.site(house, query.site), asked.as_of(house, query.as_of)
    rows = await house.figures.rows(site, period, query.meter, as_of)
    return asked.json({"rows": [_line(row) for row in rows]})


def _line(row: LedgerRow) -> dict[str, Any]:
    return vars(row) | {"start": row.start.isoformat()}
