"""The demand of each site: what its running quarter-hour comes to, and the highest of the month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow.compute as pc

from dashboards.house import House
from dashboards.now import PERIODS_UNTIL_STALE
from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import QUARTER, floor_quarter
from energy.outlook.demand import Demand, Sample, inlet_terms, running, sampled
from energy.outlook.peak import Peak
from telemetry.catalogue import METER
from telemetry.frame import Floats
from telemetry.store import AT, SeriesQuery


@dataclass(frozen=True)
class SiteDemand:
    """One site: its running quarter-hour, its contract (W, None without one) and its month's highest."""

    site: str
    name: str
    limit_w: float | None
    running: Demand
    peak: Peak


async def site_demand(house: House, key: str, at: datetime) -> SiteDemand:
    """The demand of one configured site ``at`` a time. Raises StoreError."""
    site = house.sites[key]
    patience = _patience(site)
    return SiteDemand(
        site=key,
        name=site.name,
        limit_w=None if site.contracted_kw is None else site.contracted_kw * 1000,
        running=running(await _samples(house, key, site, at), at, patience),
        peak=await house.peaks.peak(house.figures.snapshot(), key, at),
    )


async def demands(house: House, site: str, at: datetime) -> list[SiteDemand]:
    """The demand of ``site``, or of every site: contracts of two sites do not add up. Raises StoreError."""
    return [await site_demand(house, key, at) for key in (house.sites if site == ALL else [site])]


def tightest(found: list[SiteDemand]) -> SiteDemand | None:
    """The site that comes nearest to its contract; None where none has one."""
    limited = [one for one in found if one.limit_w]
    return max(limited, key=lambda one: (one.running.forecast_w or 0.0) / (one.limit_w or 1.0), default=None)


def _patience(site: SiteOptions) -> timedelta:
    terms = inlet_terms(site)
    periods = [meter.period for meter in site.meter if meter.id in terms]
    return PERIODS_UNTIL_STALE * max(periods, default=timedelta(seconds=60))


async def _samples(house: House, key: str, site: SiteOptions, at: datetime) -> list[Sample]:
    """The power at the inlet since before the running quarter-hour began."""
    terms = inlet_terms(site)
    query = SeriesQuery(
        METER,
        floor_quarter(at) - QUARTER,
        at + timedelta(milliseconds=1),
        {"site": (key,), "meter": tuple(terms)},
        ("power_w",),
    )
    told: dict[str, list[tuple[Floats, Floats]]] = {meter: [] for meter in terms}
    async for batch in house.store.raw(query):
        for meter in terms:
            own = batch.filter(pc.and_(pc.equal(batch["meter"], meter), pc.is_valid(batch["power_w"])))
            if own.num_rows:
                told[meter].append((_floats(own[AT]), _floats(own["power_w"])))
    return sampled(
        [
            (np.concatenate([t for t, _ in parts]), np.concatenate([w for _, w in parts]), terms[meter])
            if parts
            else (np.empty(0), np.empty(0), terms[meter])
            for meter, parts in told.items()
        ]
    )


def _floats(column: object) -> Floats:
    return np.asarray(column, dtype=np.float64)
