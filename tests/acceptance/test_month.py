"""A whole month through the whole service, killed three times on the way: nothing lost, nothing twice, and
every figure equal to what the simulator knows to be true."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from datetime import datetime
from typing import Any

import openpyxl
import pypdf
import pytest

from dashboards.numbers import NO_BREAK, energy, ratio, share
from reports.render.numbers import Numbers
from tests.acceptance import october
from tests.acceptance.play import Played

ENERGIES = ("edc_wh", "load_wh", "eit_wh", "green_wh", "other_wh", "unknown_wh")
FIGURES = (*ENERGIES, "pue", "hourly_matched", "ref", "completeness", "estimated")


def kpi(played: Played, step: str | None = None) -> list[dict[str, Any]]:
    """Figures of the month by the API."""
    asked = {"from_": october.START.isoformat(), "to": october.END.isoformat(), "site": october.SITE}
    rows: list[dict[str, Any]] = played.client.get(
        "/api/v1/kpi", **asked, **({"step": step} if step else {})
    )["rows"]
    return rows


def test_every_row_that_the_broker_took_is_stored_once(played: Played) -> None:
    told = played.client.ingest()
    assert played.account.acknowledged == played.account.published
    assert told["stored_rows"] == played.rows
    assert told["rejected"] == {}
    assert told["acknowledged"] <= told["received"]
    assert told["received"] >= played.account.acknowledged.total()


def test_each_series_holds_as_many_readings_as_were_published(played: Played) -> None:
    asked = {
        "from_": october.BEGIN.isoformat(),
        "to": october.FINISH.isoformat(),
        "step": "P1D",
        "agg": "count",
    }
    found: Counter[str] = Counter()
    for measurement, field, label in (("meter", "energy_wh", "meter"), ("supply", "energy_wh", "source")):
        answer = played.client.get("/api/v1/series", measurement=measurement, field=field, **asked)
        for series in answer["series"]:
            topic = f"dc/v1/{october.SITE}/{measurement}/{series['labels'][label]}"
            found[topic] += sum(int(value) for _, value in series["points"] if value is not None)
    wanted = {topic: n for topic, n in played.account.acknowledged.items() if topic in found}
    assert len(wanted) == len(found) > 8
    assert dict(found) == wanted


def test_energy_equals_the_truth_to_the_watt_hour(played: Played) -> None:
    truth = played.truth.month(october.NAME)
    (row,) = kpi(played)
    assert (row["edc_wh"], row["load_wh"], row["eit_wh"]) == (truth.edc_wh, truth.load_wh, truth.eit_wh)
    assert row["completeness"] == 1.0
    assert row["estimated"] == 0.0
    # Nobody meters the heat that the cooling removes, or tells what the grid emits over the life cycle.
    assert row["withheld"].keys() <= {"cer", "co2_lifecycle_kg"}


def test_shares_equal_the_truth(played: Played) -> None:
    truth = played.truth.month(october.NAME)
    (row,) = kpi(played)
    assert row["pue"] == pytest.approx(truth.pue, abs=1e-9)
    assert row["hourly_matched"] == pytest.approx(truth.hourly_matched, abs=1e-9)
    assert row["green_wh"] == pytest.approx(truth.matched_wh, abs=0.5)
    assert row["unknown_wh"] == 0
    assert row["hourly_matched_upper"] == row["hourly_matched"] == row["more"]["cfe_contracted"]


def test_what_the_battery_gave_is_as_green_as_what_charged_it(played: Played) -> None:
    truth = played.truth.month(october.NAME)
    (row,) = kpi(played)
    names = ("charge", "discharge")
    taken, given = (played.truth.energy_wh(f"battery-1/{n}", october.START, october.END) for n in names)
    assert 0 < truth.stored_wh < given < taken
    assert row["sums"]["green_storage_wh"] == pytest.approx(truth.stored_wh, abs=0.5)
    assert row["sums"]["battery_charged_wh"] == taken
    assert row["edc_wh"] == row["load_wh"] + taken - row["sums"]["battery_withdrawn_wh"]
    assert row["sums"]["battery_lost_wh"] == row["sums"]["battery_withdrawn_wh"] - given


def test_days_and_hours_equal_the_truth_and_add_up_to_the_month(played: Played) -> None:
    (month,) = kpi(played)
    for step, length in (("P1D", 31), ("PT1H", 745)):
        rows = kpi(played, step)
        truths = played.truth.rows(october.START, october.END, step)  # type: ignore[arg-type]
        assert len(rows) == len(truths) == length
        told = [(r["edc_wh"], r["load_wh"], r["eit_wh"]) for r in rows]
        assert told == [(t.edc_wh, t.load_wh, t.eit_wh) for t in truths]
        shares = [truth.hourly_matched for truth in truths]
        assert [r["hourly_matched"] for r in rows] == pytest.approx(shares, abs=1e-9)
        for name in ENERGIES:
            assert sum(row[name] for row in rows) == pytest.approx(month[name], abs=0.01), name


def test_the_windless_night_is_mailed_once_and_no_other_day_is(played: Played) -> None:
    missed = [day for day, row in october.days(played.truth).items() if row.hourly_matched < played.goal]
    assert missed == [october.WINDLESS]
    alerts = played.client.get("/api/v1/alerts")["alerts"]
    (alert,) = [a for a in alerts if a["key"] == f"target/{october.TARGET}/missed"]
    assert datetime.fromisoformat(alert["since"]).astimezone(october.ZONE).date() == october.WINDLESS
    keys = [mail["X-Amberwatt-Key"] for mail in played.mailbox.mails]
    told = [key for key in keys if key.startswith("target/")]
    assert len(set(keys)) == len(keys)
    assert told == [f"target/{october.TARGET}/missed#{alert['id']}.{n}@on-call" for n in (1, 2)]
    firing, resolved = (mail for mail in played.mailbox.mails if mail["X-Amberwatt-Key"] in told)
    assert firing["Subject"].startswith(f"[{october.SEVERITY.upper()}] Gdańsk")
    assert resolved["Subject"].startswith("[RESOLVED] Gdańsk")


def test_the_report_tells_the_same_figures_in_every_format(played: Played) -> None:
    (month,) = kpi(played)
    path = f"/api/v1/reports/{october.SITE}/{october.NAME}"
    report = json.loads(played.client.raw(f"{path}.json").content)
    total = report["figures"]["total"]
    assert {name: total[name] for name in FIGURES} == {name: month[name] for name in FIGURES}
    assert [day["kpi"]["edc_wh"] for day in report["figures"]["days"]] == [
        r["edc_wh"] for r in kpi(played, "P1D")
    ]
    assert all(check["ok"] for check in report["figures"]["checks"])

    lines = csv.DictReader(io.StringIO(played.client.raw(f"{path}.csv").content.decode("utf-8-sig")))
    told = {line["figure"]: line["value"] for line in lines if line["section"] == "month"}
    assert {name: float(told[name]) for name in FIGURES} == {name: month[name] for name in FIGURES}

    book = openpyxl.load_workbook(io.BytesIO(played.client.raw(f"{path}.xlsx").content), data_only=True)
    summary = {row[3].value: row[1].value for row in book["Summary"].iter_rows()}
    for name in ("edc_wh", "eit_wh", "pue", "hourly_matched"):  # a workbook keeps 16 digits
        assert summary[name] == pytest.approx(month[name], rel=1e-15), name


def test_issuing_a_settled_month_again_gives_the_same_bytes(played: Played) -> None:
    path = f"/api/v1/reports/{october.SITE}/{october.NAME}"
    before = {form: played.client.raw(f"{path}.{form}").content for form in ("pdf", "xlsx", "csv", "json")}
    (first,) = played.client.get("/api/v1/reports", site=october.SITE)["reports"]
    again = played.client.post(path)
    assert again["revision"] == first["revision"] == 1
    assert again["sha256"] == first["sha256"]
    assert {form: played.client.raw(f"{path}.{form}").content for form in before} == before


def test_the_page_shows_the_same_figures(played: Played) -> None:
    (month,) = kpi(played)
    page = played.client.raw(f"/green/{october.NAME}", site=october.SITE).text.replace(NO_BREAK, " ")

    def told(pattern: str) -> str:
        found = re.findall(pattern, page, re.DOTALL)
        assert len(found) == 1, f"{pattern}: {found}"
        return str(found[0])

    def tile(title: str) -> str:
        return told(rf'class="tile" aria-label="{title}".*?<span class="num">(.*?)</span>')

    def fact(name: str) -> str:
        return told(rf"<dt><a [^>]*>{name}</a></dt><dd>(.*?)</dd>")

    assert told(r'id="headline-title">.*?<p class="value">(.*?)</p>') == share(month["hourly_matched"])
    assert tile("PUE") == ratio(month["pue"])
    assert tile("IT energy") == energy(month["eit_wh"], month["edc_wh"])
    assert fact("Energy at the inlet") == energy(month["edc_wh"])
    assert fact("Unknown") == energy(month["unknown_wh"], month["edc_wh"])


def test_the_printed_report_shows_the_same_figures(played: Played) -> None:
    (month,) = kpi(played)
    content = played.client.raw(f"/api/v1/reports/{october.SITE}/{october.NAME}.pdf").content
    cover = " ".join(pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text().split())
    numbers = Numbers("en", october.ZONE, month["edc_wh"])

    assert f"PUE (PUE1) {numbers.ratio(month['pue'])} interim" in cover
    assert f"Consumption {numbers.energy(month['edc_wh'])} E_DC" in cover
    assert f"IT equipment {numbers.energy(month['eit_wh'])} E_IT" in cover
    assert f"Hourly matched {numbers.share(month['hourly_matched'])} of consumption met" in cover
