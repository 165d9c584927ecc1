"""The words, numbers and rows of the printed report; the template only places them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alerts.verdict import Severity
from reports.content import (
    AlertLine,
    Figure,
    MeterLine,
    MonthFigures,
    MonthlyReport,
    QualityRange,
    SiteLine,
    TargetLine,
)
from reports.method import METHOD
from reports.render import charts, energies
from reports.render.numbers import WITHHELD, Numbers

SHARES = (
    (
        "hourly_matched",
        "Hourly matched",
        "of consumption met in the same hour by contracted renewable supply",
    ),
    ("ref", "Renewable energy factor", "renewable energy over consumption, for the whole month"),
    ("cfe_score", "CFE score", "hourly carbon-free energy, the grid's mix included"),
)
METRICS = {key: name for key, name, _ in SHARES}
STANDINGS = {"met": "met", "missed": "missed", "at_risk": "at risk", "unknown": "unknown"}
SECONDARY = (
    ("cue", "Carbon usage effectiveness (CUE)", "kg CO₂e/kWh"),
    ("wue", "Water usage effectiveness (WUE)", "m³/MWh"),
    ("erf", "Energy reuse factor (ERF)", ""),
    ("ere", "Energy reuse effectiveness (ERE)", ""),
)

PRINTED = 60
"""How many alerts and quality ranges are printed; the other formats have them all."""

Row = list[str]


def numbers_of(report: MonthlyReport) -> Numbers:
    """How this report writes its numbers."""
    figures = report.figures
    return Numbers(report.locale, ZoneInfo(figures.site.zone), figures.total.edc_wh)


def view(report: MonthlyReport) -> dict[str, Any]:
    """Everything that the template shows, as text, rows of text and SVG."""
    figures, numbers = report.figures, numbers_of(report)
    values = {figure.key: figure for figure in figures.headline}
    return {
        "site": figures.site.name,
        "month": numbers.month(figures.days[0].date),
        "state": figures.state,
        "draft": figures.state == "draft",
        "notice": notice(figures, numbers),
        "revision": revision_words(report),
        "checksum": report.checksum,
        "summary": summary(figures, values, numbers),
        "shares": [_share_tile(values[key], name, words, numbers) for key, name, words in SHARES],
        "tiles": _tiles(figures, values, numbers),
        "evidence": _evidence(report, numbers),
        "secondary": [_secondary(values[key], name, unit, numbers) for key, name, unit in SECONDARY],
        "heat": charts.heat_map(figures, numbers),
        "energy": charts.energy_by_day(figures, numbers),
        "pue": charts.pue_by_day(figures, numbers),
        "worst": energies.worst_hours(figures, numbers),
        "sources": energies.sources(figures, numbers),
        "days": energies.days(figures, numbers),
        "targets": [_target(target, numbers) for target in figures.targets],
        **_records(report, numbers),
        "method": [list(paragraph) for paragraph in METHOD],
        "method_left": _half(METHOD),
        "method_version": figures.method_version,
    }


def _half(method: Sequence[tuple[str, str]]) -> int:
    """How many paragraphs fill the left of two columns."""
    lengths = [len(words) + 90 for _, words in method]
    return min(range(len(lengths) + 1), key=lambda n: abs(sum(lengths[:n]) - sum(lengths[n:])))


def revision_words(report: MonthlyReport) -> str:
    """``revision 2``; what the archive has not issued has none."""
    return f"revision {report.revision}" if report.revision else "not issued"


def notice(figures: MonthFigures, numbers: Numbers) -> str:
    """What the state of the report means for the reader."""
    if figures.state == "draft":
        until = numbers.time(figures.settled_until, none="no time yet")
        return (
            f"Draft. The month is settled until {until}; every figure covers that part only and will change."
        )
    if figures.state == "provisional":
        return "Provisional. All intervals are settled; certificates are not yet cancelled."
    return "Final. All intervals are settled and the certificates are cancelled."


def summary(figures: MonthFigures, values: dict[str, Figure], numbers: Numbers) -> str:
    """The month in a sentence or two; names what is withheld instead of passing over it."""
    edc, green = values["edc_wh"], values["green_wh"]
    if edc.value is None or green.value is None:
        return f"Consumption of {figures.site.name} is {WITHHELD}: {edc.reason or green.reason}."
    met = f"Contracted renewable supply met {numbers.energy(green.value)} of it in the same hour"
    matched = values["hourly_matched"]
    share = f"{met}; the share is {WITHHELD}: {matched.reason}."
    if matched.value is not None:
        share = f"{met}: {numbers.share(matched.value)}."
    name, length = figures.site.name, _length(figures, numbers)
    if figures.total.completeness < 1:
        known = f"{numbers.share(figures.total.completeness)} of its meters' intervals are known"
        return f"{name} is known to have used {numbers.energy(edc.value)} in {length}; {known}. {share}"
    return f"{name} used {numbers.energy(edc.value)} in {length}. {share}"


def _length(figures: MonthFigures, numbers: Numbers) -> str:
    period = figures.period
    if figures.state != "draft":
        return f"{numbers.count(period.hours)} hours"
    settled = figures.settled_until or period.start
    hours = max(settled - period.start, timedelta(0)) / timedelta(hours=1)
    return f"the first {numbers.decimal(hours, 2)} of {numbers.count(period.hours)} hours"


def _share_tile(figure: Figure, name: str, words: str, numbers: Numbers) -> dict[str, str]:
    return {
        "name": name,
        "value": numbers.share(figure.value),
        "words": words,
        "reason": figure.reason or "",
    }


def _tiles(figures: MonthFigures, values: dict[str, Figure], numbers: Numbers) -> list[dict[str, str]]:
    category = figures.total.pue_category
    pue = "PUE" + (f" ({category.upper()})" if category else "")
    limit = figures.site.pue_limit
    over = f"interim, limit {numbers.ratio(limit)}" if limit is not None else "interim"
    return [
        _tile(pue, numbers.ratio(values["pue"].value), over, values["pue"].reason),
        _tile("Consumption", numbers.energy(values["edc_wh"].value), "E_DC", values["edc_wh"].reason),
        _tile("IT equipment", numbers.energy(values["eit_wh"].value), "E_IT", values["eit_wh"].reason),
        _tile(
            "Completeness",
            numbers.share(values["completeness"].value),
            f"estimated {numbers.share(values['estimated'].value)}",
            values["completeness"].reason,
        ),
    ]


def _tile(name: str, value: str, words: str, reason: str | None) -> dict[str, str]:
    return {"name": name, "value": value, "words": words, "reason": reason or ""}


def _secondary(figure: Figure, name: str, unit: str, numbers: Numbers) -> Row:
    if figure.value is None:
        return [name, WITHHELD, figure.reason or ""]
    return [name, f"{numbers.decimal(figure.value, 3)} {unit}".strip(), ""]


def _evidence(report: MonthlyReport, numbers: Numbers) -> list[Row]:
    figures = report.figures
    period = figures.period
    return [
        ["Period", f"{numbers.time(period.start)} to {numbers.time(period.end)} ({figures.site.zone})"],
        ["Period in UTC", f"{period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M}"],
        [
            "Length",
            f"{numbers.count(period.days)} days, {numbers.count(period.hours)} hours, "
            f"{numbers.count(period.quarters)} intervals of 15 minutes",
        ],
        ["Site and bidding zone", _place(figures.site)],
        ["State", f"{figures.state}; {revision_words(report)}"],
        ["Settled until", numbers.time(figures.settled_until, none="nothing is settled yet")],
        ["Method", f"version {figures.method_version}"],
        ["Figures' checksum", f"SHA-256 {report.checksum}"],
    ]


def _place(site: SiteLine) -> str:
    return f"{site.name} ({site.key}), {site.grid}"


def _target(target: TargetLine, numbers: Numbers) -> dict[str, Any]:
    return {
        "name": target.name,
        "metric": METRICS.get(target.metric, target.metric),
        "goal": f"at least {numbers.share(target.goal)} each {target.period}",
        "standing": STANDINGS.get(target.standing, target.standing),
        "value": _reached(target, numbers),
        "reason": target.reason,
        "short": [
            [
                day.date.isoformat(),
                STANDINGS.get(day.standing, day.standing),
                numbers.share(day.value),
                day.reason,
            ]
            for day in target.days
            if day.standing != "met"
        ],
    }


def _reached(target: TargetLine, numbers: Numbers) -> str:
    value = numbers.share(target.value, none="unknown")
    return f"lowest day {value}" if target.period == "day" else value


def _records(report: MonthlyReport, numbers: Numbers) -> dict[str, Any]:
    figures = report.figures
    longest = sorted(figures.ranges, key=lambda r: (-r.intervals, r.start))[:PRINTED]
    gravest = sorted(report.alerts, key=lambda a: (Severity(a.severity).number, a.start))[:PRINTED]
    return {
        "alert_counts": [[s.value, numbers.count(report.alert_counts.get(s.value, 0))] for s in Severity],
        "alerts": [_alert(alert, numbers) for alert in gravest],
        "alerts_left": len(report.alerts) - len(gravest),
        "completeness": energies.registers(figures, numbers),
        "ranges": [
            _range(part, numbers) for part in sorted(longest, key=lambda r: (r.meter, r.channel, r.start))
        ],
        "ranges_left": len(figures.ranges) - len(longest),
        "meters": [_meter(meter, numbers) for meter in figures.meters],
        "checks": [
            [c.name, _wh(c.expected, numbers), _wh(c.found, numbers), "balances" if c.ok else "DIFFERS"]
            for c in figures.checks
        ],
    }


def _alert(alert: AlertLine, numbers: Numbers) -> Row:
    who = alert.acknowledged_by
    when = numbers.time(alert.acknowledged_at, none="")
    return [
        alert.severity,
        alert.title,
        alert.summary,
        numbers.time(alert.start),
        numbers.time(alert.end, none="still active"),
        f"{who}\n{when}" if who else "not acknowledged",
    ]


def _range(part: QualityRange, numbers: Numbers) -> Row:
    return [
        f"{part.meter} {part.channel}",
        part.quality,
        numbers.time(part.start),
        numbers.time(part.end),
        numbers.count(part.intervals),
        part.reason or "",
    ]


def _meter(meter: MeterLine, numbers: Numbers) -> Row:
    accuracy = meter.accuracy_class
    return [
        meter.id,
        meter.kind,
        meter.role.replace("_", " "),
        meter.category or "–",
        meter.parent or "–",
        "not stated" if accuracy is None else f"{numbers.decimal(accuracy, 1)} %",
        f"{numbers.decimal(meter.period_s, 0)} s",
        _claims(meter.zone, meter.certificates),
    ]


def _claims(zone: str | None, certificates: str | None) -> str:
    parts: Sequence[str] = [p for p in (zone, f"certificates {certificates}" if certificates else None) if p]
    return ", ".join(parts) or "–"


def _wh(value: float | None, numbers: Numbers) -> str:
    return "–" if value is None else numbers.decimal(value, 0)
