"""The report as a workbook for those who work the figures further: unrounded, with sums as formulas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from math import fsum
from zoneinfo import ZoneInfo

import xlsxwriter

from energy.figures import KpiRow
from energy.interval import QUARTER
from reports.content import MonthFigures, MonthlyReport
from reports.method import METHOD
from reports.render import records
from reports.render.csv import UNITS
from reports.render.sheet import Book, Column, Sheet, Style, Value
from reports.render.words import notice, numbers_of, revision_words

_ENERGIES = ("edc_wh", "eit_wh", "green_wh", "other_wh", "unknown_wh")
_RATIOS = ("pue", "hourly_matched", "ref", "cfe_score", "completeness", "estimated")
_STYLES: dict[str, Style] = {
    "pue": "ratio",
    "cue": "ratio",
    "wue": "ratio",
    "erf": "ratio",
    "ere": "ratio",
    **{name: "wh" for name in _ENERGIES},
    **{name: "share" for name in _RATIOS[1:]},
}
_KPI_COLUMNS = (
    Column("E_DC, Wh", "wh", 17),
    Column("E_IT, Wh", "wh", 17),
    Column("Matched (green), Wh", "wh", 17),
    Column("Other, Wh", "wh", 17),
    Column("Unknown, Wh", "wh", 17),
    Column("PUE", "ratio", 10),
    Column("Hourly matched", "share", 12),
    Column("REF", "share", 12),
    Column("CFE score", "share", 12),
    Column("Completeness", "share", 13),
    Column("Estimated", "share", 12),
    Column("State", "text", 12),
    Column("Why withheld", "text", 60),
)


def render(report: MonthlyReport) -> bytes:
    """An .xlsx whose dates in the metadata are the month's end, so that equal reports are equal files."""
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        target,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    figures = report.figures
    workbook.set_properties(
        {
            "title": f"Energy and green-power report, {figures.site.name}, {figures.period.name}",
            "author": "Amberwatt",
            "comments": f"{revision_words(report)}; SHA-256 of the figures {report.checksum}",
            "created": figures.period.end.astimezone(UTC).replace(tzinfo=None),
        }
    )
    book = Book(workbook)
    head = notice(figures, numbers_of(report)) if figures.state == "draft" else None
    _summary(book, report, head)
    _days(book, figures, head)
    _hours(book, figures, head)
    _quarter_hours(book, figures, head)
    records.write(book, report, head)
    _method(book, report, head)
    workbook.close()
    return target.getvalue()


def _summary(book: Book, report: MonthlyReport, head: str | None) -> None:
    figures, period = report.figures, report.figures.period
    columns = (
        Column("Summary", "text", 34),
        Column("Value", "text", 26),
        Column("Unit, or why withheld", "text", 80),
    )
    sheet = book.sheet("Summary", columns, notice=head)
    identity: tuple[tuple[str, Value, Style, str], ...] = (
        ("Site", figures.site.name, "text", figures.site.key),
        ("Month", period.name, "text", f"days and months begin at midnight in {figures.site.zone}"),
        ("Begin", period.start, "time", "UTC"),
        ("End", period.end, "time", "UTC"),
        ("Hours", period.hours, "count", "h"),
        ("Intervals", period.quarters, "count", "15 minutes each"),
        ("State", figures.state, "text", notice(figures, numbers_of(report))),
        ("Revision", report.revision, "count", revision_words(report)),
        ("Method version", figures.method_version, "text", ""),
        ("Figures' checksum", report.checksum, "text", "SHA-256 of the canonical JSON of the figures"),
        ("PUE category", figures.total.pue_category or "none", "text", ""),
    )
    for line in identity:
        sheet.add_styled(*line)
    for figure in figures.headline:
        sheet.add_styled(
            figure.key, figure.value, _STYLES.get(figure.key, "number"), figure.reason or figure.unit
        )
    for source in figures.sources:
        remark = f"Wh matched, {source.kind}, certificates {source.certificates}"
        sheet.add_styled(f"source {source.supply}", source.matched_wh, "wh", remark)


