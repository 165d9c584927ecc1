"""The sheets of records: targets, alerts, data quality, meters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from energy.targets.aim import metric_form
from reports.content import Check, CompletenessLine, MonthFigures, MonthlyReport, QualityRange, TargetLine
from reports.render.cells import Row, cells
from reports.render.evidence import told
from reports.render.sheet import Book, Column

"""The values of one row by the names of their columns' fields."""


@dataclass(frozen=True)
class Records:
    """A sheet called ``name`` with a column for each field of its rows; ``none`` is written for None."""

    name: str
    columns: Mapping[str, Column]
    none: str = ""

    def write(self, book: Book, head: str | None, rows: Iterable[Row]) -> None:
        """The whole sheet, ``head`` above it. Raises KeyError for a row that lacks a field."""
        sheet = book.sheet(self.name, tuple(self.columns.values()), notice=head)
        for row in rows:
            sheet.add([row[field] for field in self.columns], none=self.none)

    def only(self, **values: Any) -> Row:
        """A row that has nothing to say in the other columns."""
        return {**dict.fromkeys(self.columns), **values}


TARGETS = Records(
    "Targets",
    {
        "site": Column("Site", "text", 14),
        "name": Column("Target", "text", 26),
        "metric": Column("Metric", "text", 16),
        "goal": Column("Goal", "share", 12),
        "period": Column("Period", "text", 12),
        "standing": Column("Standing", "text", 12),
        "value": Column("Value", "share", 12),
        "best_possible": Column("Best possible", "share", 14),
        "reason": Column("Reason", "text", 70),
        "label": Column("Called", "text", 40),
        "goal_ratio": Column("Goal, if no share", "ratio", 16),
        "value_ratio": Column("Value, if no share", "ratio", 16),
    },
    none="unknown",
)

ALERTS = Records(
    "Alerts",
    {
        "id": Column("Id", "count", 8),
        "severity": Column("Severity", "text", 11),
        "state": Column("State", "text", 16),
        "rule": Column("Rule", "text", 18),
        "title": Column("Title", "text", 36),
        "summary": Column("Summary", "text", 60),
        "value": Column("Value", "number", 12),
        "limit": Column("Limit", "number", 12),
        "unit": Column("Unit", "text", 8),
        "start": Column("Begin, UTC", "time", 17),
        "end": Column("End, UTC", "time", 17),
        "acknowledged_by": Column("Acknowledged by", "text", 20),
        "acknowledged_at": Column("Acknowledged, UTC", "time", 17),
        "note": Column("Note", "text", 40),
        "evidence": Column("Evidence", "text", 70),
    },
)

QUALITY = Records(
    "Data quality",
    {
        "register": Column("Register", "text", 34),
        "role": Column("Role or quality", "text", 18),
        "energy_wh": Column("Energy, Wh", "wh", 17),
        "volume_l": Column("Volume, L", "wh", 14),
        "expected": Column("Expected intervals", "count", 12),
        "known": Column("Known", "count", 10),
        "estimated": Column("Estimated", "count", 10),
        "resets": Column("Resets", "count", 8),
        "longest_gap_intervals": Column("Longest gap, intervals", "count", 12),
        "completeness": Column("Completeness", "share", 13),
        "grade": Column("Grade", "text", 24),
        "start": Column("From, UTC", "time", 17),
        "end": Column("To, UTC", "time", 17),
        "reason": Column("Reason", "text", 60),
    },
)

METERS = Records(
    "Meters",
    {
        "site": Column("Site", "text", 14),
        "id": Column("Id", "text", 20),
        "kind": Column("Kind", "text", 10),
        "role": Column("Role", "text", 14),
        "category": Column("PUE category", "text", 13),
        "parent": Column("Parent", "text", 16),
        "accuracy_class": Column("Accuracy class, %", "number", 12),
        "period_s": Column("Reports every, s", "number", 12),
        "modulus": Column("Rolls over at, Wh or m3", "number", 18),
        "on_decrease": Column("On decrease", "text", 12),
        "zone": Column("Zone", "text", 8),
        "certificates": Column("Certificates", "text", 12),
    },
)


def write(book: Book, report: MonthlyReport, head: str | None) -> None:
    """All sheets of records, ``head`` above each: one row a target, alert, register, range, check, meter."""
    figures = report.figures
    TARGETS.write(book, head, (row for target in figures.targets for row in _target(target)))
    zone = ZoneInfo(figures.site.zone)
    ALERTS.write(book, head, ({**cells(a), "evidence": "\n".join(told(a, zone))} for a in report.alerts))
    QUALITY.write(book, head, _quality(figures))
    METERS.write(book, head, map(cells, figures.meters))


def _target(target: TargetLine) -> Iterator[Row]:
    """The target, then the days of a daily one."""
    yield _fitting(cells(target))
    for day in target.days:
        row = {**cells(target), "best_possible": None, **cells(day), "period": day.date.isoformat()}
        yield _fitting(row)


def _fitting(row: Row) -> Row:
    """``row`` with its figure in the columns of shares, or in those of other quotients."""
    if metric_form(row["metric"]) == "share":
        return {**row, "goal_ratio": "", "value_ratio": ""}
    quotients = {"goal_ratio": row["goal"], "value_ratio": row["value"]}
    return {**row, **quotients, "goal": "", "value": "", "best_possible": ""}


def _quality(figures: MonthFigures) -> Iterator[Row]:
    """The completeness statement of every register, every range that is not plainly measured, the checks."""
    yield from map(_statement, figures.completeness)
    yield from map(_range, figures.ranges)
    yield from map(_check, figures.checks)


def _statement(line: CompletenessLine) -> Row:
    return QUALITY.only(**cells(line), register=_register(line))


def _range(part: QualityRange) -> Row:
    return QUALITY.only(
        register=_register(part),
        role=part.quality,
        energy_wh=part.energy_wh,
        volume_l=part.volume_l,
        expected=part.intervals,
        grade="range",
        start=part.start,
        end=part.end,
        reason=part.reason,
    )


def _check(check: Check) -> Row:
    result = "balances" if check.ok else "DIFFERS"
    return QUALITY.only(register=f"check: {check.words}", role="found", energy_wh=check.found, grade=result)


def _register(line: CompletenessLine | QualityRange) -> str:
    return f"{line.site}/{line.meter} {line.channel}"
