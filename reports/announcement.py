"""The message that a report is out."""

from __future__ import annotations

from datetime import datetime
from html import escape

from alerts.message import AlertMessage, Attachment
from alerts.verdict import Severity
from reports.archive import file_name
from reports.content import MonthlyReport
from reports.render.numbers import Numbers
from reports.render.words import SHARES, numbers_of
from reports.report import ReportEntry


def announcement(
    entry: ReportEntry, report: MonthlyReport, printed: bytes | None, at: datetime
) -> AlertMessage:
    """``entry`` in a few lines, with the PDF; the key is the same whenever it is told again."""
    figures, numbers = report.figures, numbers_of(report)
    month = numbers.month(figures.days[0].date)
    subject = f"Energy report {figures.site.name}, {month} ({figures.state}, revision {entry.revision})"
    lines = _lines(report, numbers)
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    key = f"report/{entry.site}/{entry.period}"
    attached = () if printed is None else (Attachment(file_name(entry, "pdf"), "application/pdf", printed),)
    return AlertMessage(
        key=f"{key}/r{entry.revision}",
        alert_key=key,
        kind="report",
        severity=Severity.LOW,
        site=entry.site,
        subject=subject,
        text="\n".join([subject, "", *lines, ""]),
        html=f"<p>{escape(subject)}</p><ul>{items}</ul>",
        at=at,
        labels={"period": entry.period, "revision": str(entry.revision), "state": figures.state},
        link="/reports",
        attachments=attached,
    )


def _lines(report: MonthlyReport, numbers: Numbers) -> list[str]:
    values = {figure.key: figure for figure in report.figures.headline}
    lines = []
    for key, name, _ in SHARES:
        figure = values[key]
        lines.append(
            f"{name}: {numbers.share(figure.value)}" + (f" ({figure.reason})" if figure.reason else "")
        )
    category = report.figures.total.pue_category
    lines.append(f"PUE{f' ({category})' if category else ''}: {numbers.ratio(values['pue'].value)}")
    lines.append(f"Consumption: {numbers.energy(values['edc_wh'].value)}")
    lines.append(f"Completeness: {numbers.share(values['completeness'].value)}")
    for target in report.figures.targets:
        lines.append(f"Target {target.label or target.name}: {target.standing.replace('_', ' ')}")
    lines.append(f"SHA-256 of the figures: {report.checksum}")
    return lines
