"""The name of the month as plain text."""

from __future__ import annotations

from reports.content import MonthlyReport
from reports.renderer import RENDERERS, RendererOptions


@RENDERERS.add("txt", RendererOptions)
class Txt:
    """Implements :class:`reports.renderer.Renderer`."""

    name, rank = "txt", 9
    content_type = "text/plain; charset=utf-8"

    def render(self, report: MonthlyReport) -> bytes:
        return f"{report.figures.site.key} {report.figures.period.name}\n".encode()
