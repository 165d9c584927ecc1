"""The report as one tidy table: a figure a line, for any spreadsheet or script to filter and pivot."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.verdict import Severity
from energy.configuration.device import VOLUME
from energy.figures import KpiRow
from energy.interval import QUARTER
from reports.content import Figure, LedgerSeries, MonthFigures, MonthlyReport
from reports.render.dossier import why
from reports.render.evidence import told
from reports.render.evidence_tables import tables
from reports.render.words import GRID_UNITS, judged_words, sum_unit, target_name
from reports.renderer import RENDERERS, RendererOptions

COLUMNS = ("section", "start", "end", "local_start", "subject", "figure", "value", "unit", "state", "reason")

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | float | int | None
Line = dict[str, Cell]


@RENDERERS.add("csv", RendererOptions)
class Csv:
    """See :func:`render`."""

    name, rank = "csv", 3
    content_type = "text/csv; charset=utf-8"

    def render(self, report: MonthlyReport) -> bytes:
        return render(report)


def render(report: MonthlyReport) -> bytes:
    """UTF-8 with a byte-order mark (spreadsheets need it), CRLF, unrounded numbers, empty where unknown."""
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for line in _lines(report):
        writer.writerow({name: cell(value) for name, value in line.items()})
    return b"\xef\xbb\xbf" + target.getvalue().encode()


def cell(value: Cell) -> str:
    """``value`` as a field: text that a spreadsheet would run as a formula gets an apostrophe before it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA_STARTS) else value
    return repr(value)


def _lines(report: MonthlyReport) -> Iterator[Line]:
    figures = report.figures
    zone = ZoneInfo(figures.site.zone)
    yield from _identity(report)
    yield from _kpis("month", figures.total, figures.headline, zone)
    yield from _amounts(figures, zone)
    for day in figures.days:
        yield from _kpis("day", day.kpi, figures.headline, zone)
    for hour in figures.hours:
        yield from _kpis("hour", hour.kpi, figures.headline, zone)
    yield from _grid(figures, zone)
    yield from _sources(figures, zone)
    yield from _targets(figures, zone)
    yield from _alerts(report, zone)
    yield from _quality(figures, zone)
    yield from _evidence(report, zone)
    for series in figures.ledger:
        yield from _ledger(series, zone)


def _identity(report: MonthlyReport) -> Iterator[Line]:
    figures = report.figures
    named: dict[str, Cell] = {
        "schema": report.schema,
        "site": figures.site.key,
        "site_name": figures.site.name,
        "month": figures.period.name,
        "zone": figures.site.zone,
        "grid": figures.site.grid,
        "state": figures.state,
        "revision": report.revision,
        "method_version": figures.method_version,
        "pue_category": figures.total.pue_category,
        "hours": figures.period.hours,
        "quarters": figures.period.quarters,
        "checksum": report.checksum,
    }
    for name, value in named.items():
        yield {"section": "report", "figure": name, "value": value}


def _kpis(section: str, row: KpiRow, headline: Sequence[Figure], zone: ZoneInfo) -> Iterator[Line]:
    span = _span(section, row.start, row.end, zone)
    for figure in headline:
        value, name = row.value(figure.key), figure.key
        reason = row.withheld.get(name) if value is None else None
        told: Line = {"figure": name, "value": value, "unit": figure.unit, "state": row.state}
        yield {**span, **told, "reason": reason}
    for name, value in row.sums.items():
        yield {**span, "figure": name, "value": value, "unit": sum_unit(name), "state": row.state}


def _amounts(figures: MonthFigures, zone: ZoneInfo) -> Iterator[Line]:
    span = _span("month", figures.period.start, figures.period.end, zone)
    for one in (*figures.amounts, *figures.year):
        if one.key not in figures.total.sums:  # told among the sums already, by the same name
            yield {**span, "figure": one.key, "value": one.value, "unit": one.unit, "reason": one.reason}


def _grid(figures: MonthFigures, zone: ZoneInfo) -> Iterator[Line]:
    for hour in figures.grid:
        span = _span("grid_hour", hour.start, hour.start + timedelta(hours=1), zone)
        for name, unit in GRID_UNITS.items():
            yield {**span, "subject": hour.zone, "figure": name, "value": getattr(hour, name), "unit": unit}


