"""Forms of the pages: several alarms acknowledged at once, and the report of all sites."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx

from alerts.board import AlertState
from dashboards.alarms import MOST_AT_ONCE
from dashboards.server import WebServer
from tests.fakes.board import alert
from tests.fakes.house import NOW, FakeHouse
from tests.integration.dashboards.conftest import client
from tests.integration.dashboards.test_access import log_in

ACK = "/alarms/ack"


async def told(fake: FakeHouse, alert_id: int) -> tuple[str, str | None]:
    """Who did the last thing to an alarm, and the note they left."""
    last = (await fake.board.timeline(alert_id))[-1]
    return last.who, last.note


async def test_several_alarms_are_acknowledged_each_in_its_own_timeline(
    fake: FakeHouse, server: WebServer
) -> None:
    fake.board.put(alert(4, NOW, state=AlertState.RETURNED, ended=NOW))
    async with client(server) as person:
        csrf = await log_in(person, "operator")
        form = {
            "csrf": csrf,
            "ticked": ["1:1", "4:1", "4:1"],
            "note": " storm ",
            "next": "/alarms?site=gdansk",
        }
        answer = await person.post(ACK, data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/alarms?site=gdansk")
    assert await told(fake, 1) == await told(fake, 4) == ("operator", "storm")
    assert fake.board.by_id[1].state is AlertState.ACKNOWLEDGED
    assert fake.board.by_id[4].state is AlertState.NORMAL
    assert fake.board.by_id[2].state is AlertState.UNACKNOWLEDGED


async def test_what_changed_meanwhile_is_shown_and_left_alone(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        answer = await person.post(
            f"{ACK}?site=gdansk&severity=critical", data={"ticked": ["1:1", "2:2", "4711:1"]}
        )
    assert answer.status_code == 409
    assert "2 of the ticked alarms changed" in answer.text
    # The page stands at the form's address; its parts are read again from where it could be read.
    assert 'data-here="/alarms?site=gdansk&amp;severity=critical"' in answer.text
    assert fake.board.by_id[1].state is AlertState.ACKNOWLEDGED
    assert fake.board.by_id[2].state is AlertState.UNACKNOWLEDGED


async def test_only_operators_with_proof_acknowledge(fake: FakeHouse, server: WebServer) -> None:
    async with client(server) as person:
        await log_in(person, "operator")
        assert (await person.post(ACK, data={"ticked": "1:1"})).status_code == 403
        assert (await person.post(ACK, data={"ticked": "1:1", "csrf": "0" * 64})).status_code == 403
    async with client(server) as person:
        csrf = await log_in(person, "viewer")
        assert (await person.post(ACK, data={"ticked": "1:1", "csrf": csrf})).status_code == 403
    assert fake.board.by_id[1].state is AlertState.UNACKNOWLEDGED


async def test_a_note_is_added_after_one_click_has_acknowledged(fake: FakeHouse, server: WebServer) -> None:
    async with client(server) as person:
        csrf = await log_in(person, "operator")
        assert (
            "/alarms/1/note" not in (await person.get("/alarms/1")).text
        )  # the one note is the acknowledgement's
        await person.post("/alarms/1/ack", data={"csrf": csrf, "rev": "1"})
        assert 'action="/alarms/1/note"' in (await person.get("/alarms/1")).text
        form = {"csrf": csrf, "note": " fan tray ordered ", "next": "/alarms/1?site=gdansk"}
        answer = await person.post("/alarms/1/note", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/alarms/1?site=gdansk")
        assert "fan tray ordered" in (await person.get("/alarms/1")).text
        astray = await person.post("/alarms/1/note", data=form | {"next": "//elsewhere.example/"})
        assert astray.headers["location"] == "/alarms/1"
        assert (await person.post("/alarms/1/note", data={"csrf": csrf, "note": "  "})).status_code == 400
        assert (await person.post("/alarms/4711/note", data=form)).status_code == 404
    assert await told(fake, 1) == ("operator", "fan tray ordered")
    assert fake.board.by_id[1].state is AlertState.ACKNOWLEDGED


async def test_only_operators_with_proof_add_notes(fake: FakeHouse, server: WebServer) -> None:
    path = "/alarms/1/note"
    async with client(server) as person:
        await log_in(person, "operator")
        assert (await person.post(path, data={"note": "x"})).status_code == 403
    async with client(server) as person:
        csrf = await log_in(person, "viewer")
        answer = await person.post(path, data={"note": "x", "csrf": csrf})
        assert (answer.status_code, "may look but not act" in answer.json()["detail"]) == (403, True)
    assert fake.board.by_id[1].note is None


async def test_ticks_that_are_none_are_refused_in_words(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        nothing = await person.post(ACK, data={"note": "all quiet"})
        odd = await person.post(ACK, data={"ticked": ["1:1", "two"]})
        flood = await person.post(ACK, data={"ticked": [f"{i}:1" for i in range(1, MOST_AT_ONCE + 2)]})
    assert [answer.status_code for answer in (nothing, odd, flood)] == [400, 400, 400]
    assert "tick the alarms" in nothing.json()["detail"]
    assert fake.board.by_id[1].state is AlertState.UNACKNOWLEDGED


async def test_the_report_of_all_sites_is_issued_from_its_page(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        answer = await person.post("/reports/all/2026-09", data={"next": "/reports"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/reports")
        assert await issued(person, "/reports/all/2026-09/progress")
        page = (await person.get("/reports")).text
        assert 'href="/api/v1/reports/all/2026-09.pdf"' in page
        assert (await person.post("/reports/riga/2026-09")).status_code == 404
        assert (await person.post("/reports/all/2026-13")).status_code == 404
    assert [entry.period for entry in await fake.desk.entries("all")] == ["2026-09"]


async def issued(person: httpx.AsyncClient, progress: str) -> bool:
    """Ask until the report is done; whether it went well."""
    async with asyncio.timeout(10):
        while not (told := (await person.get(progress)).json())["done"]:  # noqa: ASYNC110 - as the page does
            await asyncio.sleep(0.01)
    return told["error"] is None


async def test_an_alarm_tells_its_evidence_with_units_in_the_time_of_its_site(
    fake: FakeHouse, server: WebServer
) -> None:
    worst = [{"start": "2026-10-02T03:00:00+00:00", "uncovered_wh": 234_600.0, "edc_wh": 3_190_000.0}]
    evidence: dict[str, object] = {
        "best_possible": 0.9286146349493503,
        "edc_wh": 14_396_280.033398822,
        "worst_hours": worst,
    }
    evidence["topics"] = ["<script>", "b"]
    fake.board.put(alert(4, NOW, value=49.879, limit=100.0, unit="%", evidence=evidence))
    async with client(server, fake.tokens["operator"]) as person:
        page = (await person.get("/alarms/4")).text
    assert "49.87\xa0%" in page  # a figure and its unit stay on one line
    page = page.replace("\xa0", " ")
    for words in ("49.87 %", "100.00 %", "92.86 %", "14.396 MWh"):
        assert words in page
    assert "2026-10-02 05:00 CEST: 0.235 MWh of 3.190 MWh" in page
    assert "0.92861" not in page
    assert "&lt;script&gt;<br>b" in page


async def test_an_alarm_is_told_in_the_time_of_its_site_and_a_note_is_no_second_acknowledgement(
    fake: FakeHouse, server: WebServer
) -> None:
    fake.board.put(alert(4, NOW - timedelta(hours=1), site="kaunas"))
    async with client(server, fake.tokens["operator"]) as person:
        await person.post("/alarms/4/ack", data={"rev": "1", "note": "on my way"})
        await person.post("/alarms/4/note", data={"note": "fan tray ordered"})
        await person.post("/alarms/4/silence", data={"note": "waiting for it", "duration": "1h"})
        page = (await person.get("/alarms/4")).text
    whats = re.findall(r"<b>([^<]+)</b> <span class=\"muted\">by", page)
    assert whats == ["unacknowledged", "acknowledged", "note", "silenced"]
    assert 'data-tz="Europe/Vilnius"' in page
    assert "2026-10-20 14:30 EEST" in page
    assert "<br>until 2026-10-20 16:30 EEST: waiting for it" in page
    times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d(?: \w+)?", page)
    assert {time[-4:] for time in times} == {"EEST"}


async def test_nobody_will_be_told_of_what_is_over(fake: FakeHouse, server: WebServer) -> None:
    fake.board.put(alert(4, NOW, state=AlertState.NORMAL, ended=NOW))
    fake.board.put(alert(5, NOW))
    async with client(server, fake.tokens["operator"]) as person:
        over, fresh = [(await person.get(f"/alarms/{number}")).text for number in (4, 5)]
    assert ("Nobody was told." in over, "Nobody yet." in over) == (True, False)
    assert "Nobody yet." in fresh
