"""The green month: every hour's matched share, every day's sources, the worst hours, and one hour in full."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboards.house import House
from dashboards.panels.ladder import Ladder, ladder
from dashboards.panels.supply_mark import SupplyMark, supply_mark
from energy.annual import ANNUAL, Trailing
from energy.configuration.device import VOLUME
from energy.figures import ALL, KNOWN_BY, KpiRow, LedgerRow, MeterStatement, MixRow, Quality
from energy.interval import Period, Step, month_of
from energy.kpi import Form
from energy.targets.shortfall import worst_hours
from reports.headline import SHARES, kpis
from reports.render.words import APART

WORST = 10
HOUR = timedelta(hours=1)
MATCHED = "hourly_matched"
MISSING_MARK = 0.05
"""Height of the mark on a day of which some hours are not known, as a fraction of the chart."""

_QUALITIES: tuple[Quality, ...] = ("missing", "substituted", "reset", "integrated", "estimated", "ok")
"""Worst first: an hour is as well known as its worst quarter."""


@dataclass(frozen=True)
class HourCell:
    """One hour of the map; ``share`` is None with a ``reason``; ``open`` when it is not settled yet."""

    start: datetime
    share: float | None
    estimated: bool
    open: bool
    reason: str | None


@dataclass(frozen=True)
class DayLine:
    """One row of the map; ``hours[h]`` holds the cells of local hour ``h``: none or two on a clock change."""

    day: date
    hours: Sequence[Sequence[HourCell]]


@dataclass(frozen=True)
class DayMix:
    """One bar: Wh by supply, the rest and what is unknown; None when the day's load is not known at all.

    ``missing_hours`` have no known load: the day's real energy is higher than what is told.
    """

    day: date
    load_wh: float | None
    green: Mapping[str, float]
    other_wh: float
    unknown_wh: float
    missing_hours: int


@dataclass(frozen=True)
class BarPiece:
    """A rectangle of a day's bar; ``source`` is the supply's place, ``grid``, ``unknown`` or ``missing``.

    ``start`` and ``share`` are fractions of the chart's height, from the ground up.
    """

    source: str
    start: float
    share: float


@dataclass(frozen=True)
class DayBars:
    """The stacked bars of a month; ``ticks`` are heights in MWh with their fraction of the full height."""

    bars: Sequence[tuple[date, Sequence[BarPiece]]]
    ticks: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Indicator:
    """One KPI beside the green shares; ``reason`` says why there is no ``value``."""

    name: str
    label: str
    unit: str
    form: Form
    value: float | None
    reason: str | None


@dataclass(frozen=True)
class GreenMonth:
    """Everything on the month's page. ``total`` covers ``period`` up to ``through``.

    ``figureless`` are the hours up to then of which no matched share is known, ``hours`` all of them.
    ``year`` is the one up to the last midnight of it, if it was asked for.
    """

    name: str
    period: Period
    through: datetime | None
    total: KpiRow | None
    indicators: Sequence[Indicator]
    apart: str
    lines: Sequence[DayLine]
    days: Sequence[DayMix]
    bars: DayBars
    supplies: Sequence[str]
    ladder: Ladder | None
    worst: Sequence[KpiRow]
    hours: int
    figureless: int
    goal: float | None
    before: str
    after: str | None
    year: Trailing | None = None

    @property
    def marks(self) -> Sequence[SupplyMark]:
        """The mark of each of ``supplies``."""
        return [supply_mark(place) for place in range(len(self.supplies))]

    @property
    def unproven(self) -> float:
        """Wh of the green load that may rest on certificates that are not cancelled yet."""
        return 0.0 if self.total is None else self.total.sums.get("green_unproven_wh", 0.0)

    @property
    def unproven_volume(self) -> float:
        """The same of what REF counts."""
        return 0.0 if self.total is None else self.total.value("unproven_wh") or 0.0

    @property
    def annual(self) -> Sequence[Indicator]:
        """The KPIs that standards define over a year, over that year."""
        if self.year is None:
            return ()
        told = ((k, self.year.figures.get(k.name)) for k in kpis().values() if k.name in ANNUAL)
        return [
            Indicator(k.name, k.label, k.unit, k.form, value, self.year.withheld.get(k.name))
            for k, value in told
        ]

    @property
    def covered(self) -> str:
        """What an empty list of worst hours proves, in words: nothing where no hour has a figure."""
        if self.figureless >= self.hours:
            return "No hour has a figure yet."
        return f"Every {'hour with a figure' if self.figureless else 'settled hour'} is fully covered."

    @property
    def state(self) -> str:
        """``open`` while the month runs, however well its beginning is settled."""
        ended = self.total is not None and self.through == self.period.end
        return self.total.state if ended and self.total is not None else "open"


@dataclass(frozen=True)
class HourSource:
    """One meter's or supply's energy in an hour, or litres of water, as well known as its worst quarter."""

    site: str
    meter: str
    channel: str
    energy_wh: float | None
    quality: Quality
    revision: int
    reason: str | None
    volume_l: float | None = None

    @property
    def known_by(self) -> str:
        """What its energy is known by, for people."""
        return KNOWN_BY[self.quality]


@dataclass(frozen=True)
class HourDetail:
    """One hour in full."""

    period: Period
    kpi: KpiRow
    mix: MixRow
    sources: Sequence[HourSource]


async def green_month(house: House, site: str, period: Period, tz: ZoneInfo, at: datetime) -> GreenMonth:
    """The month ``period`` of ``site`` (or ``all``), hours and days in ``tz``, as known ``at``."""
    settled = await house.figures.settled_until(site)
    through = None if settled is None or settled <= period.start else min(settled, period.end)
    known = Period(period.start, through or period.start)
    some = known.end > known.start
    total = (await house.figures.kpi(site, known))[0] if some else None
    hours = await house.figures.kpi(site, known, Step.HOUR, only={MATCHED}) if some else []
    mixes = await house.figures.mix(site, known, Step.HOUR) if some else []
    sites = await house.figures.configured(site, known) if some else {}
    days = day_mixes(mixes, tz)
    names = list(dict.fromkeys(name for mix in mixes for name in mix.green))
    goals = [t.goal for t in house.targets if t.metric == "hourly_matched" and t.site in (site, ALL)]
    following = month_of(period.end, tz)
    return GreenMonth(
        name=period.start.astimezone(tz).strftime("%Y-%m"),
        period=period,
        through=through,
        total=total,
        indicators=indicators(total) if total is not None else (),
        apart=APART if site == ALL else "",
        lines=day_lines(period, hours, tz),
        days=days,
        bars=day_bars(days, names),
        supplies=names,
        ladder=None if total is None else ladder(total, mixes, sites),
        worst=worst_hours(hours, WORST),
        hours=len(hours),
        figureless=sum(row.hourly_matched is None for row in hours),
        goal=max(goals, default=None),
        before=(period.start.astimezone(tz) - timedelta(days=1)).strftime("%Y-%m"),
        after=following.start.astimezone(tz).strftime("%Y-%m") if following.start <= at else None,
    )


async def with_year(house: House, site: str, page: GreenMonth) -> GreenMonth:
    """``page`` with the year up to its last settled midnight, where something of it is settled.

    Of figures as they were known at some time that may take as long as reading a year.
    """
    if page.through is None:
        return page
    (year,) = await house.figures.trailing(site, [page.through])
    return replace(page, year=year)


def indicators(total: KpiRow) -> list[Indicator]:
    """Every registered KPI that has no place of its own on the page, PUE first."""
    others = [k for n, k in kpis().items() if n not in (*SHARES, "completeness") and k.form != "amount"]
    return [
        Indicator(k.name, k.label, k.unit, k.form, total.value(k.name), total.withheld.get(k.name))
        for k in others
    ]


async def hour_detail(house: House, site: str, hour: datetime) -> HourDetail | None:
    """The hour that starts at ``hour``, or None when the ledger holds nothing of it."""
    period = Period(hour, hour + HOUR)
    kpi = await house.figures.kpi(site, period)
    mix = await house.figures.mix(site, period)
    if not kpi or not mix:
        return None
    sources: list[HourSource] = []
    for key in house.sites if site == ALL else [site]:
        sources += _sources(key, await house.figures.rows(key, period))
    return HourDetail(period, kpi[0], mix[0], sources)


async def statements(house: House, site: str, period: Period) -> list[tuple[str, MeterStatement]]:
    """How complete every meter of ``site`` (or of all) is over ``period``, with its site."""
    found: list[tuple[str, MeterStatement]] = []
    for key in house.sites if site == ALL else [site]:
        found += [(key, statement) for statement in await house.figures.statements(key, period)]
    return found


def day_lines(period: Period, hours: Sequence[KpiRow], tz: ZoneInfo) -> list[DayLine]:
    """Rows of the map for the whole month; hours that have no figure yet are simply not there."""
    cells: dict[date, list[list[HourCell]]] = {}
    day, last = period.start.astimezone(tz).date(), (period.end - HOUR).astimezone(tz).date()
    while day <= last:
        cells[day] = [[] for _ in range(24)]
        day += timedelta(days=1)
    for row in hours:
        local = row.start.astimezone(tz)
        if local.date() in cells:
            cells[local.date()][local.hour].append(_cell(row))
    return [DayLine(day, lines) for day, lines in cells.items()]


def day_mixes(mixes: Sequence[MixRow], tz: ZoneInfo) -> list[DayMix]:
    """Hours added up to local days, so that a day is exactly the sum of its hours on the same page."""
    days: dict[date, list[MixRow]] = {}
    for mix in mixes:
        days.setdefault(mix.start.astimezone(tz).date(), []).append(mix)
    return [_day_mix(day, rows) for day, rows in days.items()]


def day_bars(days: Sequence[DayMix], supplies: Sequence[str]) -> DayBars:
    """Rectangles under a round top; a day of which nothing is known is one piece of unknown, full height.

    Without energy on any day there is nothing to draw to scale: no bars and no ticks.
    """
    highest = max((day.load_wh or 0.0 for day in days), default=0.0)
    if highest <= 0:
        return DayBars([], [])
    step = _round_up(highest / 4e6) * 1e6
    top = step * 4
    bars = [(day.day, _pieces(day, supplies, top)) for day in days]
    ticks = [(f"{step * i / 1e6:,.4g}", i / 4) for i in range(5)]
    return DayBars(bars, ticks)


def _pieces(day: DayMix, supplies: Sequence[str], top: float) -> list[BarPiece]:
    if day.load_wh is None:
        return [BarPiece("missing", 0.0, 1.0)]
    amounts = [(str(place), day.green.get(name, 0.0)) for place, name in enumerate(supplies)]
    amounts += [("grid", day.other_wh), ("unknown", day.unknown_wh)]
    pieces, start = [], 0.0
    for source, wh in amounts:
        if wh > 0:
            pieces.append(BarPiece(source, start, wh / top))
            start += wh / top
    if day.missing_hours:
        # How much is missing nobody knows, so its mark has one height whatever it stands for.
        pieces.append(BarPiece("missing", start, MISSING_MARK))
    return pieces


def _round_up(value: float) -> float:
    """The next number above with one digit, or 1.5 or 2.5, times a power of ten; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if power * factor >= value)


