"""The words, numbers and rows of the printed report; the template only places them."""

from __future__ import annotations

from dataclasses import dataclass

from energy.figures import ALL
from energy.targets.aim import Direction, aim_of, metric_form, metric_label
from energy.targets.target import Standing
from reports.content import Figure, MonthFigures, MonthlyReport, SiteLine, TargetDay, TargetLine
from reports.evidence import BudgetLine
from reports.method import method
from reports.render import charts, dossier, energies, evidence
from reports.render.dossier import Block, Chapter, written
from reports.render.energies import DayRow, HourRow, RegisterRow, SourceRow, Table
from reports.render.evidence import AlertRow, CheckRow, MeterRow, RangeRow, SeverityCount
from reports.render.numbers import Numbers
from reports.render.words import (
    APART,
    ROUNDING,
    SHARES,
    judged_words,
    notice,
    numbers_of,
    revision_words,
    summary,
    target_name,
)

METRICS = {key: name for key, name, _ in SHARES}
STANDINGS = {standing.value: standing.words for standing in Standing}
COVER = (*METRICS, "pue", "completeness", "estimated")
"""The figures of the cover, and those that stand with them; all others are the other indicators."""


@dataclass(frozen=True)
class Fact:
    """One line about the report itself."""

    name: str
    value: str


@dataclass(frozen=True)
class Tile:
    """One figure of the cover, with ``words`` about it; ``reason`` is empty unless it is withheld.

    ``bounds`` tells between what it lies where not all is known.
    """

    name: str
    value: str
    words: str
    reason: str
    bounds: str = ""


@dataclass(frozen=True)
class Indicator:
    """One of the other indicators; ``reason`` is empty unless it is withheld."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True)
class ShortDay:
    """A day on which a daily target was not met."""

    day: str
    standing: str
    value: str
    reason: str


@dataclass(frozen=True)
class TargetBlock:
    """One target over the month, with its ``budget``; ``short`` are the days of a daily one not met."""

    name: str
    metric: str
    goal: str
    standing: str
    value: str
    reason: str
    budget: str
    short: list[ShortDay]


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of the method."""

    title: str
    words: str


@dataclass(frozen=True)
class View:
    """Everything that the template shows, as text, rows of text and SVG, in the order of the pages.

    ``alerts_left`` and ``ranges_left`` count what is not printed.
    """

    site: str
    month: str
    state: str
    draft: bool
    revision: str
    checksum: str
    summary: str
    apart: str
    shares: list[Tile]
    tiles: list[Tile]
    facts: list[Fact]
    notice: str
    clock: str
    heat: str
    worst: Table[HourRow]
    energy: str
    ladder: Block
    sources: Table[SourceRow]
    pue: str
    days: Table[DayRow]
    secondary: list[Indicator]
    targets: list[TargetBlock]
    no_target: str
    rounding: str
    alert_counts: list[SeverityCount]
    alerts: list[AlertRow]
    alerts_left: int
    judged: str
    completeness: Table[RegisterRow]
    ranges: list[RangeRow]
    ranges_left: int
    checks: list[CheckRow]
    meters: list[MeterRow]
    chapters: list[Chapter]
    method: list[Paragraph]
    method_version: str


def view(report: MonthlyReport) -> View:
    """The report as it is printed."""
    figures, numbers = report.figures, numbers_of(report)
    values = {figure.key: figure for figure in figures.headline}
    alerts, ranges = evidence.alerts(report, numbers), evidence.ranges(figures, numbers)
    return View(
        site=figures.site.name,
        month=numbers.month(figures.days[0].date),
        state=figures.state,
        draft=figures.state == "draft",
        revision=revision_words(report),
        checksum=report.checksum,
        summary=summary(figures, values, numbers),
        apart=APART if figures.site.key == ALL else "",
        shares=[_share_tile(values, key, (name, words), numbers) for key, name, words in SHARES],
        tiles=_tiles(figures, values, numbers),
        facts=_facts(report, numbers),
        notice=notice(report),
        clock=_clock(figures.site),
        heat=charts.heat_map(figures, numbers),
        worst=energies.worst_hours(figures, numbers),
        energy=charts.energy_by_day(figures, numbers),
        ladder=dossier.ladder(report, numbers),
        sources=energies.sources(figures, numbers),
        pue=charts.pue_by_day(figures, numbers),
        days=energies.days(figures, numbers),
        secondary=_secondary(figures, numbers),
        targets=[_target(target, report, numbers) for target in figures.targets],
        rounding=ROUNDING,
        no_target=f"No target is configured for {'any' if figures.site.key == ALL else 'this'} site.",
        alert_counts=evidence.alert_counts(report, numbers),
        alerts=alerts,
        judged=judged_words(report),
        alerts_left=len(report.alerts) - len(alerts),
        completeness=energies.registers(figures, numbers),
        ranges=ranges,
        ranges_left=len(figures.ranges) - len(ranges),
        checks=evidence.checks(figures, numbers),
        meters=evidence.meters(figures, numbers),
        chapters=dossier.chapters(report, numbers),
        method=[Paragraph(title, words) for title, words in method()],
        method_version=figures.method_version,
    )


