"""The Overview: key figures beside their limits and their last day, the sites, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog

from dashboards.house import House
from dashboards.now import Gauge, Now, SiteNow, expected_every
from dashboards.numbers import moment, power, ratio, share
from dashboards.panels.demand import SiteDemand, demands, tightest
from dashboards.panels.flow import Flow, flow
from dashboards.panels.targets import MATCHED, gravest, judged
from dashboards.view import View, zone_of
from energy.configuration.site import SiteOptions
from energy.figures import ALL, KpiRow
from energy.interval import Period, Step, month_of
from runtime.clock import to_ms
from runtime.errors import StoreError

log = structlog.get_logger(__name__)

Form = Literal["power", "ratio", "share"]
SILENT_PERIODS = 3
"""A figure older than this many reporting periods is stale."""


@dataclass(frozen=True)
class Tile:
    """One key figure. ``key`` names it in the live feed, None when it changes only with the ledger.

    ``limit`` says in words what it is held against, ``fill`` how much of it is used (0..1), ``over``
    whether it is exceeded; ``spark`` are the last 24 hourly values; ``why`` leads to the ledger's figure by
    its numbers: of the last 24 hours beside what is live.
    """

    title: str
    form: Form
    gauge: Gauge
    key: str | None
    stale_after_s: float
    limit: str
    href: str
    fill: float | None = None
    over: bool = False
    spark: Sequence[float | None] = ()
    spark_of: str = ""
    why: str | None = None


@dataclass(frozen=True)
class SiteLine:
    """One site in the strip below the tiles."""

    key: str
    name: str
    now: SiteNow
    month: KpiRow | None
    stale_after_s: float


@dataclass(frozen=True)
class Overview:
    """Everything on the first page but its chart and its alarms."""

    tiles: Sequence[Tile]
    flow: Flow
    lines: Sequence[SiteLine]


async def overview(house: House, now: Now, view: View, at: datetime) -> Overview:
    """The page for ``view`` at ``at``."""
    everything = now.everything(to_ms(at))
    keys = view.keys(house.sites)
    day: Sequence[KpiRow] = ()
    months: dict[str, KpiRow | None] = {}
    lacking, standing, drawn = "nothing of this month is settled yet", "", None
    try:
        day = await last_day(house, view.site, at)
        months = {key: await month_so_far(house, key, at) for key in dict.fromkeys((view.site, *keys))}
        standing = gravest(await judged(house, view.site, at), MATCHED, "month")
        drawn = tightest(await demands(house, view.site, at))
    except StoreError as error:  # what is live needs no store
        log.warning("overview_without_ledger", error=str(error))
        lacking = "the store does not answer: see System"
    pairs = [(house.sites[key], everything[key]) for key in keys]
    tiles = _tiles(house, view, everything, day)
    tiles.append(_demand_tile(view, drawn, len(keys) > 1))
    tiles.append(_month_tile(house, view, months.get(view.site), (lacking, standing)))
    lines = [_line(house.sites[key], key, everything[key], months.get(key)) for key in keys]
    return Overview(tiles, flow(pairs), lines if view.every_site else ())


def _line(site: SiteOptions, key: str, now: SiteNow, month: KpiRow | None) -> SiteLine:
    return SiteLine(key, site.name, now, month, stale_after([site]))


def stale_after(sites: Sequence[SiteOptions]) -> float:
    """Seconds after which a figure of ``sites`` is no longer current."""
    devices = [device for site in sites for device in (*site.meter, *site.supply)]
    return SILENT_PERIODS * expected_every(devices)


async def last_day(house: House, site: str, at: datetime) -> list[KpiRow]:
    """The last 24 whole hours of the ledger: energies, PUE and what was matched."""
    end = at.replace(minute=0, second=0, microsecond=0)
    hours = Period(end - timedelta(hours=24), end)
    return await house.figures.kpi(site, hours, Step.HOUR, only={"pue", MATCHED})


async def month_so_far(house: House, site: str, at: datetime) -> KpiRow | None:
    """What is matched of the running month up to where the ledger is settled, or None when none of it is."""
    settled = await house.figures.settled_until(site)
    if settled is None:
        return None
    period = month_of(at, zone_of(site, house.sites))
    if settled <= period.start:
        return None
    so_far = Period(period.start, min(period.end, settled))
    rows = await house.figures.kpi(site, so_far, only={MATCHED})
    return rows[0] if rows else None


def _tiles(house: House, view: View, everything: dict[str, SiteNow], day: Sequence[KpiRow]) -> list[Tile]:
    now, query = everything[view.site], view.query()
    sites = [house.sites[key] for key in view.keys(house.sites)]
    old = stale_after(sites)
    pue_limit = min(site.pue_limit for site in sites)
    whole = now.gpu_w.v if now.reporting == now.gpus else None
    of_it = whole / now.it_w.v if whole is not None and now.it_w.v else None
    tile, hours = view.site, "last 24 hours, hourly"
    # An hour's energy in Wh is its mean power in W: the ledger's hours are the sparklines of power.
    return [
        Tile("PUE", "ratio", now.pue, f"{tile}.pue", old, f"limit {ratio(pue_limit)}", f"/green{query}",
             over=_above(now.pue.v, pue_limit), spark=[r.pue for r in day], spark_of=hours,
             why=_why(view, "pue", day)),
        Tile("Site power", "power", now.power_w, f"{tile}.power_w", old, "at the inlet", f"/{query}",
             spark=[r.edc_wh for r in day], spark_of=hours),
        Tile("IT power", "power", now.it_w, f"{tile}.it_w", old, "at the IT meters", f"/{query}",
             spark=[r.eit_wh for r in day], spark_of=hours),
        Tile("GPU power", "power", now.gpu_w, f"{tile}.gpu_w", old, now.gpu_w.note or "", f"/system{query}",
             fill=None if of_it is None else min(1.0, of_it)),
        Tile("Green now", "share", now.green_share, f"{tile}.green_share", old, "live, not settled",
             f"/green{query}", spark=[r.hourly_matched for r in day], spark_of=f"hourly matched, {hours}",
             why=_why(view, "hourly_matched", day)),
        _headroom(house, view, everything, old),
    ]  # fmt: skip


def _headroom(house: House, view: View, everything: dict[str, SiteNow], old: float) -> Tile:
    """The tightest contract among the sites shown: headrooms of two contracts do not add up."""
    href = f"/alarms{view.query()}"
    contracted = [key for key in view.keys(house.sites) if house.sites[key].contracted_kw]
    if not contracted:
        gauge = Gauge(None, None, "no contracted power is configured")
        return Tile("Headroom", "power", gauge, None, old, "", href)

    def used(key: str) -> float:
        grid, limit = everything[key].grid_w.v, house.sites[key].contracted_kw
        return -1.0 if grid is None or limit is None else grid / (limit * 1000)

    key = max(contracted, key=used)
    site, gauge = house.sites[key], everything[key].headroom_w
    of = f" at {site.name}" if len(view.keys(house.sites)) > 1 else ""
    limit = f"to contract {power((site.contracted_kw or 0) * 1000)}{of}"
    known = gauge.v is not None
    return Tile("Headroom", "power", gauge, f"{key}.headroom_w", old, limit, href,
                fill=min(1.0, max(0.0, used(key))) if known else None,
                over=known and (gauge.v or 0) < 0)  # fmt: skip


def _demand_tile(view: View, found: SiteDemand | None, several: bool) -> Tile:
    """What the running quarter-hour comes to at the site nearest to its contract, and the month's highest."""
    href = f"/alarms{view.query()}"
    if found is None or found.limit_w is None:
        reason = "no contracted power is configured, or its readings are not known"
        return Tile("Demand, 15 min", "power", Gauge(None, None, reason), None, 0, "", href)
    running, peak = found.running, found.peak
    of = f" at {found.name}" if several else ""
    highest = "no highest of the month yet"
    if peak.start is not None:
        at = moment(peak.start, peak.zone)
        highest = f"month's highest {power(peak.demand_w)}, {at}"
        href = f"/green/{at[:7]}{view.query(site=found.site, hour=str(to_ms(peak.start)))}#hour"
    gauge = Gauge(running.forecast_w, None, running.reason)
    limit = f"expected, contract {power(found.limit_w)}{of}; {highest}"
    known = running.forecast_w is not None
    return Tile("Demand, 15 min", "power", gauge, None, 0, limit, href,
                fill=min(1.0, (running.forecast_w or 0.0) / found.limit_w) if known else None,
                over=known and (running.forecast_w or 0.0) > found.limit_w)  # fmt: skip


def _month_tile(house: House, view: View, month: KpiRow | None, told: tuple[str, str]) -> Tile:
    """The month's matched share; ``told`` is why there is none, and how its target stands."""
    lacking, standing = told
    goals = [t.goal for t in house.targets if t.metric == MATCHED and t.site in (view.site, ALL)]
    limit = f"goal {share(max(goals))}{standing and ': ' + standing}" if goals else "hourly matched"
    href = f"/green{view.query()}"
    if month is None:
        return Tile("Month matched", "share", Gauge(None, None, lacking), None, 0, limit, href)
    reason = month.withheld.get("hourly_matched")
    gauge = Gauge(month.hourly_matched, to_ms(month.end), reason)
    note = f"{limit}, {share(month.completeness)} complete"
    why = view.why("hourly_matched", Period(month.start, month.end))
    return Tile("Month matched", "share", gauge, None, 0, note, href, fill=month.hourly_matched, why=why)


def _why(view: View, kpi: str, rows: Sequence[KpiRow]) -> str | None:
    """Where the figure over all of ``rows`` is explained."""
    return view.why(kpi, Period(rows[0].start, rows[-1].end)) if rows else None


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
