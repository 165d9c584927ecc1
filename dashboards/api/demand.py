"""Demand: the mean power of the running quarter-hour, what it will come to, and the month's highest."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere
from dashboards.panels.demand import SiteDemand, demands
from dashboards.problem import RESPONSES
from energy.figures import ALL
from energy.outlook.demand import Demand
from energy.outlook.peak import Peak

router = APIRouter(prefix="/api/v1", tags=["demand"], responses=RESPONSES)


class DemandAsked(Asked):
    """Without ``site``: every site."""

    site: str = ALL


class RunningInterval(BaseModel):
    """W. ``so_far_w`` is the mean drawn up to now, of which the share ``covered`` was measured.

    ``forecast_w`` is the mean of the whole quarter-hour if the power goes on with its slope, ``steady_w`` if
    it stays; ``shed_w`` how much must be shed until its end so that the forecast keeps the contract.
    """

    start: str
    end: str
    now_w: float | None
    so_far_w: float | None
    covered: float
    forecast_w: float | None
    steady_w: float | None
    shed_w: float | None
    reason: str | None


class MonthPeak(BaseModel):
    """The highest quarter-hour of the month up to ``until``; the ``unknown`` ones could be higher."""

    month: str
    until: str
    start: str | None
    demand_w: float | None
    unknown_intervals: int
    estimated: bool


class DemandNow(BaseModel):
    """``limit_w`` is what is contracted, null without a contract."""

    site: str
    limit_w: float | None
    interval: RunningInterval
    month: MonthPeak


class DemandTold(BaseModel):
    """One line per site: contracts of two sites do not add up."""

    sites: list[DemandNow]


@router.get("/demand")
async def demand(house: HouseHere, query: Annotated[DemandAsked, Query()]) -> DemandTold:
    """The running quarter-hour of each site against its contract, and the month's highest."""
    found = await demands(house, asked.site(house, query.site), house.clock.now())
    return DemandTold(sites=[_site(one) for one in found])


def _site(one: SiteDemand) -> DemandNow:
    return DemandNow(
        site=one.site,
        limit_w=one.limit_w,
        interval=_interval(one.running, one.limit_w),
        month=_month(one.peak),
    )


def _interval(running: Demand, limit_w: float | None) -> RunningInterval:
    known = limit_w is not None and running.forecast_w is not None
    return RunningInterval(
        start=running.start.isoformat(),
        end=running.end.isoformat(),
        now_w=running.now_w,
        so_far_w=running.so_far_w,
        covered=running.covered,
        forecast_w=running.forecast_w,
        steady_w=running.steady_w,
        shed_w=running.excess_w(limit_w or 0.0) if known else None,
        reason=running.reason,
    )


def _month(peak: Peak) -> MonthPeak:
    return MonthPeak(
        month=f"{peak.period.start.astimezone(peak.zone):%Y-%m}",
        until=peak.until.isoformat(),
        start=None if peak.start is None else peak.start.isoformat(),
        demand_w=peak.demand_w,
        unknown_intervals=peak.unknown,
        estimated=peak.estimated,
    )
