"""The report for people, typeset by Typst: the same report gives the same bytes on every machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import typst

from reports.content import MonthlyReport
from reports.render.printable import printable
from reports.render.view import view
from reports.renderer import RENDERERS, RendererOptions

TEMPLATES = Path(__file__).parent / "templates"


@RENDERERS.add("pdf", RendererOptions)
class Pdf:
    """See :func:`render`."""

    name, rank = "pdf", 1
    content_type = "application/pdf"

    def render(self, report: MonthlyReport) -> bytes:
        return render(report)


def render(report: MonthlyReport) -> bytes:
    """A tagged PDF (PDF/A-2a, for archives) in A4, dated with the end of the month that it reports."""
    compiler = typst.Compiler(
        TEMPLATES / "monthly.typ",
        root=TEMPLATES,
        font_paths=typst.Fonts(include_system_fonts=False, font_paths=[font_folder()]),
        ignore_system_fonts=True,
        sys_inputs={"report": json.dumps(printable(asdict(view(report))), ensure_ascii=False)},
    )
    content = compiler.compile(
        format="pdf", pdf_standards="a-2a", timestamp=int(report.figures.period.end.timestamp())
    )
    if not isinstance(content, bytes):
        raise TypeError("typst returned no PDF")
    return content


def font_folder() -> str:
    """The DejaVu fonts that come with matplotlib: pinned like code, so the same wherever we are installed."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("matplotlib is not installed, and with it the fonts of the report")
    return str(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf")