def _share_tile(values: dict[str, Figure], key: str, said: tuple[str, str], numbers: Numbers) -> Tile:
    figure, upper = values[key], values.get(f"{key}_upper")
    bounds = ""
    if figure.value is not None and upper is not None and upper.value is not None:
        bounds = f"at least {numbers.share(figure.value)}, at most {numbers.share(upper.value)}"
    return Tile(said[0], numbers.share(figure.value), said[1], figure.reason or "", bounds)


def _tiles(figures: MonthFigures, values: dict[str, Figure], numbers: Numbers) -> list[Tile]:
    category = figures.total.pue_category
    name = "PUE" + (f" ({category.upper()})" if category else "")
    limit = figures.site.pue_limit
    over = f"interim, limit {numbers.ratio(limit)}" if limit is not None else "interim"
    estimated = f"estimated {numbers.share(values['estimated'].value)}"
    pue, edc, eit, complete = (values[key] for key in ("pue", "edc_wh", "eit_wh", "completeness"))
    return [
        Tile(name, numbers.ratio(pue.value), over, pue.reason or ""),
        Tile("Consumption", numbers.energy(edc.value), "E_DC", edc.reason or ""),
        Tile("IT equipment", numbers.energy(eit.value), "E_IT", eit.reason or ""),
        Tile("Completeness", numbers.share(complete.value), estimated, complete.reason or ""),
    ]


def _clock(site: SiteLine) -> str:
    return "Hours of UTC" if site.key == ALL else f"Hours in the site's time zone, {site.zone}"


def _secondary(figures: MonthFigures, numbers: Numbers) -> list[Indicator]:
    others = [f for f in figures.headline if f.form != "energy" and f.key not in COVER]
    return [
        Indicator(figure.name, written(figure, numbers), figure.reason or "")
        for figure in (*others, *figures.amounts, *figures.year)
    ]


def _facts(report: MonthlyReport, numbers: Numbers) -> list[Fact]:
    figures, period = report.figures, report.figures.period
    length = (
        f"{numbers.count(period.days)} days, {numbers.count(period.hours)} hours, "
        f"{numbers.count(period.quarters)} intervals of 15 minutes"
    )
    local = f"{numbers.time(period.start)} to {numbers.time(period.end)} ({figures.site.zone})"
    return [
        Fact("Period", local),
        Fact("Period in UTC", f"{period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M}"),
        Fact("Length", length),
        Fact("Site and bidding zone", _place(figures.site)),
        Fact("State", f"{figures.state}; {revision_words(report)}"),
        Fact("Ledger", f"{figures.total.state}; revision {figures.total.revision} of the figures"),
        Fact("Proof", "\n".join(dossier.signing(report, numbers))),
        Fact("Settled until", numbers.time(figures.settled_until, none="nothing is settled yet")),
        Fact("Method", f"version {figures.method_version}"),
        Fact("Figures' checksum", f"SHA-256 {report.checksum}"),
    ]


def _place(site: SiteLine) -> str:
    return f"{site.name} ({site.key}), {site.grid}"


def _target(target: TargetLine, report: MonthlyReport, numbers: Numbers) -> TargetBlock:
    budgets = [b for b in report.evidence.budgets if (b.site, b.name) == (target.site, target.name)]
    return TargetBlock(
        name=target.label or target_name(target, report.figures.site.key),
        metric=METRICS.get(target.metric) or metric_label(target.metric),
        goal=f"{_side(target)} {_figure(target, target.goal, numbers)} each {target.period}",
        standing=STANDINGS.get(target.standing, target.standing),
        value=_reached(target, numbers),
        reason=target.reason,
        budget="; ".join(_budget(one, numbers) for one in budgets if target.value is not None),
        short=[_short(target, day, numbers) for day in target.days if day.standing != "met"],
    )


def _budget(one: BudgetLine, numbers: Numbers) -> str:
    def amount(value: float) -> str:
        return numbers.energy(value) if one.unit == "Wh" else f"{numbers.decimal(value, 1)} {one.unit}"

    lost = f"; used up {numbers.time(one.lost_at)}" if one.lost_at is not None else ""
    return (
        f"Budget: {amount(one.allowed)} may fall short; used {amount(one.used)}, not known "
        f"{amount(one.doubt)}, left {amount(one.left)}{lost}"
    )


def _short(target: TargetLine, day: TargetDay, numbers: Numbers) -> ShortDay:
    standing = STANDINGS.get(day.standing, day.standing)
    return ShortDay(day.date.isoformat(), standing, _figure(target, day.value, numbers), day.reason)


def _reached(target: TargetLine, numbers: Numbers) -> str:
    value = "unknown" if target.value is None else _figure(target, target.value, numbers)
    worst = "lowest" if _side(target) == "at least" else "highest"
    return f"{worst} day {value}" if target.period == "day" else value


def _figure(target: TargetLine, value: float | None, numbers: Numbers) -> str:
    return numbers.share(value) if metric_form(target.metric) == "share" else numbers.ratio(value)


def _side(target: TargetLine) -> str:
    aim = aim_of(target.metric)
    return "at most" if aim is not None and aim.direction is Direction.AT_MOST else "at least"
