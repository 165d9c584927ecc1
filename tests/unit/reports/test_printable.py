"""Every name and title can be printed in a PDF for archives."""

from __future__ import annotations

import io
from dataclasses import replace

import pypdf

from alerts.verdict import Severity
from reports.render import pdf
from reports.render.printable import printable
from tests.unit.reports.sample import GAP, alert, october

FORBIDDEN = "\x00\ue000\uf8ff\ufeff\ufffe\uffff\ufdd0\U0001ffff\U000f0000\U0010ffff"


async def test_odd_characters_do_not_cost_the_report() -> None:
    report = await october(missing=[GAP], alerts=[alert(1, f"Too{FORBIDDEN}hot", Severity.HIGH)])
    site = replace(report.figures.site, name=f"Gda{FORBIDDEN}ńsk")
    content = pdf.render(replace(report, figures=replace(report.figures, site=site)))
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    assert "Gdańsk" in text
    assert "Toohot" in text


def test_only_what_means_nothing_is_left_out() -> None:
    kept = "Gdańsk 中 \U0001f600 a\u0301 \n\u200d \u0378"
    told = printable({"a": [f"{FORBIDDEN}{kept}\ud800", 1, None, 2.5], "b": {"c": ("x\ue000",)}})
    assert told == {"a": [kept, 1, None, 2.5], "b": {"c": ["x"]}}
