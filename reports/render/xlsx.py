"""The report as a workbook for those who work the figures further: unrounded, with sums as formulas."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from math import fsum
from zoneinfo import ZoneInfo

import xlsxwriter

from energy.figures import ALL
from energy.interval import QUARTER
from reports.content import MonthFigures, MonthlyReport
from reports.method import method
from reports.render import records
from reports.render.columns import STYLES, FigureTable, GridTable
from reports.render.dossier import why
from reports.render.evidence_tables import tables
from reports.render.sheet import Book, Column, Sheet, Style, Value
from reports.render.words import APART, SUMS, notice, revision_words, sum_unit
from reports.renderer import RENDERERS, RendererOptions

_WORDS = {"share": "share, of 100 %", "ratio": "ratio"}
"""In the place of a unit, for what has none."""


@RENDERERS.add("xlsx", RendererOptions)
class Xlsx:
    """See :func:`render`."""

    name, rank = "xlsx", 2
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def render(self, report: MonthlyReport) -> bytes:
        return render(report)


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
    head = notice(report) if figures.state == "draft" else None
    _summary(book, report, head)
    _days(book, figures, head)
    _hours(book, figures, head)
    _quarter_hours(book, figures, head)
    records.write(book, report, head)
    for table in tables(report.evidence):
        table.write(book, head)
    _method(book, report, head)
    workbook.close()
    return target.getvalue()


def _summary(book: Book, report: MonthlyReport, head: str | None) -> None:
    figures, period = report.figures, report.figures.period
    columns = (
        Column("Summary", "text", 40),
        Column("Value", "text", 26),
        Column("Unit, or why withheld", "text", 80),
        Column("Name in CSV and JSON", "text", 22),
    )
    sheet = book.sheet("Summary", columns, notice=head)
    identity: tuple[tuple[str, Value, Style, str], ...] = (
        ("Site", figures.site.name, "text", figures.site.key),
        ("Month", period.name, "text", f"days and months begin at midnight in {figures.site.zone}"),
        ("Begin", period.start, "time", "UTC"),
        ("End", period.end, "time", "UTC"),
        ("Hours", period.hours, "count", "h"),
        ("Intervals", period.quarters, "count", "15 minutes each"),
        ("State", figures.state, "text", notice(report)),
        ("Revision", report.revision, "count", revision_words(report)),
        ("Method version", figures.method_version, "text", ""),
        ("Figures' checksum", report.checksum, "text", "SHA-256 of the canonical JSON of the figures"),
        ("Ledger", figures.total.state, "text", f"revision {figures.total.revision} of the figures"),
        ("PUE category", figures.total.pue_category or "none", "text", ""),
    )
    for line in identity:
        sheet.add_styled(*line)
    if figures.site.key == ALL:
        sheet.add_styled("Sum of the sites", "no", "text", APART)
    for figure in (*figures.headline, *figures.amounts, *figures.year):
        unit = figure.unit if figure.unit != "1" else _WORDS[figure.form]
        named = (figure.reason or unit, figure.key)
        sheet.add_styled(figure.name, figure.value, STYLES[figure.form], *named)
    for source in figures.sources:
        remark = f"Wh matched, {source.kind}, certificates {source.certificates}"
        sheet.add_styled(f"Source {source.supply}", source.matched_wh, "wh", remark)
    for figure in figures.headline:
        sheet.add_styled(f"Why: {figure.name}", why(report, figure.key), "text", "")


def _days(book: Book, figures: MonthFigures, head: str | None) -> None:
    sources = [source.supply for source in figures.sources]
    table = FigureTable.of(figures)
    columns = (
        Column("Day", "text", 22),
        Column("Hours", "count", 8),
        *table.columns(),
        *(Column(f"Matched from {name}, Wh", "wh", 19) for name in sources),
        *table.sum_columns(),
    )
    sheet = book.sheet("Days", columns, notice=head)
    for day in figures.days:
        matched = [day.mix.green.get(name) for name in sources]
        told = [*table.values(day.kpi), *matched, *table.sums(day.kpi)]
        sheet.add([day.date.isoformat(), day.hours, *told], none="withheld")
    added = [(1, float(sum(day.hours for day in figures.days)))]
    added += table.added([day.kpi for day in figures.days], 2)
    offset = 2 + len(table.columns())
    for i, name in enumerate(sources):
        added.append((offset + i, fsum(day.mix.green.get(name, 0.0) for day in figures.days)))
    sheet.add_sums("Sum", added)
    matched = [figures.mix.green.get(name) for name in sources]
    total = [*table.values(figures.total), *matched, *table.sums(figures.total)]
    sheet.add(["Month, as in Summary", figures.period.hours, *total])


def _hours(book: Book, figures: MonthFigures, head: str | None) -> None:
    table, mix = FigureTable.of(figures), GridTable.of(figures.grid)
    columns = (
        Column("Hour beginning (local)", "text", 26),
        Column("UTC", "time", 17),
        *table.columns(),
        *table.sum_columns(),
        *mix.columns(),
    )
    sheet = book.sheet("Hours", columns, notice=head)
    for hour in figures.hours:
        told = [*table.values(hour.kpi), *table.sums(hour.kpi), *mix.values(hour.kpi.start)]
        sheet.add([hour.local.isoformat(timespec="minutes"), hour.kpi.start, *told])
    sheet.add_sums("Sum", table.added([hour.kpi for hour in figures.hours], 2))


def _quarter_hours(book: Book, figures: MonthFigures, head: str | None) -> None:
    columns = [Column("Interval beginning (local)", "text", 26), Column("UTC", "time", 17)]
    for series in figures.ledger:
        name = f"{series.site}/{series.meter} {series.channel}"
        columns += [Column(f"{name}, {series.unit}", "wh", 16), Column(f"{name}, quality", "text", 11)]
    sheet = book.sheet("Quarter-hours", columns, notice=head)
    zone = ZoneInfo(figures.site.zone)
    for i in range(figures.period.quarters):
        sheet.add(_quarter(figures, figures.period.start + i * QUARTER, (i, zone)), none="")
    sums = [
        (2 + 2 * i, fsum(amount for amount in series.amounts if amount is not None))
        for i, series in enumerate(figures.ledger)
    ]
    sheet.add_sums("Sum", sums)


def _quarter(figures: MonthFigures, start: datetime, place: tuple[int, ZoneInfo]) -> list[Value]:
    index, zone = place
    values: list[Value] = [start.astimezone(zone).isoformat(timespec="minutes"), start]
    for series in figures.ledger:
        values += [series.amounts[index], series.quality[index]]
    return values


def _method(book: Book, report: MonthlyReport, head: str | None) -> None:
    columns = (Column("Method", "wrap", 30), Column(f"version {report.figures.method_version}", "wrap", 110))
    sheet: Sheet = book.sheet("Method", columns, notice=head)
    for title, words in method():
        sheet.add([title, words])
    for figure in (*report.figures.headline, *report.figures.amounts, *report.figures.year):
        unit = f"unit {figure.unit}" if figure.unit != "1" else "dimensionless"
        sheet.add([figure.key, f"{figure.name}: {unit}"])
    for name in report.figures.total.sums:
        sheet.add([name, f"{SUMS.get(name, name)}: unit {sum_unit(name)}"])
