"""The sheets of records: targets, alerts, data quality, meters."""

from __future__ import annotations

from reports.content import MonthFigures, MonthlyReport
from reports.render.sheet import Book, Column, Value


def targets(book: Book, figures: MonthFigures, head: str | None) -> None:
    """One row a target, and one a day for daily targets."""
    columns = (
        Column("Target", "text", 26),
        Column("Metric", "text", 16),
        Column("Goal", "share", 12),
        Column("Period", "text", 12),
        Column("Standing", "text", 12),
        Column("Value", "share", 12),
        Column("Best possible", "share", 14),
        Column("Reason", "text", 70),
    )
    sheet = book.sheet("Targets", columns, notice=head)
    for t in figures.targets:
        values: list[Value] = [
            t.name,
            t.metric,
            t.goal,
            t.period,
            t.standing,
            t.value,
            t.best_possible,
            t.reason,
        ]
        sheet.add(values, none="unknown")
        for day in t.days:
            name = day.date.isoformat()
            row: list[Value] = [t.name, t.metric, t.goal, name, day.standing, day.value, None, day.reason]
            sheet.add(row, none="unknown")


def alerts(book: Book, report: MonthlyReport, head: str | None) -> None:
    """One row an alert that was active in the month."""
    columns = (
        Column("Id", "count", 8),
        Column("Severity", "text", 11),
        Column("State", "text", 16),
        Column("Rule", "text", 18),
        Column("Title", "text", 36),
        Column("Summary", "text", 60),
        Column("Value", "number", 12),
        Column("Limit", "number", 12),
        Column("Unit", "text", 8),
        Column("Begin, UTC", "time", 17),
        Column("End, UTC", "time", 17),
        Column("Acknowledged by", "text", 20),
        Column("Acknowledged, UTC", "time", 17),
        Column("Note", "text", 40),
    )
    sheet = book.sheet("Alerts", columns, notice=head)
    for a in report.alerts:
        what: list[Value] = [a.id, a.severity, a.state, a.rule, a.title, a.summary, a.value, a.limit, a.unit]
        sheet.add([*what, a.start, a.end, a.acknowledged_by, a.acknowledged_at, a.note], none="")


def data_quality(book: Book, figures: MonthFigures, head: str | None) -> None:
    """The completeness statement of every register, then every range that is not plainly measured."""
    columns = (
        Column("Register", "text", 34),
        Column("Role or quality", "text", 18),
        Column("Energy, Wh", "wh", 17),
        Column("Expected intervals", "count", 12),
        Column("Known", "count", 10),
        Column("Estimated", "count", 10),
        Column("Resets", "count", 8),
        Column("Longest gap, intervals", "count", 12),
        Column("Completeness", "share", 13),
        Column("Grade", "text", 24),
        Column("From, UTC", "time", 17),
        Column("To, UTC", "time", 17),
        Column("Reason", "text", 60),
    )
    sheet = book.sheet("Data quality", columns, notice=head)
    for c in figures.completeness:
        counted = [c.expected, c.known, c.estimated, c.resets, c.longest_gap_intervals, c.completeness]
        name = f"{c.site}/{c.meter} {c.channel}"
        sheet.add([name, c.role, c.energy_wh, *counted, c.grade, None, None, None], none="")
    for r in figures.ranges:
        name = f"{r.site}/{r.meter} {r.channel}"
        blank = [None, None, None, None, None, "range"]
        sheet.add([name, r.quality, r.energy_wh, r.intervals, *blank, r.start, r.end, r.reason], none="")
    for check in figures.checks:
        result = "balances" if check.ok else "DIFFERS"
        blank = [None, None, None, None, None, None]
        values = [f"check: {check.name}", "found", check.found, *blank, result, None, None, None]
        sheet.add(values, none="")


def meters(book: Book, figures: MonthFigures, head: str | None) -> None:
    """One row a meter or supply as configured."""
    columns = (
        Column("Site", "text", 14),
        Column("Id", "text", 20),
        Column("Kind", "text", 10),
        Column("Role", "text", 14),
        Column("PUE category", "text", 13),
        Column("Parent", "text", 16),
        Column("Accuracy class, %", "number", 12),
        Column("Reports every, s", "number", 12),
        Column("Rolls over at, Wh or m3", "number", 18),
        Column("On decrease", "text", 12),
        Column("Zone", "text", 8),
        Column("Certificates", "text", 12),
    )
    sheet = book.sheet("Meters", columns, notice=head)
    for m in figures.meters:
        what = [m.site, m.id, m.kind, m.role, m.category, m.parent, m.accuracy_class, m.period_s]
        sheet.add([*what, m.modulus, m.on_decrease, m.zone, m.certificates], none="")
