"""The Method pages: the handbook's text as safe HTML, with an anchor for every figure."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import energy.kpis
from dashboards import handbook
from energy.kpi import KPIS

ROOT = Path(__file__).resolve().parents[3]


def text(topic: str | None = None) -> str:
    chapter = handbook.chapter(topic)
    assert chapter is not None
    return str(chapter.text)


def test_every_kpi_leads_to_a_heading_of_the_page() -> None:
    KPIS.load(energy.kpis)
    for name in KPIS:
        assert f'<h3 id="{handbook.section(name).split("#")[1]}">' in text()
    assert handbook.section("ppue_hall a") == "/method#ppue"


@pytest.mark.parametrize("topic", [None, *handbook.topics()])
def test_links_lead_to_headings_of_pages_that_are_shown(topic: str | None) -> None:
    for target in re.findall(r'href="([^"]*)"', text(topic)):
        path, _, fragment = target.partition("#")
        assert path in ("", "/method") or path.removeprefix("/method/") in handbook.topics(), target
        page = topic if path == "" else None if path == "/method" else path.removeprefix("/method/")
        assert not fragment or f'id="{fragment}"' in text(page), target


@pytest.mark.parametrize("topic", [None, *handbook.topics()])
def test_nothing_is_styled_in_line_and_nothing_is_left_of_links_elsewhere(topic: str | None) -> None:
    assert "style=" not in text(topic)
    assert ".md" not in re.sub(r"<code>.*?</code>", "", re.sub(r">[^<]*<", "><", text(topic)))


def test_there_is_no_other_page() -> None:
    assert handbook.chapter("../../pyproject") is None


def test_the_package_carries_the_pages_where_they_are_looked_for() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    carried = told["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried == {
        "docs/method.md": "dashboards/handbook/method.md",
        "docs/method": "dashboards/handbook/method",
    }
