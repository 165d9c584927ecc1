"""docs/method.md has a section of every figure, under its name, and of nothing that is none."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import energy.kpis
from energy.figures import KpiRow, LedgerRow
from energy.kpi import KPIS

DOCS = Path(__file__).resolve().parents[2] / "docs"
METHOD = (DOCS / "method.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n\n(.*?)(?=^##|\Z)", METHOD, re.MULTILINE | re.DOTALL))
BEHIND = {"missing", "ppue", "trailing"}
"""Told inside or beside others: a bound in denominators, a KPI for each hall, the year up to a row's end."""


def test_every_registered_kpi_has_a_section_that_an_auditor_can_follow() -> None:
    KPIS.load(energy.kpis)
    for name in KPIS:
        assert name in SECTIONS, f"docs/method.md has no section ### {name}"
        for part in ("- Formula: ", "Gaps", "eference: ", "**"):
            assert part in SECTIONS[name], f"### {name} of docs/method.md lacks {part!r}"


def test_every_section_names_a_real_figure() -> None:
    KPIS.load(energy.kpis)
    told = {field.name for row in (KpiRow, LedgerRow) for field in fields(row)}
    assert set(SECTIONS) <= set(KPIS) | told | BEHIND


def test_every_energy_and_every_word_of_evidence_of_a_row_has_a_section() -> None:
    beside = {"start", "end", "withheld", "more", "pue_category", "parts", "covered"}
    assert {field.name for field in fields(KpiRow)} - beside <= set(SECTIONS)


def test_the_index_leads_to_each_section_and_nowhere_else() -> None:
    index = METHOD.split("## Rules for all figures")[0]
    assert set(re.findall(r"\[(\w+)\]\(#\w+\)", index)) - {"versions"} == set(SECTIONS)
    anchors = {
        re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-")
        for one in re.findall(r"^#+ (.*)$", METHOD, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", METHOD)) <= anchors


def test_every_page_of_detail_is_led_to() -> None:
    told = set(re.findall(r"\]\((method/\w+\.md)\)", METHOD))
    assert told == {f"method/{page.name}" for page in (DOCS / "method").glob("*.md")}
