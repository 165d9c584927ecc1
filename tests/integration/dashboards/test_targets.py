"""Targets and demand: the API, the Green page's panel and the Overview's tiles tell the same figures."""

from __future__ import annotations

import html
from datetime import datetime, timedelta

import httpx
import pytest

from energy.quantity import power
from tests.fakes.house import NOW, FakeHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_target_tells_standing_budget_nowcast_and_hour(reader: httpx.AsyncClient) -> None:
    body = (await reader.get("/api/v1/targets", params={"site": "gdansk"})).json()
    (target,) = body["targets"]
    assert (target["name"], target["label"]) == (
        "100-percent-green",
        "Hourly matched at least 100 % each month, Gdańsk",
    )
    assert target["standing"] in ("missed", "at_risk")
    assert (target["metric"], target["direction"], target["goal"]) == ("hourly_matched", "at_least", 1.0)
    budget = target["budget"]
    assert (budget["unit"], budget["allowed"]) == ("Wh", 0.0)
    assert budget["left"] == -budget["used"]
    assert [burn["hours"] for burn in budget["burn_rates"]] == [1, 6, 24]
    assert target["nowcast"]["low"] <= target["nowcast"]["expected"] <= target["nowcast"]["high"]
    assert target["nowcast"]["holds"] == 0.8
    hour = body["hour"]
    assert datetime.fromisoformat(hour["start"]) == NOW.replace(minute=0)
    assert hour["low"] <= hour["expected"] <= hour["high"]
    assert hour["load_wh"] == pytest.approx(12e6, rel=0.01)


async def test_the_demand_of_each_site_is_its_running_interval_and_its_highest(
    reader: httpx.AsyncClient,
) -> None:
    body = (await reader.get("/api/v1/demand")).json()
    assert [line["site"] for line in body["sites"]] == ["gdansk", "kaunas"]
    line = body["sites"][0]
    interval, month = line["interval"], line["month"]
    assert line["limit_w"] == 16e6
    assert datetime.fromisoformat(interval["start"]) == NOW
    assert interval["forecast_w"] == pytest.approx(11.4e6)
    assert interval["shed_w"] == 0
    assert month["month"] == "2026-10"
    assert 10e6 < month["demand_w"] < 16e6
    assert datetime.fromisoformat(month["start"]) < NOW - timedelta(minutes=15)


async def test_a_site_that_is_not_there_is_refused(reader: httpx.AsyncClient) -> None:
    for path in ("/api/v1/targets", "/api/v1/demand"):
        assert (await reader.get(path, params={"site": "nowhere"})).status_code == 400


async def test_the_green_page_says_what_the_api_says(reader: httpx.AsyncClient, shared: FakeHouse) -> None:
    page = (await reader.get("/green", params={"site": "gdansk"})).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "; whole hours up to 2026-10-" in page
    (target,) = (await reader.get("/api/v1/targets", params={"site": "gdansk"})).json()["targets"]
    assert target["label"] in page
    assert target["reason"][1:] in page
    assert f"<span>{target['standing'].replace('_', ' ')}</span>" in page
    assert "Running hour" in page
    assert "100-percent-green" not in page.replace('"target-100-percent-green"', "")


async def test_targets_demand_and_the_green_page_can_be_asked_as_of_a_time(reader: httpx.AsyncClient) -> None:
    then = (NOW - timedelta(days=2)).isoformat()
    body = (await reader.get("/api/v1/targets", params={"site": "gdansk", "as_of": then})).json()
    (target,) = body["targets"]
    assert (datetime.fromisoformat(body["at"]), body["hour"]) == (NOW - timedelta(days=2), None)
    assert datetime.fromisoformat(target["until"]) <= NOW - timedelta(days=2)
    (line,) = (await reader.get("/api/v1/demand", params={"site": "gdansk", "as_of": then})).json()["sites"]
    assert line["interval"] is None
    assert line["month"]["demand_w"] > 0
    page = (await reader.get("/green", params={"site": "gdansk", "as_of": then})).text
    assert "As known at" in page
    assert "Running hour" not in page
    assert "as_of=" in page.partition("data-hour-src=")[2][:120]
    assert "up to midnight before" not in page
    link = html.unescape(page.partition('id="year"')[2].partition('<a href="')[2].partition('"')[0])
    assert link.endswith("#year")
    assert "up to midnight before" in (await reader.get(link)).text
    assert (await reader.get("/api/v1/targets", params={"as_of": "never"})).status_code == 400
    assert (await reader.get("/green", params={"as_of": "never"})).status_code == 400


async def test_a_year_is_asked_for_by_days_and_months_and_told_on_the_page(reader: httpx.AsyncClient) -> None:
    asked = {"site": "gdansk", "step": "P1D", "trailing": "true"}
    asked |= {"from": "2026-10-17T22:00Z", "to": "2026-10-19T22:00Z"}
    body = (await reader.get("/api/v1/kpi", params=asked)).json()
    assert len(body["trailing"]) == len(body["rows"]) == 2
    for row, year in zip(body["rows"], body["trailing"], strict=True):
        assert row["interim"] is True
        assert year["end"] == row["end"]
        assert year["days"] < year["of_days"] == 365
        reason = f"{year['days']} of 365 days of settled data at the site's boundary"
        assert year["withheld"]["pue"] == reason
        assert year["figures"]["pue"] is None
    page = (await reader.get("/green", params={"site": "gdansk"})).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Twelve months" in page
    assert "of 365 days of settled data" in page
    assert (await reader.get("/api/v1/kpi", params=asked | {"step": "PT1H"})).status_code == 400
    assert (await reader.get("/api/v1/kpi", params=asked | {"trailing": "false"})).json()["trailing"] is None


async def test_a_past_month_tells_how_it_ended_and_no_running_hour(reader: httpx.AsyncClient) -> None:
    page = (await reader.get("/green/2026-09", params={"site": "gdansk"})).text
    assert "Targets" in page
    assert "Running hour" not in page


async def test_the_overview_shows_the_demand_and_how_the_month_stands(reader: httpx.AsyncClient) -> None:
    page = (await reader.get("/", params={"site": "gdansk"})).text.replace("\N{NO-BREAK SPACE}", " ")
    line = (await reader.get("/api/v1/demand", params={"site": "gdansk"})).json()["sites"][0]
    assert "Demand, 15 min" in page
    assert power(line["interval"]["forecast_w"]) in page
    assert power(line["month"]["demand_w"]) in page
    (target,) = (await reader.get("/api/v1/targets", params={"site": "gdansk"})).json()["targets"]
    assert f"goal 100.00 %: {target['standing'].replace('_', ' ')}" in page
