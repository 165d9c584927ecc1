"""Every figure of a report can be worked out again from the report alone, in each format with its data."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest

from reports.content import MonthlyReport
from reports.monthly import build
from reports.render.view import view
from reports.render.words import APART
from reports.renderer import renderers
from tests.unit.reports.ledger import DAY_AFTER, NAME, material, played

Reports = dict[str, MonthlyReport]


async def built(folder: Path) -> Reports:
    plant = await played(folder)
    made = material(plant)
    found = {site: await build(site, NAME, DAY_AFTER, made) for site in ("gdansk", "kaunas", "all")}
    await plant.close()
    return found


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return asyncio.run(built(tmp_path_factory.mktemp("ledger")))


def headline(report: MonthlyReport) -> dict[str, Any]:
    return {figure.key: figure for figure in report.figures.headline}


_WRITTEN: dict[str, bytes] = {}
"""Files by the checksum of their figures: writing them takes longer than all tests that read them."""


def written(report: MonthlyReport, name: str) -> io.BytesIO:
    key = f"{report.checksum}.{name}"
    if key not in _WRITTEN:
        _WRITTEN[key] = renderers()[name].render(report)
    return io.BytesIO(_WRITTEN[key])


def text_of(report: MonthlyReport) -> str:
    pages = pypdf.PdfReader(written(report, "pdf")).pages
    return " ".join("\n".join(page.extract_text() for page in pages).split())


def lines(report: MonthlyReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.TextIOWrapper(written(report, "csv"), "utf-8-sig", newline="")))


def table(report: MonthlyReport, name: str) -> list[dict[str, Any]]:
    book = openpyxl.load_workbook(written(report, "xlsx"), data_only=True, read_only=True)
    head, *rows = book[name].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def test_what_a_site_does_not_meter_is_named_in_the_report_of_all_sites(reports: Reports) -> None:
    own, every = headline(reports["gdansk"]), headline(reports["all"])
    assert own["erf"].value == pytest.approx(500 / 9001, rel=1e-3)
    for key in ("erf", "ere"):
        assert (every[key].value, every[key].reason) == (None, "no heat meter at Kaunas")
        assert (headline(reports["kaunas"])[key].reason) == "no heat meter at Kaunas"
    assert every["wue"].value is not None
    assert "no heat meter at Kaunas" in text_of(reports["all"])


def test_wue_follows_from_the_quarter_hours_of_every_format(reports: Reports) -> None:
    report = reports["gdansk"]
    figures, wue = report.figures, headline(report)["wue"]
    assert wue.unit == "L/kWh"
    (series,) = [s for s in figures.ledger if s.meter == "tap"]
    litres = sum(amount or 0 for amount in series.volume_l or ())
    assert wue.value == 1000 * litres / (figures.total.eit_wh or 0)
    assert (series.energy_wh, series.unit, len(series.quality)) == (None, "L", 2980)

    told = [r for r in lines(report) if r["section"] == "ledger" and r["subject"] == "gdansk/tap/volume"]
    assert {(r["figure"], r["unit"]) for r in told} == {("volume_l", "L")}
    assert sum(float(r["value"]) for r in told) == litres

    *quarters, added = table(report, "Quarter-hours")
    assert sum(row["gdansk/tap volume, L"] for row in quarters) == litres == added["gdansk/tap volume, L"]
    (line,) = [row for row in table(report, "Data quality") if row["Register"] == "gdansk/tap volume"]
    assert (line["Volume, L"], line["Energy, Wh"], line["Known"]) == (litres, None, 2980)
    (row,) = [r for r in view(report).completeness.rows if r.register == "tap volume"]
    assert (row.energy, row.role) == (f"{litres / 1000:.1f} m³", "water")


def test_cue_and_cfe_follow_from_the_hours_of_every_format(reports: Reports) -> None:
    report = reports["gdansk"]
    figures, told = report.figures, headline(report)
    *hours, _ = table(report, "Hours")
    grams = sum(r["From the grid, for CUE, Wh"] / 1000 * r["Grid PL, g CO2e/kWh"] for r in hours)
    matched = sum(r["Matched (green), Wh"] for r in hours)
    free = sum(r["From the grid, not matched, Wh"] * r["Grid PL, carbon-free"] for r in hours)
    assert told["cue"].value == pytest.approx(grams / figures.total.eit_wh)
    assert told["cfe_score"].value == pytest.approx((matched + free) / figures.total.edc_wh)
    amounts = {one.key: one for one in figures.amounts}
    assert amounts["co2_t"].value == pytest.approx(grams / 1e6)
    assert amounts["water_m3"].value == pytest.approx(figures.total.sums["water_l"] / 1000)
    assert amounts["reused_wh"].value == figures.total.sums["reused_wh"]

    by_start: dict[str, dict[str, float]] = defaultdict(dict)
    for row in lines(report):
        if row["section"] in ("hour", "grid_hour") and row["value"]:
            by_start[row["start"]][row["figure"]] = float(row["value"])
    assert sum(h["grid_wh"] / 1000 * h["carbon_g_per_kwh"] for h in by_start.values()) == pytest.approx(grams)
    assert [hour.start for hour in figures.grid] == [hour.kpi.start for hour in figures.hours]


def test_every_energy_is_whole_and_the_parts_are_the_whole_at_every_step(reports: Reports) -> None:
    for report in reports.values():
        figures = report.figures
        assert all(check.expected == check.found for check in figures.checks), figures.checks
        rows = [figures.total, *(d.kpi for d in figures.days), *(h.kpi for h in figures.hours)]
        for row in rows:
            assert row.green_wh + row.other_wh + row.unknown_wh == row.edc_wh
            assert all(
                float(wh).is_integer() for wh in (row.edc_wh, row.green_wh, row.other_wh, row.unknown_wh)
            )


def test_the_report_of_all_sites_lists_the_targets_of_each(reports: Reports) -> None:
    shown = view(reports["all"])
    named = ["Hourly matched", "Renewable energy factor (REF)", "Hourly matched"]
    assert [target.name.partition(" at least")[0] for target in shown.targets] == named
    own = [*reports["gdansk"].figures.targets, *reports["kaunas"].figures.targets]
    assert list(reports["all"].figures.targets) == own
    assert [row["Site"] for row in table(reports["all"], "Targets")] == ["gdansk", "gdansk", "kaunas"]


def test_all_sites_say_that_their_month_is_one_of_utc(reports: Reports) -> None:
    text, own = text_of(reports["all"]), text_of(reports["gdansk"])
    assert APART in text
    assert "Hours of UTC. An hour" in text
    assert APART not in own
    assert "Hours in the site's time zone, Europe/Warsaw. An hour" in own
    sites = [reports[key].figures.total.edc_wh for key in ("gdansk", "kaunas")]
    assert sum(sites) != reports["all"].figures.total.edc_wh


def test_the_method_says_how_every_figure_is_made(reports: Reports) -> None:
    text = text_of(reports["gdansk"])
    for words in (
        "Location-based: energy from the grid",
        "all water taken in at the site",
        "Heat reused outside",
    ):
        assert words in text
    for key in ("cue", "wue", "erf", "ere"):
        assert headline(reports["gdansk"])[key].name in text


def test_people_read_words_and_programs_their_names(reports: Reports) -> None:
    report = reports["gdansk"]
    text = text_of(report)
    assert "edc_wh" not in text
    assert "Consumption (E_DC): sum of days = month" in text
    summary = table(report, "Summary")
    assert not [row for row in summary if "_" in str(row["Summary"]).replace("E_DC", "").replace("E_IT", "")]
    (row,) = [row for row in summary if row["Name in CSV and JSON"] == "hourly_matched"]
    assert (row["Summary"], row["Unit, or why withheld"]) == ("Hourly matched", "share, of 100 %")
