"""The meter tree over the API and as a page."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.fakes.house import NOW

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERIOD = {"from": (NOW - timedelta(hours=6)).isoformat(), "to": (NOW - timedelta(hours=2)).isoformat()}


async def test_a_tree_says_what_counts_and_closes_to_the_inlet(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/api/v1/meters/gdansk", params=PERIOD)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["site"] == "gdansk"
    (tree,) = body["trees"]
    assert [one["figure"] for one in tree["formulas"]] == ["E_DC", "E_IT"]
    assert tree["formulas"][1]["text"] == "E_IT = ups-a"
    assert tree["formulas"][1]["terms"] == [{"sign": 1, "id": "ups-a", "channel": "energy"}]
    assert sum(one["energy_wh"] for one in tree["shares"]) == pytest.approx(tree["inlet_wh"])
    kpi = (await reader.get("/api/v1/kpi", params={**PERIOD, "site": "gdansk"})).json()["rows"][0]
    assert tree["inlet_wh"] == pytest.approx(kpi["edc_wh"])
    (point,) = tree["points"]
    assert (point["category"], point["headline"]) == ("pue1", True)
    assert point["pue"] == pytest.approx(kpi["pue"])


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/v1/meters/oslo", "there is no 'oslo'; choose from"),
        ("/api/v1/meters/all", "a tree is of one site; choose from"),
        ("/api/v1/meters/gdansk?from=now-2000d", "ask for at most 366 days"),
        ("/api/v1/meters/gdansk?meter=main-1", "meter"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_the_fix(
    reader: httpx.AsyncClient, path: str, said: str
) -> None:
    answer = await reader.get(path)
    assert answer.status_code in (400, 422)
    assert said in answer.text


async def test_a_page_shows_the_trees_of_a_month(reader: httpx.AsyncClient) -> None:
    html = {"Accept": "text/html"}
    page = await reader.get(f"/meters/{NOW:%Y-%m}?site=gdansk", headers=html)
    assert page.status_code == 200
    for said in (
        "E_IT = ups-a",
        "partly metered",
        "Where every kilowatt-hour of the inlet went",
        "sum of all lines",
    ):
        assert said in page.text
    assert (await reader.get("/meters", headers=html)).status_code == 200
    missing = await reader.get("/meters/2026-13", headers=html)
    assert missing.status_code == 404
    assert "there is no month" in missing.text
