"""Carbon through the API: figures and the factors behind them, and on the Green page beside them."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.dashboards.test_api import told

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = {"from": "now-1d/d", "to": "now/d"}


async def test_figures_come_with_every_factor(reader: httpx.AsyncClient) -> None:
    body = await told(reader, "/api/v1/carbon", site="gdansk", **DAY)
    assert set(body["figures"]) == {
        *("co2_location_kg", "co2_market_kg", "co2_scope1_kg", "co2_lifecycle_kg", "cue", "cue_market"),
    }
    assert (body["figures"]["cue"], "cue" in body["withheld"]) == (None, True)
    (line,) = body["factors"]
    assert (line["site"], line["scope"], line["zone"], line["example"]) == ("gdansk", "location", "PL", True)
    assert line["kg"] == line["co2_g"] / 1000 == pytest.approx(line["energy_wh"] * line["g_per_kwh"] / 1e6)
    assert {"source", "method", "version"} <= set(line)
    whole = await told(reader, "/api/v1/carbon", **DAY)
    assert [line["site"] for line in whole["factors"]] == ["gdansk", "kaunas"]


async def test_a_question_without_a_quarter_hour_is_told_what_to_mend(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/api/v1/carbon?from=now-9m&to=now-5m")
    assert answer.status_code == 400
    assert "at least one" in answer.json()["detail"]


async def test_the_green_page_tells_scopes_and_factors_and_leads_to_the_api(
    reader: httpx.AsyncClient,
) -> None:
    page = (await reader.get("/green?site=gdansk")).text
    assert 'id="carbon"' in page
    assert "Scope 2, location-based" in page
    assert "(example)" in page
    link = page.split('href="/api/v1/carbon?')[1].split('"')[0].replace("&amp;", "&")
    answer = await reader.get(f"/api/v1/carbon?{link}")
    assert answer.status_code == 200, answer.text