def _days(book: Book, figures: MonthFigures, head: str | None) -> None:
    sources = [source.supply for source in figures.sources]
    columns = (
        Column("Day", "text", 22),
        Column("Hours", "count", 8),
        *_KPI_COLUMNS,
        *(Column(f"Matched from {name}, Wh", "wh", 19) for name in sources),
    )
    sheet = book.sheet("Days", columns, notice=head)
    for day in figures.days:
        matched = [day.mix.green.get(name) for name in sources]
        sheet.add([day.date.isoformat(), day.hours, *_kpis(day.kpi), *matched], none="withheld")
    sums = [(1, float(sum(day.hours for day in figures.days)))]
    sums += _energy_sums([day.kpi for day in figures.days], 2)
    offset = 2 + len(_KPI_COLUMNS)
    for i, name in enumerate(sources):
        sums.append((offset + i, fsum(day.mix.green.get(name, 0.0) for day in figures.days)))
    sheet.add_sums("Sum", sums)
    matched = [figures.mix.green.get(name) for name in sources]
    sheet.add(["Month, as in Summary", figures.period.hours, *_kpis(figures.total), *matched])


def _hours(book: Book, figures: MonthFigures, head: str | None) -> None:
    columns = (Column("Hour beginning (local)", "text", 26), Column("UTC", "time", 17), *_KPI_COLUMNS)
    sheet = book.sheet("Hours", columns, notice=head)
    for hour in figures.hours:
        sheet.add([hour.local.isoformat(timespec="minutes"), hour.kpi.start, *_kpis(hour.kpi)])
    sheet.add_sums("Sum", _energy_sums([hour.kpi for hour in figures.hours], 2))


def _kpis(row: KpiRow) -> list[Value]:
    values: list[Value] = [getattr(row, name) for name in (*_ENERGIES, *_RATIOS)]
    shown = (*_ENERGIES, *_RATIOS)
    reasons = {row.withheld[name] for name in shown if getattr(row, name) is None and name in row.withheld}
    return [*values, row.state, "; ".join(sorted(reasons))]


def _energy_sums(rows: Sequence[KpiRow], first: int) -> list[tuple[int, float]]:
    return [
        (first + i, fsum(getattr(row, name) for row in rows if getattr(row, name) is not None))
        for i, name in enumerate(_ENERGIES)
    ]


def _quarter_hours(book: Book, figures: MonthFigures, head: str | None) -> None:
    columns = [Column("Interval beginning (local)", "text", 26), Column("UTC", "time", 17)]
    for series in figures.ledger:
        name = f"{series.site}/{series.meter} {series.channel}"
        columns += [Column(f"{name}, Wh", "wh", 16), Column(f"{name}, quality", "text", 11)]
    sheet = book.sheet("Quarter-hours", columns, notice=head)
    zone = ZoneInfo(figures.site.zone)
    for i in range(figures.period.quarters):
        sheet.add(_quarter(figures, figures.period.start + i * QUARTER, (i, zone)), none="")
    sums = [
        (2 + 2 * i, fsum(energy for energy in series.energy_wh if energy is not None))
        for i, series in enumerate(figures.ledger)
    ]
    sheet.add_sums("Sum", sums)


def _quarter(figures: MonthFigures, start: datetime, place: tuple[int, ZoneInfo]) -> list[Value]:
    index, zone = place
    values: list[Value] = [start.astimezone(zone).isoformat(timespec="minutes"), start]
    for series in figures.ledger:
        values += [series.energy_wh[index], series.quality[index]]
    return values


def _method(book: Book, report: MonthlyReport, head: str | None) -> None:
    columns = (Column("Method", "wrap", 30), Column(f"version {report.figures.method_version}", "wrap", 110))
    sheet: Sheet = book.sheet("Method", columns, notice=head)
    for title, words in METHOD:
        sheet.add([title, words])
    for name, unit in UNITS.items():
        sheet.add([name, f"unit {unit}" if unit != "1" else "dimensionless"])
