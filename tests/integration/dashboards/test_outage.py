"""A store or a database that is away: an outage with a known cause, told as one and not as a bug."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from energy.figures import KpiRow
from energy.interval import Period, Step
from runtime.errors import StoreError
from tests.fakes.figures import SyntheticFigures
from tests.fakes.house import FakeHouse, serving
from tests.integration.dashboards.conftest import client

HTML = {"Accept": "text/html"}


class Unread(SyntheticFigures):
    """Figures that cannot be read, because of ``error``."""

    error: Exception = StoreError("influxdb: no answer in 5 s")

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        raise self.error


def without_figures(fake: FakeHouse) -> Unread:
    fake.figures = Unread(fake.sites, fake.figures.settled)
    return fake.figures


@pytest.fixture
def unread(fake: FakeHouse) -> FakeHouse:
    without_figures(fake)
    return fake


KPI = "/api/v1/kpi?site=gdansk&from=2026-10-20T00:00:00Z&to=2026-10-20T01:00:00Z"


async def test_a_store_that_is_away_is_503_to_a_program_and_one_line_in_the_log(unread: FakeHouse) -> None:
    async with serving(unread) as server, client(server, unread.tokens["viewer"]) as program:
        with capture_logs() as logs:
            answer = await program.get(KPI)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["detail"] == "the store does not answer: influxdb: no answer in 5 s"
    lines = [line for line in logs if line["event"] in ("request_unanswered", "request_failed")]
    assert [(line["event"], "exc_info" in line) for line in lines] == [("request_unanswered", False)]


async def test_a_person_reads_that_the_store_is_away(unread: FakeHouse) -> None:
    async with serving(unread) as server, client(server, unread.tokens["viewer"]) as browser:
        answer = await browser.get("/green", headers=HTML)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert "the store does not answer: influxdb: no answer in 5 s" in answer.text


async def test_the_overview_goes_on_with_what_is_live(unread: FakeHouse) -> None:
    async with serving(unread) as server, client(server, unread.tokens["viewer"]) as browser:
        answer = await browser.get("/", headers=HTML)
    assert answer.status_code == 200
    assert "the store does not answer" in answer.text
    assert "nothing of this month is settled yet" not in answer.text
    assert 'data-key="all.power_w"' in answer.text


async def test_a_database_that_is_away_is_503_and_its_statements_stay_inside(fake: FakeHouse) -> None:
    async with serving(fake) as server, client(server, fake.tokens["viewer"]) as program:
        async with fake.database.begin() as connection:  # what a file that is gone looks like
            await connection.execute(text("ALTER TABLE api_tokens RENAME TO elsewhere"))
        answer = await program.get("/api/v1/live")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("the database does not answer: ")
    assert "SELECT" not in answer.text


async def test_a_mistake_of_ours_is_500_and_leaves_a_traceback(fake: FakeHouse) -> None:
    without_figures(fake).error = KeyError("gdansk")
    async with serving(fake) as server, client(server, fake.tokens["viewer"]) as program:
        with capture_logs() as logs:
            answer = await program.get(KPI)
    assert answer.status_code == 500
    assert [line["exc_info"] is not None for line in logs if line["event"] == "request_failed"] == [True]
