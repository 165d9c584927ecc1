"""Why a figure is what it is: one chain of numbers from the API's figure down to the registers' readings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from dashboards.app import create_app
from dashboards.house import House
from dashboards.panels.why import Asked, Why, named, step_below, why
from dashboards.server import WebServer
from energy.interval import QUARTER, Period, Step
from energy.kpi import KPIS
from energy.proof.desk import ProofDesk
from energy.proof.key import SigningKey
from energy.reading.reader import LedgerFigures
from runtime.clock import ManualClock
from tests.fakes.house import furnished
from tests.integration.dashboards.conftest import client
from tests.unit.energy.plant import Plant, site

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = datetime(2026, 10, 5, 6, tzinfo=UTC)
HOURS = 40
END = BEGIN + timedelta(hours=HOURS)
WHOLE = Period(BEGIN, END)
WARSAW = ZoneInfo("Europe/Warsaw")
SOLAR = {"id": "sun", "kind": "onsite_solar", "max_power_kw": 10, "certificates": "kept"}


@dataclass
class Stage:
    """A viewer of a served house whose ledger has a night, a silent meter and a late row."""

    house: House
    plant: Plant
    viewer: httpx.AsyncClient

    async def page(self, kpi: str, period: Period = WHOLE, as_of: datetime | None = None) -> Why:
        what = named(kpi)
        assert what is not None
        found = await why(self.house, Asked(kpi, "gdansk", period, as_of), what, WARSAW)
        assert found is not None
        return found

    async def figure(self, kpi: str, period: Period = WHOLE, **more: str) -> float | None:
        query = {"site": "gdansk", "from": period.start.isoformat(), "to": period.end.isoformat(), **more}
        (row,) = (await self.viewer.get("/api/v1/kpi", params=query)).json()["rows"]
        return row[kpi] if kpi in row else row["more"][kpi]


async def feed(plant: Plant, topic: str, quarters: range, counts: list[float]) -> None:
    at = [BEGIN + n * QUARTER + timedelta(minutes=1) for n in quarters]
    await plant.feed(plant.frame(topic, at, {"energy_wh": counts}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("why")
    sites = {"gdansk": site(exports="none", supply=[SOLAR], estimate="none")}
    every = range(-1, 4 * HOURS + 1)
    sun = [sum(700 + 13 * (m % 7) for m in range(n + 1) if m % 96 < 40) for n in every]
    async with furnished(folder) as fake:
        plant = Plant(folder, sites, database=fake.database)
        await plant.open()
        await feed(plant, "meter/gdansk/main-1", every, [1000.0 * n + 5000 for n in every])
        await feed(plant, "supply/gdansk/sun", every, [float(count) for count in sun])
        it = [n for n in every if not 30 <= n < 42]
        await plant.feed(
            plant.frame(
                "meter/gdansk/ups-a",
                [BEGIN + n * QUARTER + timedelta(minutes=1) for n in it],
                {"energy_wh": [800.0 * n + 4000 for n in it]},
            )
        )
        await plant.ledger.settle(END + timedelta(minutes=10))
        await feed(plant, "meter/gdansk/ups-a", range(33, 34), [800.0 * 33 + 4000 - 300])
        await plant.ledger.settle(END + timedelta(minutes=20))
        figures = LedgerFigures(fake.database, plant.store, plant.sites)
        desk = ProofDesk(fake.database, figures, plant.ledger, SigningKey(folder / "ledger.key"))
        clock = ManualClock(END + timedelta(minutes=30))
        house = replace(
            fake.house, clock=clock, store=plant.store, sites=sites, targets=(), figures=figures, proof=desk
        )
        server = WebServer(create_app(house, wall=fake.clock, static=fake._static()), "127.0.0.1:0")
        await server.start()
        async with client(server, fake.tokens["viewer"]) as viewer:
            yield Stage(house, plant, viewer)
        await server.stop()


@pytest.mark.parametrize("kpi", ["hourly_matched", "hourly_matched_upper", "ref", "pue", "completeness"])
async def test_the_numbers_of_the_formula_make_the_figure_of_the_api(stage: Stage, kpi: str) -> None:
    page = await stage.page(kpi)
    shown = await stage.figure(kpi)
    assert shown is not None
    assert page.whole.row.value(kpi) == shown
    assert page.whole.filled.value == shown
    filled = page.whole.filled
    above, below = (sum(p.term.sign * p.amount for p in side) for side in (filled.above, filled.below))
    assert above / below == pytest.approx(shown, rel=1e-12)


@pytest.mark.parametrize("kpi", ["hourly_matched", "pue", "completeness"])
async def test_days_hours_and_quarter_hours_add_up_to_what_they_are_part_of(stage: Stage, kpi: str) -> None:
    day = await stage.page(kpi)
    assert (day.step, len(day.lines)) == (Step.DAY, 2)
    pages = [day]
    pages.append(await stage.page(kpi, day.lines[1].period))
    pages.append(await stage.page(kpi, pages[-1].lines[5].period))
    assert [page.step for page in pages] == [Step.DAY, Step.HOUR, Step.QUARTER]
    assert [len(page.lines) for page in pages[1:]] == [24, 4]
    for page in pages:
        for term in page.terms:
            if term.adds:
                assert page.summed(page.lines, term) == page.whole.amount(term), term
        assert page.whole.row.value(kpi) == await stage.figure(kpi, page.period)


async def test_an_hour_leads_to_its_rows_and_a_quarter_hour_to_its_readings(stage: Stage) -> None:
    hour = Period(BEGIN + timedelta(hours=8), BEGIN + timedelta(hours=9))
    page = await stage.page("pue", hour)
    ups = [entry for entry in page.entries if entry.meter == "ups-a" and entry.channel == "energy"]
    assert {entry.start for entry in ups} == {hour.start + n * QUARTER for n in range(4)}
    again = [entry for entry in ups if entry.revision > 1]
    assert {entry.kind for entry in again} == {"late"}
    newest = sum(entry.amount or 0 for entry in ups if entry.newest)
    assert newest == sum(line.row.eit_wh or 0 for line in page.lines)
    assert "E_IT" in [one.figure for one in page.formulas["gdansk"]]
    quarter = await stage.page("pue", Period(BEGIN, BEGIN + QUARTER))
    (main,) = [one for one in quarter.registers if (one.meter, one.channel) == ("main-1", "energy")]
    (row,) = [
        entry
        for entry in quarter.entries
        if entry.meter == "main-1" and entry.newest and entry.channel == "energy"
    ]
    assert main.difference == pytest.approx(row.amount)
    assert main.start.before is not None
    assert main.start.before.at < BEGIN < main.start.after.at  # type: ignore[union-attr]


async def test_what_changed_since_is_told_and_the_past_is_a_link_away(stage: Stage) -> None:
    page = await stage.page("pue")
    assert [one.kind for one in page.revisions] == ["late"]
    before = page.revisions[0].at - timedelta(seconds=1)
    then = await stage.page("pue", as_of=before)
    assert then.revisions == []
    assert then.whole.row.value("pue") == await stage.figure("pue", as_of=before.isoformat())
    assert then.whole.row.revision < page.whole.row.revision


async def test_the_api_leads_to_a_page_that_shows_its_figure(stage: Stage) -> None:
    query = {"site": "gdansk", "from": BEGIN.isoformat(), "to": END.isoformat()}
    told = (await stage.viewer.get("/api/v1/kpi", params=query)).json()
    assert set(told["links"]) == set(KPIS)
    for name, links in told["links"].items():
        assert links["method"] == f"/method#{name}"
        answer = await stage.viewer.get(links["why"])
        assert answer.status_code == 200, (name, answer.text)
        assert "style=" not in answer.text
    text = re.sub(r"\s+", " ", (await stage.viewer.get(told["links"]["pue"]["why"])).text)
    assert f"{told['rows'][0]['pue']:.9g}" in text


async def test_tiles_of_green_and_overview_and_an_hour_lead_to_why(stage: Stage) -> None:
    hour = int((BEGIN + timedelta(hours=8)).timestamp() * 1000)
    green = (await stage.viewer.get("/green/2026-10", params={"site": "gdansk", "hour": str(hour)})).text
    led = set(re.findall(r'href="/why/(\w+)\?', green)) - {"unproven_wh"}  # told in a sentence, not on a tile
    assert {"hourly_matched", "ref", "cfe_score", "cfe_contracted", "pue", "cue", "completeness"} <= led
    assert f"from={hour}&amp;to={hour + 3_600_000}" in green
    assert {f"/method#{name}" for name in led} <= set(re.findall(r'href="(/method#\w+)"', green))
    assert green.index("headline-title") < green.index("ladder-title") < green.index("targets-title")
    overview = (await stage.viewer.get("/", params={"site": "gdansk"})).text
    assert {"hourly_matched", "pue"} <= set(re.findall(r'href="/why/(\w+)\?', overview))
    assert (await stage.viewer.get("/ledger/2026-10?site=gdansk")).status_code == 200


async def test_questions_that_cannot_be_answered_are_told(stage: Stage) -> None:
    for path, status in (
        ("/why/greenness", 404),
        ("/why/pue?from=never&to=now", 400),
        ("/why/pue?from=now&to=now-1d", 400),
        ("/why/pue?from=now-2000d&to=now", 400),
        ("/why/ppue_nowhere", 404),
    ):
        assert (await stage.viewer.get(path)).status_code == status, path
    assert (await stage.viewer.get("/why/pue")).status_code == 200
    assert (await stage.viewer.get("/method")).status_code == 200
    assert (await stage.viewer.get("/method/certificates")).status_code == 200
    assert (await stage.viewer.get("/method/nothing")).status_code == 404


async def test_a_period_is_told_in_about_thirty_parts() -> None:
    spans = {400: Step.MONTH, 31: Step.DAY, 1: Step.HOUR}
    for days, step in spans.items():
        assert step_below(Period(BEGIN, BEGIN + timedelta(days=days))) is step
    assert step_below(Period(BEGIN, BEGIN + timedelta(hours=1))) is Step.QUARTER
    assert step_below(Period(BEGIN, BEGIN + QUARTER)) is None
