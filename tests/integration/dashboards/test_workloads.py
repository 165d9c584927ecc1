"""Accounts of workloads over the API, as a file and as pages."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from tests.fakes.house import FakeHouse, furnished, serving
from tests.fakes.jobs import HOURS, work
from tests.integration.dashboards.conftest import client

pytestmark = pytest.mark.asyncio(loop_scope="module")

Stage = tuple[httpx.AsyncClient, FakeHouse, datetime]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A viewer of a served house in which two jobs ran, and when they began."""
    async with furnished(tmp_path_factory.mktemp("workloads")) as fake:
        began = await work(fake)
        async with serving(fake) as server, client(server, fake.tokens["viewer"]) as reader:
            yield reader, fake, began


def period(began: datetime, **more: str) -> dict[str, str]:
    """The hours in which the jobs ran."""
    end = began + timedelta(hours=HOURS)
    return {"site": "gdansk", "from": began.isoformat(), "to": end.isoformat(), **more}


async def told(stage: Stage, **more: str) -> dict:  # type: ignore[type-arg]
    """The body of a good answer."""
    answer = await stage[0].get("/api/v1/workloads", params=period(stage[2], **more))
    assert answer.status_code == 200, answer.text
    body: dict = answer.json()  # type: ignore[type-arg]
    return body


async def test_accounts_and_the_rest_add_up_to_what_the_kpi_tells(stage: Stage) -> None:
    body = await told(stage)
    assert [one["job"] for one in body["accounts"]] == ["train-7", "serve-1"]
    parts = [*(one["amounts"] for one in body["accounts"]), body["unattributed"]]
    for name in ("gpu_wh", "it_wh", "total_wh", "green_wh", "unknown_wh"):
        assert sum(part[name] for part in parts) == body["total"][name]
    kpi = (await stage[0].get("/api/v1/kpi", params=period(stage[2]))).json()["rows"][0]
    assert body["total"]["total_wh"] == round(kpi["edc_wh"])
    assert body["total"]["it_wh"] == round(kpi["eit_wh"])
    assert body["total"]["co2_location_g"] is None  # as the site tells none
    assert "location-based" in body["total"]["withheld"]["co2_location_g"]
    assert (body["count"], body["jobs"]["gpu_wh"], body["waiting"]) == (
        2,
        sum(p["gpu_wh"] for p in parts[:2]),
        [],
    )
    train = body["accounts"][0]
    assert (train["tenant"], train["project"], train["name"]) == ("acme", "llm", "Llama run 7")
    assert train["amounts"]["gpu_wh"] == 4 * 2 * 700
    assert train["amounts"]["coverage"] == 1.0


async def test_a_run_s_green_share_is_that_of_its_hours(stage: Stage) -> None:
    train = (await told(stage, job="train-7"))["accounts"][0]["amounts"]
    two_hours = period(stage[2], to=(stage[2] + timedelta(hours=2)).isoformat())
    kpi = (await stage[0].get("/api/v1/kpi", params=two_hours)).json()["rows"][0]
    assert train["green_share"] == pytest.approx(kpi["green_wh"] / kpi["edc_wh"], abs=0.02)
    answer = await stage[0].get("/api/v1/workloads/hours", params=period(stage[2], job="train-7"))
    hours = answer.json()["hours"]
    assert sum(hour["amounts"]["total_wh"] for hour in hours) == train["total_wh"]


@pytest.mark.parametrize(("by", "names"), [("tenant", ["acme", "beta"]), ("project", ["acme", "beta"])])
async def test_they_are_put_together_by_tenant_and_project(stage: Stage, by: str, names: list[str]) -> None:
    body = await told(stage, by=by)
    assert [one["tenant"] for one in body["accounts"]] == names
    assert all(one["job"] is None for one in body["accounts"])


async def test_a_tenant_can_be_asked_for_alone_and_nobody_has_nothing(stage: Stage) -> None:
    assert [one["job"] for one in (await told(stage, tenant="beta"))["accounts"]] == ["serve-1"]
    assert (await told(stage, tenant="nobody"))["accounts"] == []


@pytest.mark.parametrize("wrong", [{"by": "rack"}, {"site": "mars"}, {"color": "red"}, {"as_of": "soon"}])
async def test_a_wrong_question_is_told(stage: Stage, wrong: dict[str, str]) -> None:
    answer = await stage[0].get("/api/v1/workloads", params=period(stage[2], **wrong))
    assert answer.status_code in (400, 422)


async def test_the_file_holds_every_account_and_no_formula(stage: Stage) -> None:
    answer = await stage[0].get("/api/v1/workloads.csv", params=period(stage[2]))
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["account"] for line in lines] == ["account", "account", "unattributed", "total"]
    assert lines[1]["name"].startswith("'=")
    assert sum(int(line["total_wh"]) for line in lines[:-1]) == int(lines[-1]["total_wh"])


async def test_the_pages_tell_jobs_their_hours_and_the_rest(stage: Stage) -> None:
    month = stage[2].strftime("%Y-%m")
    page = (await stage[0].get(f"/workloads/{month}?site=gdansk")).text
    for words in ("Unattributed", "acme", "Llama run 7", f"/workloads/{month}/jobs.csv?site=gdansk"):
        assert words in page
    one = (await stage[0].get("/workloads/job/gdansk/train-7")).text
    assert one.count("#hour") == 3  # from half past to half past
    lost = (await stage[0].get("/workloads/job/gdansk/lost")).text
    assert "o start was told" in lost
    for path in (f"/workloads/{month}/jobs.csv", "/workloads/job/gdansk/train-7/hours.csv", "/workloads"):
        assert (await stage[0].get(path)).status_code == 200
    assert "Withheld: the site&#39;s location-based carbon" in page
    assert (await stage[0].get("/workloads?page=0")).status_code == 400
    assert [one["job"] for one in (await told(stage, limit="1", offset="1"))["accounts"]] == ["serve-1"]
    for path in ("/workloads/2026-13", "/workloads/job/gdansk/none", "/workloads/job/mars/train-7"):
        assert (await stage[0].get(path)).status_code == 404
