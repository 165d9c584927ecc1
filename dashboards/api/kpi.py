"""The figures of a site over time: energy, PUE, green shares, completeness."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from dashboards.api import asked
from dashboards.api.asked import Asked, Told
from dashboards.handbook import section
from dashboards.here import HouseHere
from dashboards.problem import RESPONSES, Problem
from dashboards.view import View
from energy.annual import Trailing
from energy.figures import ALL, KpiRow
from energy.interval import Period, Step, floor_quarter
from energy.kpi import KPIS

router = APIRouter(prefix="/api/v1", tags=["kpi"], responses=RESPONSES)

LONGEST = timedelta(days=3_660)
MOST_ROWS = 50_000
_SHORTEST = {Step.QUARTER: 900, Step.HOUR: 3_600, Step.DAY: 82_800, Step.MONTH: 2_415_600}
"""Seconds; a day may have 23 hours and a February 28 days less one hour."""


class KpiAsked(Asked):
    """Without ``step`` one row for the whole period; days and months are the site's own."""

    site: str = ALL
    from_: str = Field("now-24h", alias="from")
    to: str = "now"
    step: Step | None = None
    as_of: str | None = None
    trailing: bool = False


class KpiLinks(BaseModel):
    """Pages for people: ``method`` is the section that defines the figure, gaps and reference included.

    ``why`` is the figure over the whole period that was asked for, by its numbers, down to the registers.
    """

    method: str
    why: str


class Kpi(Told):
    """``from`` and ``to`` as they were used: whole quarter-hours. ``withheld`` says why a figure is null.

    ``links`` has an entry for every KPI of the rows. ``trailing``, if it was asked for, has an entry for each
    row, in their order: the twelve months up to the last settled midnight by the row's end.
    """

    site: str
    step: Step | None
    from_: str = Field(alias="from")
    to: str
    rows: list[KpiRow]
    trailing: list[Trailing] | None
    links: dict[str, KpiLinks]


@router.get("/kpi", response_model=Kpi)
async def kpi(house: HouseHere, query: Annotated[KpiAsked, Query()]) -> Response:
    """Figures over [from, to), each taken down to the quarter-hour, per ``step``; with ``trailing=true`` also
    the KPIs that standards define over a year, over the twelve months up to each day's or month's end."""
    site, as_of = asked.site(house, query.site), asked.as_of(house, query.as_of)
    period = _quarters(asked.period(house, query.from_, query.to, LONGEST))
    if query.step is not None:
        rows = (period.end - period.start).total_seconds() / _SHORTEST[query.step]
        if rows > MOST_ROWS:
            raise Problem(400, f"step: more than {MOST_ROWS} rows; take a longer step", "step")
    if query.trailing and query.step in (Step.QUARTER, Step.HOUR):
        raise Problem(400, "trailing: a year ends with a day; take the step P1D or P1M, or none", "trailing")
    found = await house.figures.kpi(site, period, query.step, as_of)
    years = await house.figures.trailing(site, [row.end for row in found], as_of) if query.trailing else None
    body = {
        "site": site,
        "step": query.step,
        "from": period.start.isoformat(),
        "to": period.end.isoformat(),
        "rows": [_line(row) for row in found],
        "trailing": None if years is None else [_year(one) for one in years],
        "links": {
            name: {"method": section(name), "why": View(site).why(name, period, as_of)}
            for name in _names(found)
        },
    }
    return asked.json(body)


def _quarters(period: Period) -> Period:
    whole = Period(floor_quarter(period.start), floor_quarter(period.end))
    if whole.start == whole.end:
        raise Problem(400, "to: figures are told by quarter-hours; ask for at least one", "to")
    return whole


def _names(rows: Sequence[KpiRow]) -> list[str]:
    """Every KPI that ``rows`` tell, those of halls among them."""
    return list(dict.fromkeys([*KPIS, *(rows[0].more if rows else ())]))


def _year(one: Trailing) -> dict[str, Any]:
    edges = {
        name: None if at is None else at.isoformat() for name, at in (("start", one.start), ("end", one.end))
    }
    return {**vars(one), **edges, "figures": dict(one.figures), "withheld": dict(one.withheld)}


def _line(row: KpiRow) -> dict[str, Any]:
    told = {name: value for name, value in vars(row).items() if name != "parts"}
    return told | {
        "start": row.start.isoformat(),
        "end": row.end.isoformat(),
        "withheld": dict(row.withheld),
    }
