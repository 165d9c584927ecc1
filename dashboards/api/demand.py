"""Demand: the mean power of the running quarter-hour, what it will come to, and the month's highest."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.panels.demand import SiteDemand, demands
from dashboards.problem import RESPONSES
from dashboards.then import as_known
from energy.figures import ALL
from energy.outlook.demand import Demand
from energy.outlook.peak import Peak

router = APIRouter(prefix="/api/v1", tags=["demand"], responses=RESPONSES)


class DemandAsked(Asked):
    """Without ``site``: every site. With ``as_of`` the month's highest as it was known then."""

    site: str = ALL
    as_of: str | None = None


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
    """``limit_w`` is what is contracted now, null without a contract; ``interval`` is null with ``as_of``."""

    site: str
    limit_w: float | None
    interval: RunningInterval | None
    month: MonthPeak


class DemandTold(BaseModel):
    """One line per site: contracts of two sites do not add up."""

    sites: list[DemandNow]


@router.get("/demand")
async def demand(house: HouseHere, query: Annotated[DemandAsked, Query()]) -> DemandTold:
    """The running quarter-hour of each site against its contract, and the month's highest."""
    site, as_of, now = asked.site(house, query.site), asked.as_of(house, query.as_of), house.clock.now()
    if as_of is None:
        return DemandTold(sites=[_site(one) for one in await demands(house, site, now)])
    then, at = as_known(house, as_of), min(as_of, now)
    keys = house.sites if site == ALL else [site]
    return DemandTold(sites=[_past(house, key, await then.peaks.peak(then.figures, key, at)) for key in keys])


def _past(house: House, key: str, peak: Peak) -> DemandNow:
    limit = house.sites[key].contracted_kw
    limit_w = None if limit is None else 1000 * limit
    return DemandNow(site=key, limit_w=limit_w, interval=None, month=_month(peak))


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