def _sources(figures: MonthFigures, zone: ZoneInfo) -> Iterator[Line]:
    month = _span("source", figures.period.start, figures.period.end, zone)
    for source in figures.sources:
        yield {
            **month,
            "subject": source.supply,
            "figure": "available_wh",
            "value": source.available_wh,
            "unit": "Wh",
        }
        yield {
            **month,
            "subject": source.supply,
            "figure": "matched_wh",
            "value": source.matched_wh,
            "unit": "Wh",
        }
    for day in figures.days:
        span = _span("source_day", day.mix.start, day.mix.end, zone)
        for name in sorted(day.mix.green):
            yield {
                **span,
                "subject": name,
                "figure": "matched_wh",
                "value": day.mix.green[name],
                "unit": "Wh",
            }


def _targets(figures: MonthFigures, zone: ZoneInfo) -> Iterator[Line]:
    for target in figures.targets:
        yield {
            **_span("target", figures.period.start, figures.period.end, zone),
            "subject": target_name(target, figures.site.key),
            "figure": target.metric,
            "value": target.value,
            "unit": "1",
            "state": target.standing,
            "reason": target.reason,
        }


def _alerts(report: MonthlyReport, zone: ZoneInfo) -> Iterator[Line]:
    if report.alerts_until is not None:
        until = report.alerts_until.isoformat()
        yield {"section": "alerts_until", "value": until, "reason": judged_words(report)}
    for severity in Severity:
        count = report.alert_counts.get(severity.value, 0)
        yield {
            "section": "alert_count",
            "subject": severity.value,
            "figure": "count",
            "value": count,
            "unit": "1",
        }
    for alert in report.alerts:
        yield {
            **_span("alert", alert.start, alert.end, zone),
            "subject": alert.title,
            "figure": alert.rule,
            "value": alert.value,
            "unit": alert.unit,
            "state": f"{alert.severity}, {alert.state}",
            "reason": alert.summary,
        }
        for line in told(alert, zone):
            yield {
                **_span("alert_evidence", alert.start, alert.end, zone),
                "subject": alert.title,
                "figure": alert.rule,
                "reason": line,
            }


def _quality(figures: MonthFigures, zone: ZoneInfo) -> Iterator[Line]:
    month = _span("quality", figures.period.start, figures.period.end, zone)
    counted = (
        "energy_wh",
        "volume_l",
        "expected",
        "known",
        "estimated",
        "resets",
        "longest_gap_intervals",
        "completeness",
    )
    for line in figures.completeness:
        values = asdict(line)
        without = "volume_l" if line.channel != VOLUME else "energy_wh"
        for name in counted:
            if name == without:
                continue
            unit = {"energy_wh": "Wh", "volume_l": "L"}.get(name, "1")
            yield {
                **month,
                "subject": f"{line.site}/{line.meter}/{line.channel}",
                "figure": name,
                "value": values[name],
                "unit": unit,
                "state": line.grade,
            }
    for part in figures.ranges:
        yield {
            **_span("quality_range", part.start, part.end, zone),
            "subject": f"{part.site}/{part.meter}/{part.channel}",
            "figure": "intervals",
            "value": part.intervals,
            "unit": "1",
            "state": part.quality,
            "reason": part.reason,
        }


def _evidence(report: MonthlyReport, zone: ZoneInfo) -> Iterator[Line]:
    period = report.figures.period
    for figure in report.figures.headline:
        yield {"section": "why", "subject": figure.key, "figure": "why", "reason": why(report, figure.key)}
    for table in tables(report.evidence):
        for row in table.rows:
            start, end = row.get("start") or row.get("at") or period.start, row.get("end")
            told: Line = {
                **_span(table.section, start, end, zone),
                "subject": "/".join(str(row[name]) for name in table.subject if row[name]),
                "state": row[table.state] if table.state else None,
                "reason": row[table.reason] if table.reason else None,
            }
            for name, unit in table.values.items():
                yield {**told, "figure": name, "value": row[name], "unit": unit or row["unit"]}
            if not table.values:
                yield told


def _ledger(series: LedgerSeries, zone: ZoneInfo) -> Iterator[Line]:
    subject = f"{series.site}/{series.meter}/{series.channel}"
    name = "energy_wh" if series.unit == "Wh" else "volume_l"
    for i, (amount, quality) in enumerate(zip(series.amounts, series.quality, strict=True)):
        start = series.start + i * QUARTER
        yield {
            **_span("ledger", start, start + QUARTER, zone),
            "subject": subject,
            "figure": name,
            "value": amount,
            "unit": series.unit,
            "state": quality,
        }


def _span(section: str, start: datetime, end: datetime | None, zone: ZoneInfo) -> Line:
    return {
        "section": section,
        "start": _utc(start),
        "end": None if end is None else _utc(end),
        "local_start": start.astimezone(zone).isoformat(timespec="seconds"),
    }


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
