"""The ledger's proof over the API, on its page, from the command line, and as alarms."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from alerts.reading import Reading
from alerts.rules.ledger_changed import LedgerChanged, LedgerChangedOptions
from alerts.rules.ledger_pending import LedgerPending, LedgerPendingOptions
from commands.proof import checked_in_words, difference_table
from dashboards.app import create_app
from dashboards.server import WebServer
from energy.proof.act import Act
from energy.proof.desk import ProofDesk
from energy.proof.key import SigningKey
from energy.reading.reader import LedgerFigures
from runtime.clock import ManualClock
from tests.fakes.house import FakeHouse, furnished
from tests.integration.dashboards.conftest import client
from tests.unit.energy.plant import Plant, site

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = datetime(2026, 10, 31, 12, tzinfo=UTC)
"""The site is known from here on; October ends in Warsaw eleven hours later."""

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


SOON = NOW + timedelta(minutes=1)
"""Each thing that is entered at one moment is known a little later than the one before."""


@dataclass
class Stage:
    """An operator and a viewer of a served house, over a plant whose October has a gap."""

    fake: FakeHouse
    plant: Plant
    desk: ProofDesk
    operator: httpx.AsyncClient
    viewer: httpx.AsyncClient
    reading: Reading

    async def feed(self, meter: str, quarters: range, power_w: float, first: float = 0.0) -> None:
        at = [BEGIN + n * QUARTER + timedelta(minutes=1) for n in quarters]
        counts = {"energy_wh": [first + power_w / 4 * n for n in quarters]}
        await self.plant.feed(self.plant.frame(f"meter/gdansk/{meter}", at, counts))

    async def get(self, path: str, **query: str) -> dict:  # type: ignore[type-arg]
        answer = await self.viewer.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def month(self, **more: str) -> dict:  # type: ignore[type-arg]
        start, end = BEGIN.isoformat(), "2026-10-31T23:00:00+00:00"
        return (await self.get("kpi", site="gdansk", **{"from": start, "to": end}, **more))["rows"][0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("ledger")
    async with furnished(folder) as fake:
        plant = Plant(folder, {"gdansk": site()}, database=fake.database)
        await plant.open()
        figures = LedgerFigures(fake.database, plant.store, plant.sites)
        desk = ProofDesk(fake.database, figures, plant.ledger, SigningKey(folder / "ledger.key"))
        house = replace(
            fake.house, clock=ManualClock(NOW), sites=plant.sites, targets=(), figures=figures, proof=desk
        )
        server = WebServer(create_app(house, wall=fake.clock, static=fake._static()), "127.0.0.1:0")
        await server.start()
        reading = Reading(plant.sites, (), figures, fake.live, fake.ingest, proof=desk)
        operator, viewer = (client(server, fake.tokens[role]) for role in ("operator", "viewer"))
        async with operator, viewer:
            made = Stage(fake, plant, desk, operator, viewer, reading)
            await made.feed("main-1", range(72), 4000.0)
            await made.feed("ups-a", range(20), 3000.0)
            await made.feed("ups-a", range(60, 72), 3000.0)
            await plant.ledger.settle(NOW - timedelta(hours=1))
            yield made
        await server.stop()


async def test_a_month_is_locked_and_restated_over_the_api(stage: Stage) -> None:
    refused = await stage.viewer.post("/api/v1/ledger/locks/gdansk/2026-10", json={})
    assert refused.status_code == 403
    early = await stage.operator.post("/api/v1/ledger/locks/gdansk/2026-11", json={"who": "Ola"})
    assert (early.status_code, "not all settled yet" in early.json()["detail"]) == (400, True)
    locked = await stage.operator.post("/api/v1/ledger/locks/gdansk/2026-10", json={"who": "Ola"})
    assert locked.status_code == 200, locked.text
    assert [lock["who"] for lock in (await stage.get("ledger/locks"))["locks"]] == ["Ola (operator probe)"]
    before = await stage.month()
    assert before["state"] in ("settled", "final")
    await stage.feed("ups-a", range(20, 50), 2000.0, first=20 * 250.0)
    await stage.plant.ledger.settle(NOW - timedelta(minutes=30))
    assert await stage.month() == before
    rules = (LedgerPending(LedgerPendingOptions()), LedgerChanged(LedgerChangedOptions()))
    pending, *_ = [verdict for rule in rules for verdict in await rule.judge(SOON, stage.reading)]
    assert (pending.active, pending.severity) == (True, "medium")
    assert "2026-10" in pending.summary
    page = await stage.viewer.get("/ledger/2026-10", params={"site": "gdansk"})
    assert "ups-a: 30 late readings" in page.text
    assert "intervals waiting" in (await stage.viewer.get("/reports")).text
    (waiting,) = (await stage.get("ledger/pending"))["pending"]
    (meter,) = waiting["meters"]
    assert meter["difference"] < 0
    preview = await stage.get("ledger/pending/gdansk/2026-10")
    lines = {line["figure"]: line for line in preview["figures"]}
    assert lines["eit_wh"]["difference"] == meter["difference"]
    answer = await stage.operator.post(
        "/api/v1/ledger/restatements/gdansk/2026-10", json={"who": "Ewa", "reason": "the gateway was found"}
    )
    assert answer.status_code == 200, answer.text
    document = json.loads(answer.json()["document"])
    assert document["who"] == "Ewa (operator probe)"
    told = "\n".join(difference_table(document))
    assert "eit_wh" in told
    assert "edc_wh" not in told
    after = await stage.month()
    assert after["eit_wh"] - before["eit_wh"] == meter["difference"]
    assert (await stage.month(as_of=SOON.isoformat()))["revision"] == after["revision"]
    assert (await stage.get("ledger/pending"))["pending"] == []


async def test_what_changed_a_month_is_listed(stage: Stage) -> None:
    query = {"site": "gdansk", "from": BEGIN.isoformat(), "to": NOW.isoformat()}
    found = (await stage.get("ledger/revisions", **query))["revisions"]
    kinds = [one["kind"] for one in found]
    assert kinds[:1] == ["restatement"]
    assert {"restatement", "pending", "late", "lock"} >= set(kinds)
    (change,) = found[0]["changes"]
    assert (found[0]["who"], change["meter"]) == ("Ewa (operator probe)", "ups-a")
    assert change["difference"] < 0
    old = (await stage.get("ledger/revisions", **query, as_of=BEGIN.isoformat()))["revisions"]
    assert old == []
    page = (await stage.viewer.get("/ledger/2026-10", params={"site": "gdansk"})).text
    assert "the gateway was found" in page
    assert "Restatement 1" in page
    rows = (await stage.get("ledger", **query))["rows"]
    october = [row["start"] < "2026-10-31T23:00" for row in rows]
    states = {(locked, row["state"]) for locked, row in zip(october, rows, strict=True)}
    assert states == {(True, "settled"), (False, "provisional")}, "a locked month has no window"
    assert all(row["cause"] for row in rows)


async def test_a_meter_is_settled_anew_in_somebody_s_name(stage: Stage) -> None:
    order = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T01:00:00Z", "reason": "its CT was changed"}
    answer = await stage.operator.post("/api/v1/ledger/resettlements/gdansk/ups-a", json=order)
    assert answer.json() == {"first": 0, "corrected": 0, "waiting": 0}
    answer = await stage.operator.post("/api/v1/ledger/resettlements/gdansk/nothing", json=order)
    assert (answer.status_code, answer.json()["parameter"]) == (400, "meter")


async def test_a_check_finds_what_was_changed_and_the_alarm_names_it(stage: Stage) -> None:
    assert (await stage.viewer.get("/api/v1/ledger/check")).status_code == 404
    await stage.desk.seal(NOW)
    seals = (await stage.get("ledger/seals", **{"from": BEGIN.isoformat(), "to": NOW.isoformat()}))["seals"]
    assert [seal["number"] for seal in seals] == list(range(1, len(seals) + 1))
    sound = (await stage.operator.post("/api/v1/ledger/check", json={})).json()
    assert (sound["sound"], sound["heads"]["gdansk"]["number"]) == (True, len(seals))
    async with stage.plant.database.begin() as connection:
        await connection.execute(
            text("UPDATE energy_ledger SET amount = amount + 1 WHERE quarter = :q AND revision = 1"),
            {"q": int(BEGIN.timestamp()) // 900 + 4},
        )
    found = await stage.desk.check(Act("ola", NOW), whole=True)
    assert {one.meter for one in found.differences if one.what == "row"} == {"main-1", "ups-a"}
    told = list(checked_in_words(found))
    assert told[0].startswith("gdansk 2026-10-31 main-1 energy 2026-10-31T13:00:00+00:00: ")
    assert told[-1].endswith("NOT as it was sealed and signed")
    assert (await stage.get("ledger/check"))["sound"] is False
    rule = LedgerChanged(LedgerChangedOptions())
    (verdict,) = await rule.judge(NOW, stage.reading)
    assert (verdict.active, verdict.severity) == (True, "critical")
    assert "main-1" in verdict.summary
    assert list(await rule.judge(NOW - timedelta(hours=1), stage.reading)) == []
    page = (await stage.viewer.get("/system")).text
    assert "is not as seal" in page