def _cell(row: KpiRow) -> HourCell:
    return HourCell(
        start=row.start,
        share=row.hourly_matched,
        estimated=row.estimated > 0,
        open=row.state == "open",
        reason=row.withheld.get("hourly_matched"),
    )


def _day_mix(day: date, rows: Sequence[MixRow]) -> DayMix:
    known = [row for row in rows if row.load_wh is not None]
    green: dict[str, float] = {}
    for row in known:
        for name, wh in row.green.items():
            green[name] = green.get(name, 0.0) + wh
    return DayMix(
        day=day,
        load_wh=sum(row.load_wh or 0.0 for row in known) if known else None,
        green=green,
        other_wh=sum(row.other_wh or 0.0 for row in known),
        unknown_wh=sum(row.unknown_wh or 0.0 for row in known),
        missing_hours=len(rows) - len(known),
    )


def _sources(site: str, rows: Sequence[LedgerRow]) -> list[HourSource]:
    grouped: dict[tuple[str, str], list[LedgerRow]] = {}
    for row in rows:
        grouped.setdefault((row.meter, row.channel), []).append(row)
    return [_source(site, meter, channel, quarters) for (meter, channel), quarters in grouped.items()]


def _source(site: str, meter: str, channel: str, quarters: Sequence[LedgerRow]) -> HourSource:
    amounts = [row.volume_l if channel == VOLUME else row.energy_wh for row in quarters]
    known = [amount for amount in amounts if amount is not None]
    total = sum(known) if len(known) == len(quarters) else None
    worst = min(quarters, key=lambda row: _QUALITIES.index(row.quality))
    return HourSource(
        site=site,
        meter=meter,
        channel=channel,
        energy_wh=None if channel == VOLUME else total,
        quality=worst.quality,
        revision=max(row.revision for row in quarters),
        reason=worst.reason or next((row.reason for row in quarters if row.reason), None),
        volume_l=total if channel == VOLUME else None,
    )
