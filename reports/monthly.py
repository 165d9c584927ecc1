"""Builds the monthly report from the ledger's figures and the alert board."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.board import AlertBoard
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyOptions
from energy.figures import ALL, Figures, KpiRow, MixRow
from energy.interval import Period, month
from energy.reading.statement import HARDLY, metered
from energy.sums.splice import CERTIFICATES
from energy.targets.target import TargetOptions
from reports import check, heat, quality
from reports.alarms import alert_lines, counted
from reports.content import (
    SCHEMA,
    DayLine,
    MonthFigures,
    MonthlyReport,
    MonthSpan,
    ReportState,
    SiteLine,
    SourceLine,
    TargetLine,
)
from reports.digest import figures_checksum, plain, plain_evidence
from reports.evidence import BudgetLine
from reports.gathering import Asked, Keepers
from reports.headline import amounts, headline, twelve_months
from reports.method import METHOD_VERSION
from reports.promise import target_line
from reports.readings import Readings, read_ledger


async def _not_scheduled() -> datetime | None:
    return None


@dataclass(frozen=True)
class Material:
    """What reports are made of. ``sites`` and ``targets`` are as configured; ``keepers`` hold evidence.

    ``judged`` tells up to when the rules have been asked, or None where nobody schedules that.
    """

    figures: Figures
    alerts: AlertBoard
    sites: Mapping[str, SiteOptions]
    targets: Sequence[TargetOptions]
    keepers: Keepers = field(default_factory=Keepers)
    judged: Callable[[], Awaitable[datetime | None]] = _not_scheduled


@dataclass(frozen=True)
class Scope:
    """What one report covers: the sites, the zone in which its days begin, and the month's bounds.

    The sites are as configured now, until it is known what they consisted of in that month.
    """

    site_key: str
    month: str
    sites: Mapping[str, SiteOptions]
    tz: ZoneInfo
    period: Period


async def build(
    site_key: str, name: str, at: datetime, material: Material, *, locale: str = "en"
) -> MonthlyReport:
    """The report of the month ``name`` (``2026-10``) of a site, or of ``all`` sites together, as known now.

    A site that has left the configuration still has its months. Raises ValueError for a month that is none,
    has not begun ``at`` that time or was not metered, and for an unknown site. The revision is 0: the archive
    numbers what it issues.
    """
    sites = material.sites
    if site_key not in (ALL, *sites):
        sites = {**sites, **await material.figures.departed()}
    scope = scope_of(site_key, name, at, sites)
    await _refuse_unmetered(scope, at, material.figures)
    scope = replace(scope, sites=await material.figures.configured(site_key, scope.period))
    asked = Asked(site_key, tuple(scope.sites), name, scope.period)
    readings = await read_ledger(asked, material.figures, material.keepers)
    settled = Period(scope.period.start, max(readings.settled or scope.period.start, scope.period.start))
    promised = [t for t in material.targets if site_key in (t.site, ALL)]
    targets = [await _target_line(t, name, material) for t in promised]
    judged = _left_out(await material.judged(), settled, scope.period)  # before the alerts: they may grow
    alerts = await alert_lines(site_key, scope.period, material.alerts)
    # A month has 100,000 intervals at a large site: sorting them out must not hold up the event loop.
    lines = tuple(line for line, _ in targets)
    figures = await asyncio.to_thread(_figures, scope, readings, settled, lines)
    if judged is not None:
        figures = replace(figures, state="draft")
    budgets = tuple(budget for _, budget in targets if budget is not None)
    return MonthlyReport(
        schema=SCHEMA,
        revision=0,
        checksum=await asyncio.to_thread(figures_checksum, figures),
        locale=locale,
        figures=figures,
        alerts=alerts,
        alert_counts=counted(alerts),
        alerts_until=judged,
        evidence=plain_evidence(replace(readings.evidence, budgets=budgets)),
    )


def _left_out(judged: datetime | None, settled: Period, period: Period) -> datetime | None:
    """Up to when alarms are judged, if that is before what the report tells of; else None."""
    return judged if judged is not None and judged < min(settled.end, period.end) else None


def scope_of(site_key: str, name: str, at: datetime, sites: Mapping[str, SiteOptions]) -> Scope:
    """What the report of ``name`` covers. Raises ValueError as :func:`build` does."""
    covered = covered_sites(site_key, sites)
    tz = zone_of(site_key, covered)
    return Scope(site_key, name, covered, tz, begun_month(name, tz, at))


def covered_sites(site_key: str, sites: Mapping[str, SiteOptions]) -> dict[str, SiteOptions]:
    """The sites that ``site_key`` names. Raises ValueError with the known ones."""
    if site_key == ALL and sites:
        return dict(sites)
    if site_key not in sites:
        raise ValueError(f"no site {site_key!r} is configured; known are {', '.join([*sites, ALL])}")
    return {site_key: sites[site_key]}


def zone_of(site_key: str, sites: Mapping[str, SiteOptions]) -> ZoneInfo:
    """The zone in which the days and months of ``site_key`` begin; those of ``all`` begin in UTC."""
    return ZoneInfo("UTC") if site_key == ALL else sites[site_key].tz


def begun_month(name: str, tz: ZoneInfo, at: datetime) -> Period:
    """The month ``name`` in ``tz``. Raises ValueError if it is none, or has not begun at ``at``."""
    period = month(name, tz)
    if period.start > at:
        raise ValueError(f"{name} has not begun: it is {at.astimezone(tz):%Y-%m-%d %H:%M} at the site")
    return period


async def _target_line(
    target: TargetOptions, name: str, material: Material
) -> tuple[TargetLine, BudgetLine | None]:
    """``target`` over the month of its own site, whose zone need not be that of the report."""
    tz = zone_of(target.site, covered_sites(target.site, material.sites))
    own = month(name, tz)
    known = await material.figures.settled_until(target.site) or own.start
    settled = Period(own.start, max(own.start, min(known, own.end)))
    return await target_line(target, material.figures, settled, own, tz)


async def _refuse_unmetered(scope: Scope, at: datetime, figures: Figures) -> None:
    """Raise ValueError for a month that is over and of which hardly anything is known."""
    if scope.period.end <= at and not await metered(figures, scope.site_key, scope.period):
        raise ValueError(
            f"nothing to report of {scope.site_key!r} for {scope.month}: none of its registers is known for "
            f"{HARDLY:.0%} of that month; choose a month in which it was metered"
        )


def report_state(total: KpiRow, settled: datetime | None, end: datetime) -> ReportState:
    """``draft`` until everything before ``end`` is settled, then what the ledger says."""
    if settled is None or settled < end or total.state == "open":
        return "draft"
    return "final" if total.state == "final" else "provisional"


def _figures(scope: Scope, read: Readings, settled: Period, targets: tuple[TargetLine, ...]) -> MonthFigures:
    hours = heat.hour_lines(read.hours, scope.tz)
    days = tuple(_day(kpi, mix, scope.tz) for kpi, mix in zip(read.days, read.day_mix, strict=True))
    figures = MonthFigures(
        method_version=METHOD_VERSION,
        state=report_state(read.total, read.settled, scope.period.end),
        settled_until=read.settled,
        site=_site_line(scope),
        period=_span(scope, len(days)),
        total=read.total,
        headline=headline(read.total),
        amounts=amounts(read.total),
        mix=read.mix,
        sources=_source_lines(read.mix, scope.sites),
        days=days,
        hours=hours,
        grid=tuple(read.grid),
        heat_map=heat.heat_map(hours, [day.date for day in days], read.settled),
        worst_hours=heat.worst_hours(hours),
        targets=targets,
        completeness=read.completeness,
        ranges=read.ranges,
        meters=quality.meter_lines(scope.sites),
        checks=check.balances(read.total, read.mix, read.days, read.hours),
        ledger=read.ledger,
        year=twelve_months(read.year, scope.tz),
    )
    return plain(figures)


def _day(kpi: KpiRow, mix: MixRow, tz: ZoneInfo) -> DayLine:
    return DayLine(
        date=kpi.start.astimezone(tz).date(),
        hours=round((kpi.end - kpi.start) / timedelta(hours=1)),
        kpi=kpi,
        mix=mix,
    )


def _span(scope: Scope, days: int) -> MonthSpan:
    period = scope.period
    hours = round((period.end - period.start) / timedelta(hours=1))
    return MonthSpan(scope.month, period.start, period.end, days, hours, period.quarters)


def _site_line(scope: Scope) -> SiteLine:
    sites = scope.sites
    if scope.site_key != ALL:
        site = sites[scope.site_key]
        return SiteLine(
            key=scope.site_key,
            name=site.name,
            zone=site.zone,
            grid=site.grid,
            contracted_kw=site.contracted_kw,
            pue_limit=site.pue_limit,
            completeness_floor=site.completeness_floor,
        )
    grids = ", ".join(sorted({site.grid for site in sites.values()}))
    return SiteLine(ALL, "All sites", scope.tz.key, grids, None, None, None)


def _source_lines(mix: MixRow, sites: Mapping[str, SiteOptions]) -> tuple[SourceLine, ...]:
    known: dict[str, SupplyOptions] = {}
    for key, site in sites.items():
        for supply in site.supply:
            known[supply.id] = known[f"{key}/{supply.id}"] = supply
    found = []
    for name in sorted({*mix.green, *mix.available_wh}):
        options = known.get(name)
        otherwise = ("certificates", "cancelled") if CERTIFICATES in name else ("unknown", "unknown")
        found.append(
            SourceLine(
                supply=name,
                kind=options.kind.value if options else otherwise[0],
                zone=options.zone if options else None,
                certificates=options.certificates if options else otherwise[1],
                available_wh=mix.available_wh.get(name),
                matched_wh=mix.green.get(name, 0.0),
            )
        )
    return tuple(found)
