"""The printed evidence behind the figures: alerts, intervals that were not measured, meters, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from alerts.evidence import lines
from alerts.verdict import Severity
from energy.figures import ALL
from reports.content import AlertLine, Check, MeterLine, MonthFigures, MonthlyReport, QualityRange
from reports.render.numbers import Numbers

PRINTED = 60
"""How many alerts and quality ranges are printed; the other formats have them all."""


@dataclass(frozen=True)
class SeverityCount:
    """How many alerts of a severity there were."""

    severity: str
    count: str


@dataclass(frozen=True)
class AlertRow:
    """One alert that was active in the month."""

    severity: str
    title: str
    summary: str
    start: str
    end: str
    acknowledged: str
    evidence: list[str]


@dataclass(frozen=True)
class RangeRow:
    """Neighbouring intervals of one register that are known in the same way, other than measured."""

    register: str
    quality: str
    start: str
    end: str
    intervals: str
    reason: str


@dataclass(frozen=True)
class MeterRow:
    """One meter or supply as configured."""

    id: str
    kind: str
    role: str
    category: str
    parent: str
    accuracy: str
    period: str
    claims: str


@dataclass(frozen=True)
class CheckRow:
    """A sum that must balance; both sides in Wh."""

    name: str
    expected: str
    found: str
    result: str


def alert_counts(report: MonthlyReport, numbers: Numbers) -> list[SeverityCount]:
    """One of each severity, the gravest first."""
    return [SeverityCount(s.value, numbers.count(report.alert_counts.get(s.value, 0))) for s in Severity]


def alerts(report: MonthlyReport, numbers: Numbers) -> list[AlertRow]:
    """The gravest, as many as are printed."""
    gravest = sorted(report.alerts, key=lambda a: (Severity(a.severity).number, a.start))
    return [_alert(alert, numbers) for alert in gravest[:PRINTED]]


def _alert(alert: AlertLine, numbers: Numbers) -> AlertRow:
    who = alert.acknowledged_by
    when = numbers.time(alert.acknowledged_at, none="")
    return AlertRow(
        severity=alert.severity,
        title=alert.title,
        summary=alert.summary,
        start=numbers.time(alert.start),
        end=numbers.time(alert.end, none="still active"),
        acknowledged=f"{who}\n{when}" if who else "not acknowledged",
        evidence=told(alert, numbers.tz),
    )


def told(alert: AlertLine, zone: tzinfo) -> list[str]:
    """What ``alert`` was judged by, a line a piece, with times in ``zone``."""
    return [f"{line.name}: {'; '.join(line.parts)}" for line in lines(alert.evidence, zone)]


def ranges(figures: MonthFigures, numbers: Numbers) -> list[RangeRow]:
    """The longest, as many as are printed, by register and time."""
    longest = sorted(figures.ranges, key=lambda r: (-r.intervals, r.start))[:PRINTED]
    every = figures.site.key == ALL
    ordered = sorted(longest, key=lambda r: (r.site, r.meter, r.channel, r.start))
    return [_range(part, f"{part.site}/" if every else "", numbers) for part in ordered]


def _range(part: QualityRange, of: str, numbers: Numbers) -> RangeRow:
    return RangeRow(
        register=f"{of}{part.meter} {part.channel}",
        quality=part.quality,
        start=numbers.time(part.start),
        end=numbers.time(part.end),
        intervals=numbers.count(part.intervals),
        reason=part.reason or "",
    )


def meters(figures: MonthFigures, numbers: Numbers) -> list[MeterRow]:
    """Every meter and supply."""
    every = figures.site.key == ALL
    return [
        _meter(meter, f"{meter.site}/{meter.id}" if every else meter.id, numbers) for meter in figures.meters
    ]


def _meter(meter: MeterLine, name: str, numbers: Numbers) -> MeterRow:
    accuracy = meter.accuracy_class
    return MeterRow(
        id=name,
        kind=meter.kind,
        role=meter.role.replace("_", " "),
        category=meter.category or "–",
        parent=meter.parent or "–",
        accuracy="not stated" if accuracy is None else f"{numbers.decimal(accuracy, 1)} %",
        period=f"{numbers.decimal(meter.period_s, 0)} s",
        claims=_claims(meter.zone, meter.certificates),
    )


def _claims(zone: str | None, certificates: str | None) -> str:
    parts: Sequence[str] = [p for p in (zone, f"certificates {certificates}" if certificates else None) if p]
    return ", ".join(parts) or "–"


def checks(figures: MonthFigures, numbers: Numbers) -> list[CheckRow]:
    """Every sum that was worked out again."""
    return [_check(check, numbers) for check in figures.checks]


def _check(check: Check, numbers: Numbers) -> CheckRow:
    result = "balances" if check.ok else "DIFFERS"
    return CheckRow(check.words, _wh(check.expected, numbers), _wh(check.found, numbers), result)


def _wh(value: float | None, numbers: Numbers) -> str:
    return "–" if value is None else numbers.decimal(value, 0)
