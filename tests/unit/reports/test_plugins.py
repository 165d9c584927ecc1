"""A KPI or a report format is one file: once registered it is everywhere, and nothing else names it."""

from __future__ import annotations

import csv
import io
import json
import runpy
from pathlib import Path
from types import ModuleType
from typing import Any

import openpyxl
import pypdf
import pytest

import energy.kpis
import reports.render
from energy.interval import Step
from energy.kpi import KPIS
from energy.reading.reader import LedgerFigures
from reports.desk import Desk
from reports.monthly import build
from reports.renderer import RENDERERS, renderers
from runtime.clock import ManualClock
from runtime.database import Database
from runtime.registry import Registry
from tests.unit.reports import sample
from tests.unit.reports.ledger import DAY_AFTER, NAME, OCTOBER, material, played

PLUGINS = Path(__file__).parents[2] / "plugins"


def guest(registry: Registry[Any], room: ModuleType, file: str, patch: pytest.MonkeyPatch) -> None:
    """Let the plugin of ``file`` stand beside those of ``room`` for one test."""
    registry.load(room)  # before, or they would be forgotten with the guest
    patch.setattr(registry, "_plugins", dict(registry._plugins))
    runpy.run_path(str(PLUGINS / file))


async def test_a_new_kpi_is_in_the_figures_and_in_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest(KPIS, energy.kpis, "energy/kpis/grid_share.py", monkeypatch)
    plant = await played(tmp_path)
    made = material(plant)
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    (row,) = await figures.kpi("gdansk", OCTOBER)
    days = await figures.kpi("gdansk", OCTOBER, Step.DAY)
    report = await build("gdansk", NAME, DAY_AFTER, made)
    await plant.close()
    files = {name: one.render(report) for name, one in renderers().items()}

    share = row.more["grid_share"]
    assert share is not None
    assert share == row.value("grid_share") == row.sums["rest_grid_wh"] / (row.edc_wh or 0)
    assert json.loads(files["json"])["figures"]["total"]["more"]["grid_share"] == share
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode("utf-8-sig"))))
    told = {r["section"]: float(r["value"]) for r in rows if r["figure"] == "grid_share"}
    assert told["month"] == share
    assert told.keys() == {"month", "day", "hour"}
    book = openpyxl.load_workbook(io.BytesIO(files["xlsx"]), data_only=True, read_only=True)
    summary = {line[3]: line[:3] for line in book["Summary"].iter_rows(values_only=True)}
    assert summary["grid_share"] == ("Grid share (GS)", pytest.approx(share), "ratio")
    head, *lines = book["Days"].iter_rows(values_only=True)
    column = [line[head.index("Grid share (GS)")] for line in lines[:31]]
    assert column == pytest.approx([day.value("grid_share") for day in days])
    pages = pypdf.PdfReader(io.BytesIO(files["pdf"])).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert f"Grid share (GS) {share:.3f}" in text
    assert KPIS["grid_share"].factory().method in text


async def test_a_new_format_is_offered_issued_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest(RENDERERS, reports.render, "reports/render/txt.py", monkeypatch)
    known = renderers()
    assert list(known) == ["pdf", "xlsx", "csv", "json", "txt"]
    assert known["txt"].content_type.startswith("text/plain")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    await database.create_all()
    desk = Desk(sample.material(), database, tmp_path / "reports", ManualClock(DAY_AFTER))
    entry = await desk.issue("gdansk", NAME, formats=["txt"])
    path = await desk.file("gdansk", NAME, "txt")
    await database.close()
    assert set(entry.sha256) == {"txt", "json"}
    assert path is not None
    assert path.read_text() == "gdansk 2026-10\n"
