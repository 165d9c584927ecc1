"""The report for machines: every figure unrounded. It is also what the archive renders other formats from."""

from __future__ import annotations

import msgspec

from reports.content import SCHEMA, MonthlyReport
from reports.digest import checksum
from reports.renderer import RENDERERS, RendererOptions


@RENDERERS.add("json", RendererOptions)
class Json:
    """See :func:`render`."""

    name, rank = "json", 4
    content_type = "application/json"

    def render(self, report: MonthlyReport) -> bytes:
        return render(report)


def render(report: MonthlyReport) -> bytes:
    """UTF-8 JSON with sorted keys on one line; unknown figures are null."""
    return msgspec.json.encode(report, order="sorted") + b"\n"


def parse(content: bytes) -> MonthlyReport:
    """The report that ``render`` wrote.

    Raises ValueError if it is none, of another schema, or if its figures do not have its checksum.
    """
    try:
        report = msgspec.json.decode(content, type=MonthlyReport)
    except msgspec.MsgspecError as error:
        raise ValueError(f"this is no monthly report: {error}") from error
    if report.schema != SCHEMA:
        raise ValueError(f"this report has schema {report.schema!r}; this version reads {SCHEMA!r}")
    # Of the figures as they were written: an earlier version knew fewer of them.
    if checksum(msgspec.json.decode(content)["figures"]) != report.checksum:
        raise ValueError("the figures of this report do not have its checksum; take it from the archive anew")
    return report
