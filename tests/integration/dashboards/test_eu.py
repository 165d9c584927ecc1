"""The EU data set over the API: as it stands, declared by an officer, refused, and as files."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from dashboards.server import WebServer
from energy.figures import KpiRow, MeterStatement
from energy.interval import Period, Step
from tests.fakes.figures import SyntheticFigures
from tests.fakes.house import FakeHouse, furnished
from tests.integration.dashboards.conftest import client

PATH = "/api/v1/eu/gdansk/2026"


class LastDay(SyntheticFigures):
    """A year of which the last day stands for all of it: the twin computes each quarter-hour anew."""

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        return await super().kpi(site, self._last(), step, as_of, only)

    async def statements(
        self,
        site: str,
        period: Period,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[MeterStatement]:
        return await super().statements(site, self._last(), as_of, only)

    def _last(self) -> Period:
        return Period(self.settled - timedelta(days=1), self.settled)


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHouse]:
    """A furnished house with one such year."""
    async with furnished(tmp_path) as house:
        house.figures = LastDay(house.sites, house.figures.settled)
        yield house


@pytest.fixture
async def officer(server: WebServer, fake: FakeHouse) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may declare."""
    async with client(server, fake.tokens["operator"]) as found:
        yield found


async def test_what_is_measured_declared_derived_and_missing_stand_apart(officer: httpx.AsyncClient) -> None:
    body = (await officer.get(PATH)).json()
    measured = {item["key"]: item["value"] for item in body["measured"]}
    kpi = (await officer.get("/api/v1/kpi?site=gdansk")).json()["rows"][0]
    assert measured["edc_kwh"] == kpi["edc_wh"] / 1000
    assert {item["key"]: item["value"] for item in body["derived"]}["pue"] == pytest.approx(kpi["pue"])
    assert body["state"] == "open"
    assert "dc_name" in {item["key"] for item in body["missing"]}


async def test_an_officer_declares_and_takes_back(officer: httpx.AsyncClient, fake: FakeHouse) -> None:
    values = {"dc_name": "Gdańsk 1", "installed_it_power_kw": 90_000, "refrigerants": ["R-513A"]}
    told = (await officer.post(PATH, json={"values": values})).json()
    declared = {item["key"]: item for item in told["declared"]}
    assert {key: item["value"] for key, item in declared.items()} == values
    assert "by operator probe on 2026-10-20" in declared["dc_name"]["note"]
    told = (await officer.post(PATH, json={"values": {"dc_name": None}})).json()
    assert "dc_name" not in {item["key"] for item in told["declared"]}


async def test_a_declaration_is_kept_whole_or_not_at_all(officer: httpx.AsyncClient) -> None:
    values = {"dc_name": "x", "dc_type": "huge", "T_IN": 24}
    answer = await officer.post(PATH, json={"values": values})
    assert answer.status_code == 400
    assert "dc_type: 'huge' is none of" in answer.json()["detail"]
    assert "T_IN: there is no such item" in answer.json()["detail"]
    wrong = {"values": {"floor_total_m2": 5, "floor_computer_room_m2": 9}}
    answer = await officer.post(PATH, json=wrong)
    assert "floor_computer_room_m2: 9 m2 is more than floor_total_m2" in answer.json()["detail"]
    assert (await officer.get(PATH)).json()["declared"] == []


async def test_the_exported_file_filled_in_is_a_declaration(officer: httpx.AsyncClient) -> None:
    exported = (await officer.get(f"{PATH}.csv")).text
    rows = list(csv.DictReader(io.StringIO(exported.removeprefix("\ufeff"))))
    filled = io.StringIO()
    writer = csv.DictWriter(filled, rows[0].keys())
    writer.writeheader()
    writer.writerows(row | {"value": "26"} if row["key"] == "setpoint_intake_temp_c" else row for row in rows)
    told = (await officer.post(PATH, json={"csv": filled.getvalue()})).json()
    assert [(item["key"], item["value"]) for item in told["declared"]] == [("setpoint_intake_temp_c", 26.0)]


async def test_a_viewer_reads_and_declares_nothing(server: WebServer, fake: FakeHouse) -> None:
    async with client(server, fake.tokens["viewer"]) as viewer:
        for path in (PATH, f"{PATH}.json", f"{PATH}.csv"):
            assert (await viewer.get(path)).status_code == 200
        assert (await viewer.post(PATH, json={"values": {}})).status_code == 403
        for path in ("/api/v1/eu/mars/2026", "/api/v1/eu/all/2026"):
            assert (await viewer.get(path)).status_code == 404
        assert (await viewer.get("/api/v1/eu/gdansk/1800")).status_code in (400, 422)


async def test_the_page_shows_every_item_and_a_form_to_officers(
    officer: httpx.AsyncClient, server: WebServer, fake: FakeHouse
) -> None:
    page = (await officer.get("/eu/gdansk/2026")).text
    assert page.count("<tr>") == 37 + 11
    assert 'name="setpoint_intake_temp_c"' in page
    async with client(server, fake.tokens["viewer"]) as viewer:
        assert 'name="setpoint_intake_temp_c"' not in (await viewer.get("/eu/gdansk/2026")).text
        assert (await viewer.get("/eu/mars/2026")).status_code == 404
        assert "/eu/gdansk/2026" in (await viewer.get("/reports")).text


async def test_the_form_declares_what_was_changed_and_refuses_what_cannot_be(
    officer: httpx.AsyncClient,
) -> None:
    answer = await officer.post("/eu/gdansk/2026", data={"dc_name": "Gdańsk 1", "waste_heat_temp_c": ""})
    assert answer.status_code == 303
    answer = await officer.post("/eu/gdansk/2026", data={"dc_name": "Gdańsk 1", "traffic_in_eb": "much"})
    assert answer.status_code == 400
    assert "traffic_in_eb: &#39;much&#39; is no number in EB" in answer.text
    assert 'value="much"' in answer.text
    declared = (await officer.get(PATH)).json()["declared"]
    assert [(item["key"], item["value"]) for item in declared] == [("dc_name", "Gdańsk 1")]
    await officer.post("/eu/gdansk/2026", data={"dc_name": ""})
    assert (await officer.get(PATH)).json()["declared"] == []
