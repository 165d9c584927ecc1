"""The four formats: equal bytes for equal reports, and equal figures in all of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.verdict import Severity
from energy import quantity
from energy.interval import Period
from reports.content import MonthlyReport
from reports.digest import checksum
from reports.monthly import build
from reports.render import csv as csv_format
from reports.render import json as json_format
from reports.render import pdf, xlsx
from reports.render.energies import DayRow
from reports.render.numbers import Numbers
from reports.render.view import view
from reports.render.words import numbers_of
from tests.unit.reports.sample import GAP, OCTOBER, alert, material, october

FORMULA = '=HYPERLINK("http://example.org","click")'
RENDERERS = {"pdf": pdf.render, "xlsx": xlsx.render, "csv": csv_format.render, "json": json_format.render}
ELSEWHERE = """
import hashlib, sys
from pathlib import Path
from reports.render import csv, json, pdf, xlsx
report = json.parse(Path(sys.argv[1]).read_bytes())
for render in (pdf.render, xlsx.render, csv.render, json.render):
    print(hashlib.sha256(render(report)).hexdigest())
"""


@pytest.fixture
async def report() -> MonthlyReport:
    return await october(
        missing=[GAP], alerts=[alert(1, FORMULA, Severity.HIGH), alert(2, "two", Severity.LOW, None)]
    )


def pdf_text(content: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return "\n".join(page.extract_text() for page in pages)


def squeezed(text: str) -> str:
    return "".join(text.split())


def csv_rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def workbook(content: bytes, *, values: bool = True) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content), data_only=values)


def summary_of(content: bytes) -> dict[str, Any]:
    """The values of the summary by the names that programs use."""
    return {row[3]: row[1] for row in workbook(content)["Summary"].iter_rows(values_only=True) if row[3]}


def month_of(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["figure"]: row["value"] for row in rows if row["section"] == "month"}


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_the_same_report_gives_the_same_bytes(name: str, report: MonthlyReport) -> None:
    assert RENDERERS[name](report) == RENDERERS[name](report)


def test_another_process_in_another_place_gives_the_same_bytes(report: MonthlyReport, tmp_path: Path) -> None:
    kept = tmp_path / "report.json"
    kept.write_bytes(json_format.render(report))
    environment = {**os.environ, "TZ": "America/St_Johns", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(kept)],
        cwd=Path(__file__).parents[3],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hashlib.sha256(RENDERERS[n](report)).hexdigest() for n in ("pdf", "xlsx", "csv", "json")]
    assert done.stdout.split() == here


def test_json_reads_back_to_the_same_report(report: MonthlyReport) -> None:
    assert json_format.parse(json_format.render(report)) == report


def test_what_an_earlier_version_wrote_reads_and_prints(report: MonthlyReport) -> None:
    written = json.loads(json_format.render(report))
    for target in written["figures"]["targets"]:
        del target["label"]
    written["checksum"] = checksum(written["figures"])
    read = json_format.parse(json.dumps(written).encode())
    assert [target.label for target in read.figures.targets] == [""] * len(report.figures.targets)
    assert workbook(xlsx.render(read))["Targets"].max_row > 1


def test_json_whose_figures_were_touched_is_refused(report: MonthlyReport) -> None:
    edc = report.figures.total.edc_wh
    assert edc is not None
    touched = replace(
        report, figures=replace(report.figures, total=replace(report.figures.total, edc_wh=1.0))
    )

    with pytest.raises(ValueError, match="do not have its checksum"):
        json_format.parse(json_format.render(touched))
    with pytest.raises(ValueError, match="no monthly report"):
        json_format.parse(b"{}")


def test_every_format_tells_the_same_figures(report: MonthlyReport) -> None:
    table = month_of(csv_rows(csv_format.render(report)))
    summary = summary_of(xlsx.render(report))
    text, numbers = squeezed(pdf_text(pdf.render(report))), numbers_of(report)
    for figure in report.figures.headline:
        if figure.value is None:
            assert table[figure.key] == ""
            assert summary[figure.key] == "withheld"
            continue
        assert float(table[figure.key]) == figure.value
        assert summary[figure.key] == pytest.approx(figure.value, rel=1e-15)
    values = {figure.key: figure.value for figure in report.figures.headline}
    for printed in (
        numbers.energy(values["edc_wh"]),
        numbers.energy(values["eit_wh"]),
        numbers.share(values["hourly_matched"]),
        numbers.ratio(values["pue"]),
        report.checksum,
    ):
        assert squeezed(printed) in text


def test_days_in_csv_and_workbook_are_those_of_the_report(report: MonthlyReport) -> None:
    days = [day.kpi.edc_wh for day in report.figures.days]
    table = [
        float(row["value"])
        for row in csv_rows(csv_format.render(report))
        if row["section"] == "day" and row["figure"] == "edc_wh"
    ]
    sheet = workbook(xlsx.render(report))["Days"]
    column = [row[2] for row in sheet.iter_rows(min_row=2, max_row=32, values_only=True)]

    assert table == days
    assert column == days


def test_the_sums_of_the_workbook_are_formulas_that_equal_the_summary(report: MonthlyReport) -> None:
    content = xlsx.render(report)
    summary = summary_of(content)
    for name, first_wh in (("Days", "C"), ("Hours", "C")):
        sheet, formulas = workbook(content)[name], workbook(content, values=False)[name]
        (at,) = [cell.row for cell in sheet["A"] if cell.value == "Sum"]
        assert sheet[f"{first_wh}{at}"].value == pytest.approx(summary["edc_wh"], rel=1e-12)
        assert formulas[f"{first_wh}{at}"].value == f"=SUM(C2:C{at - 1})"


def test_the_workbook_has_every_interval_and_every_sheet(report: MonthlyReport) -> None:
    book = workbook(xlsx.render(report))

    assert book.sheetnames == [
        "Summary", "Days", "Hours", "Quarter-hours", "Targets", "Alerts", "Data quality", "Meters",
        "Certificates", "Carbon", "Meter tree", "PUE", "Budgets", "Workloads", "Revisions", "Proof", "Method",
    ]  # fmt: skip
    quarters = list(book["Quarter-hours"].iter_rows(min_row=2, values_only=True))
    assert len(quarters) == 2980 + 1
    assert book["Days"].freeze_panes == "B2"
    missing = [row for row in quarters if row[3] == "missing"]
    assert len(missing) == 19
    assert {row[2] for row in missing} == {None}


def test_each_record_stands_under_its_headings(report: MonthlyReport) -> None:
    book, figures = workbook(xlsx.render(report)), report.figures

    def rows(name: str) -> list[dict[str, object]]:
        head, *lines = book[name].iter_rows(values_only=True)
        return [dict(zip(map(str, head), line, strict=True)) for line in lines]

    daily = next(target for target in figures.targets if target.days)
    days = [row for row in rows("Targets") if row["Target"] == daily.name][1:]
    assert [row["Period"] for row in days] == [day.date.isoformat() for day in daily.days]
    assert [row["Standing"] for row in days] == [day.standing for day in daily.days]
    assert {row["Best possible"] for row in days} == {"unknown"}

    quality = rows("Data quality")
    (gap,) = [row for row in quality if row["Grade"] == "range" and row["Role or quality"] == "missing"]
    (missing,) = [part for part in figures.ranges if part.quality == "missing"]
    assert gap["Register"] == f"{missing.site}/{missing.meter} {missing.channel}"
    assert (gap["Expected intervals"], gap["Energy, Wh"], gap["Known"]) == (missing.intervals, None, None)
    assert gap["Reason"] == missing.reason
    checks = [row for row in quality if str(row["Register"]).startswith("check: ")]
    assert [row["Energy, Wh"] for row in checks] == [check.found for check in figures.checks]
    assert [row["Id"] for row in rows("Meters")] == [meter.id for meter in figures.meters]


def test_text_that_looks_like_a_formula_stays_text(report: MonthlyReport) -> None:
    table = csv_rows(csv_format.render(report))
    (subject,) = [
        row["subject"] for row in table if row["section"] == "alert" and "HYPERLINK" in row["subject"]
    ]
    sheet = workbook(xlsx.render(report), values=False)["Alerts"]
    (cell,) = [cell for cell in sheet["E"] if "HYPERLINK" in str(cell.value)]

    assert subject == "'" + FORMULA
    assert cell.data_type == "s"
    assert cell.value == FORMULA


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_csv_field_never_starts_a_formula(start: str) -> None:
    assert csv_format.cell(f"{start}1") == f"'{start}1"
    assert csv_format.cell(-1.5) == "-1.5"
    assert csv_format.cell(float("nan")) == ""
    assert csv_format.cell(None) == ""


async def test_what_is_withheld_is_called_so_with_its_reason_and_is_never_0() -> None:
    week = Period(GAP.start, GAP.start.replace(day=14))
    report = await october(missing=[week])
    text = pdf_text(pdf.render(report))
    summary = summary_of(xlsx.render(report))
    rows = csv_rows(csv_format.render(report))
    (line,) = [row for row in rows if row["section"] == "month" and row["figure"] == "pue"]

    assert text.count("withheld") >= 4
    assert "is below the floor" in squeezed(text).replace("isbelowthefloor", "is below the floor")
    assert summary["pue"] == "withheld"
    assert line["value"] == ""
    assert "below the floor" in line["reason"]


async def test_a_draft_says_so_on_every_page_and_sheet() -> None:
    report = await october(settled=GAP.end)
    pages = pypdf.PdfReader(io.BytesIO(pdf.render(report))).pages
    book = workbook(xlsx.render(report))

    assert all("DRAFT: not finished" in page.extract_text() for page in pages)
    assert all(str(sheet["A1"].value).startswith("Draft.") for sheet in book)


def test_a_locale_changes_print_only(report: MonthlyReport) -> None:
    polish = replace(report, locale="pl_PL")

    assert "8887,3" not in squeezed(pdf_text(pdf.render(report)))
    assert squeezed(numbers_of(polish).energy(polish.figures.total.edc_wh)) in squeezed(
        pdf_text(pdf.render(polish))
    )
    assert numbers_of(polish).energy(1_234_567_890.0).replace("\xa0", " ") == "1 234,6 MWh"
    assert csv_format.render(polish) == csv_format.render(report)


def test_almost_all_is_never_printed_as_all(report: MonthlyReport) -> None:
    numbers = numbers_of(report)

    assert numbers.share(0.99999) == "99.99 %"
    assert numbers.share(1.0) == "100.00 %"
    assert numbers.share(0.29) == "29.00 %"
    assert numbers.share(None) == "withheld"


@given(st.floats(0, 1), st.floats(0.5, 9), st.integers(1, 10**11), st.integers(0, 10**11))
def test_a_figure_reads_in_print_as_on_a_page(share: float, ratio: float, wh: int, whole: int) -> None:
    numbers = Numbers("en", ZoneInfo("UTC"), whole)
    assert numbers.share(share) == quantity.share(share)
    assert numbers.ratio(ratio) == quantity.ratio(ratio)
    assert numbers.energy(float(wh)) == quantity.energy(float(wh), whole)


def test_every_page_bears_number_revision_and_checksum(report: MonthlyReport) -> None:
    issued = replace(report, revision=3)
    pages = pypdf.PdfReader(io.BytesIO(pdf.render(issued))).pages

    assert len(pages) >= 5
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        assert f"Page {number} of {len(pages)}" in text
        assert "revision 3" in text
        assert report.checksum in text


def test_the_documents_are_dated_with_the_end_of_the_month(report: MonthlyReport) -> None:
    metadata = pypdf.PdfReader(io.BytesIO(pdf.render(report))).metadata
    assert metadata is not None
    assert metadata.creation_date == OCTOBER.end
    created = workbook(xlsx.render(report)).properties.created
    assert created == OCTOBER.end.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("largest", "unit"),
    [
        (None, "kWh"),
        (0.0, "kWh"),
        (90e3, "kWh"),
        (0.99e6, "kWh"),
        (1e6, "MWh"),
        (-9.99e9, "MWh"),
        (10e9, "GWh"),
    ],
)
def test_the_unit_of_a_table_fits_its_largest_figure(largest: float | None, unit: str) -> None:
    assert quantity.fitting([largest, None, 1.0]).name == unit


def test_a_little_energy_is_never_written_as_none(report: MonthlyReport) -> None:
    numbers, unit = numbers_of(report), quantity.fitting([100e6])

    assert numbers.bare_energy(0.0, unit) == "0.0"
    assert numbers.bare_energy(-1e-9, unit) == "0.0"
    assert numbers.bare_energy(1.0, unit) == "< 0.1"
    assert numbers.bare_energy(49e3, unit) == "< 0.1"
    assert numbers.bare_energy(51e3, unit) == "0.1"
    assert numbers.bare_energy(12.3456789e9, quantity.fitting([12e9])) == "12.346"


def test_each_table_is_written_in_a_unit_of_its_own(report: MonthlyReport) -> None:
    hours = [
        replace(
            line, kpi=replace(line.kpi, edc_wh=0.0, load_wh=90_400.0, green_wh=1_200.0, other_wh=89_200.0)
        )
        for line in report.figures.worst_hours
    ]
    small = replace(report, figures=replace(report.figures, worst_hours=tuple(hours)))
    shown = view(small)

    assert shown.worst.unit == "kWh"
    assert {(row.load, row.green, row.other) for row in shown.worst.rows} == {("90.4", "1.2", "89.2")}
    assert {table.unit for table in (shown.days, shown.sources, shown.completeness)} == {"MWh"}
    text = squeezed(pdf_text(pdf.render(small)))
    assert "Load,kWhMatched,kWhNotmatched,kWhUnknown,kWh" in text
    assert "E_DC,MWh" in text
    assert "TheloadisE_DC" in text
    assert "note[" not in text


def test_the_rest_of_the_load_has_one_share_wherever_it_is_printed(report: MonthlyReport) -> None:
    mix = report.figures.mix
    claimed = {"ppa": 29_996.0, "onsite": 29_996.0, "storage": 29_996.0}
    rungs = replace(mix, rungs=claimed, other_wh=10_012.0, unknown_wh=0.0, load_wh=100_000.0)
    lines = [replace(report.figures.sources[0], supply=name, matched_wh=wh) for name, wh in claimed.items()]
    shown = view(replace(report, figures=replace(report.figures, mix=rungs, sources=tuple(lines))))
    in_sources = {row.source: row.part for row in shown.sources.rows}
    in_ladder = {row[0]: row[2] for row in shown.ladder.rows}
    assert in_ladder["Not matched (other)"] == in_sources["other (not matched)"] == "10.03 %"
    assert in_ladder["Load"] == "100.00 %"
    assert shown.rounding in shown.ladder.words


async def test_a_report_issued_before_alarms_are_judged_is_a_draft_that_says_so() -> None:
    lag, at = OCTOBER.end - timedelta(days=8), OCTOBER.end + timedelta(days=3)
    whole = await built_when_judged(None, at)
    behind = await built_when_judged(lag, at)
    assert (whole.alerts_until, behind.alerts_until, behind.figures.state) == (None, lag, "draft")
    assert whole.figures.state != "draft"
    assert await built_when_judged(OCTOBER.end, at) == whole
    said = "Alarms are judged up to"
    assert said not in view(whole).notice + view(whole).judged
    assert said in " ".join(pdf_text(pdf.render(behind)).split())
    cells = workbook(xlsx.render(behind))["Summary"].values
    assert any(said in str(cell) for row in cells for cell in row)
    lines = [row for row in csv_rows(csv_format.render(behind)) if row["section"] == "alerts_until"]
    assert [row["value"] for row in lines] == [lag.isoformat()]
    assert json_format.parse(json_format.render(behind)) == behind


async def built_when_judged(until: datetime | None, at: datetime) -> MonthlyReport:
    async def judged() -> datetime | None:
        return until

    return await build("gdansk", "2026-10", at, replace(material(at), judged=judged))


async def test_a_day_that_is_not_settled_yet_tells_nothing_in_any_column() -> None:
    *days, month = view(await october(settled=GAP.end)).days.rows
    known = [day for day in days if day.edc != "not yet"]

    assert [day.day[-2:] for day in known] == [f"{number:02d}" for number in range(1, 8)]
    assert days[7:] == [DayRow.unsettled(day.day, day.hours) for day in days[7:]]
    assert {value for day in days[7:] for value in list(asdict(day).values())[3:]} == {"–"}
    assert (month.day, month.hours) == ("Month", "745")


async def test_registers_of_all_sites_bear_their_site() -> None:
    both = await build("all", "2026-10", OCTOBER.end, material(keys=("gdansk", "kaunas")))
    assert [row.register for row in view(both).completeness.rows] == [
        "gdansk/main-1 energy",
        "kaunas/main-1 energy",
    ]


async def test_every_format_tells_what_an_alarm_was_judged_by() -> None:
    evidence = {
        "edc_wh": 14_396_000.0, "best_possible": 0.9286, "until": "2026-10-20T21:00:00+00:00",
        "worst_hours": [{"start": "2026-10-20T19:00:00+00:00", "uncovered_wh": 3_190_000.0, "edc_wh": 4e6}],
    }  # fmt: skip
    report = await october(alerts=[replace(alert(1, "missed", Severity.HIGH), evidence=evidence)])
    words = [
        "Used at the inlet: 14.396 MWh",
        "Best possible: 92.86 %",
        "Judged until: 2026-10-20 23:00 CEST",
        "Worst hours (not green, of all used): 2026-10-20 21:00 CEST: 3.190 MWh of 4.000 MWh",
    ]

    assert json_format.parse(json_format.render(report)).alerts[0].evidence == evidence
    assert view(report).alerts[0].evidence == words
    printed = squeezed(pdf_text(pdf.render(report)))
    assert all(squeezed(line) in printed for line in words)
    head, *rows = workbook(xlsx.render(report))["Alerts"].iter_rows(values_only=True)
    assert rows[0][head.index("Evidence")] == "\n".join(words)
    table = csv.DictReader(io.StringIO(csv_format.render(report).decode("utf-8-sig")))
    assert [row["reason"] for row in table if row["section"] == "alert_evidence"] == words


async def test_no_alert_is_split_over_two_pages() -> None:
    alerts = [
        replace(
            alert(n, f"Alarm-{n}-begins", Severity.HIGH),
            summary=" ".join(["a summary of several lines"] * (2 + n % 7)) + f" ends-{n}.",
        )
        for n in range(1, 60)
    ]
    pages = pypdf.PdfReader(io.BytesIO(pdf.render(await october(alerts=alerts)))).pages
    texts = [squeezed(page.extract_text()) for page in pages]
    on = {n: [i for i, text in enumerate(texts) if f"Alarm-{n}-begins" in text] for n in range(1, 60)}

    assert len({page for found in on.values() for page in found}) > 2
    for n, found in on.items():
        assert [i for i, text in enumerate(texts) if f"ends-{n}." in text] == found
        assert len(found) == 1
