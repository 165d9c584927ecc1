"""Every call of the JSON API: the fields that it must tell, and what it says to wrong questions."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import httpx
import pytest

from alerts.board import AlertState
from dashboards.server import WebServer
from runtime.clock import to_ms
from telemetry.catalogue import METER
from tests.fakes.board import alert
from tests.fakes.house import NOW, FakeHouse
from tests.integration.dashboards.conftest import client

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE = timedelta(minutes=1)
KPI_FIELDS = {
    *("start", "edc_wh", "eit_wh", "pue", "pue_category", "ref", "hourly_matched", "cfe_score"),
    *("green_wh", "other_wh", "unknown_wh", "cue", "wue", "erf", "ere"),
    *("completeness", "estimated", "state", "revision", "withheld"),
}


async def told(reader: httpx.AsyncClient, path: str, **query: str) -> dict:  # type: ignore[type-arg]
    """The body of a good answer."""
    answer = await reader.get(path, params=query)
    assert answer.status_code == 200, answer.text
    body: dict = answer.json()  # type: ignore[type-arg]
    return body


async def test_health_and_readiness(reader: httpx.AsyncClient, shared: FakeHouse) -> None:
    assert await told(reader, "/healthz") == {"status": "ok"}
    assert await told(reader, "/readyz") == {"status": "ready", "problems": []}
    shared.readiness.found = ["the broker is away and the journal has 3 MB left"]
    answer = await reader.get("/readyz")
    shared.readiness.found = []
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["the broker is away and the journal has 3 MB left"]


async def test_ingest(reader: httpx.AsyncClient) -> None:
    body = await told(reader, "/api/v1/ingest")
    journal, stores, (disk,) = body.pop("journal"), body.pop("stores"), body.pop("disks")
    assert body == {
        "received": 1000,
        "stored_rows": 4200,
        "acknowledged": 1000,
        "duplicates": 3,
        "late": 2,
        "rejected": {"range": 4, "undecodable": 1},
        "missed": 7,
        "session_gaps": 1,
        "unstamped": 5,
        "unknown_fields_estimate": 9,
        "connected": True,
        "mqtt": "5",
    }
    assert (journal["entries"], journal["bytes"], journal["limit_bytes"]) == (12, 34567, 1000000)
    assert (journal["lost"], journal["lost_at"]) == (0, None)
    assert (disk["path"], disk["free"]) == ("/var/lib/amberwatt", 59_000_000_000)
    assert disk["parts"][0] == {"what": "journal", "bytes": 34567}
    since = stores[0].pop("missed_since")
    assert datetime.fromisoformat(since) == NOW - timedelta(hours=2)
    assert stores == [
        {"name": "memory", "position": 61, "lag_s": 0.0, "error": None, "dead_letters": 2, "missed": 17}
    ]


async def test_raw_series_from_is_inclusive_and_to_is_exclusive(reader: httpx.AsyncClient) -> None:
    start, end = to_ms(NOW - 2 * MINUTE), to_ms(NOW)
    body = await told(
        reader,
        "/api/v1/series",
        **{"measurement": "meter", "field": "power_w", "site": "gdansk", "from": str(start), "to": str(end)},
    )
    assert body == {
        "step": None,
        "series": [
            {
                "labels": {"site": "gdansk", "meter": meter},
                "field": "power_w",
                "unit": "W",
                "points": [[start, power], [start + 60_000, power]],
            }
            for meter, power in (("main-1", 11.4e6), ("ups-a", 10e6))
        ],
    }


async def test_missing_values_are_null(reader: httpx.AsyncClient) -> None:
    body = await told(
        reader, "/api/v1/series", measurement="meter", meter="main-1", field="export_wh", **{"from": "now-1m"}
    )
    assert {value for s in body["series"] for _, value in s["points"]} == {None}


async def test_steps_and_groups(reader: httpx.AsyncClient) -> None:
    question = {"measurement": "gpu", "field": "power_w,temp_c", "from": "now-30m", "step": "PT15M"}
    by_site = await told(reader, "/api/v1/series", group="site", **question)
    assert by_site["step"] == "PT15M"
    values = {(s["labels"]["site"], s["field"]): [v for _, v in s["points"]] for s in by_site["series"]}
    assert values["gdansk", "power_w"] == [1400.0, 1400.0]  # watts add up
    assert values["gdansk", "temp_c"] == [61.5, 61.5]  # degrees do not
    one = await told(reader, "/api/v1/series", group="all", **question)
    assert [s["labels"] for s in one["series"]] == [{}, {}]
    assert one["series"][0]["points"][0][1] == 2800.0
    each = await told(reader, "/api/v1/series", **question)
    assert len(each["series"]) == 8


async def test_registers_are_read_at_their_last_value(reader: httpx.AsyncClient) -> None:
    question = {"measurement": "meter", "field": "energy_wh", "meter": "main-1", "site": "gdansk"}
    ahead = {"from": (NOW - timedelta(minutes=30)).isoformat(), "to": NOW.isoformat(), "step": "1800"}
    body = await told(reader, "/api/v1/series", **question, **ahead)
    assert body["series"][0]["points"] == [[to_ms(NOW) - 1_800_000, to_ms(NOW - MINUTE) / 3.6]]
    count = await told(reader, "/api/v1/series", agg="count", **question, **ahead)
    assert count["series"][0]["points"][0][1] == 30


async def test_csv_says_the_same(reader: httpx.AsyncClient) -> None:
    question = {"measurement": "meter", "from": "now-2m", "site": "kaunas"}
    answer = await reader.get("/api/v1/series.csv", params=question)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="meter.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["site", "meter", "at", "at_ms", "power_w", "energy_wh", "export_wh"]
    assert [row["meter"] for row in rows] == ["main-1", "main-1", "ups-a", "ups-a"]
    assert {row["export_wh"] for row in rows} == {""}
    for row in rows:
        assert to_ms(datetime.fromisoformat(row["at"])) == int(row["at_ms"])
    body = await told(reader, "/api/v1/series", field="power_w", **question)
    points = [value for s in body["series"] for _, value in s["points"]]
    assert [float(row["power_w"]) for row in rows] == points


async def test_live(reader: httpx.AsyncClient) -> None:
    sites = (await told(reader, "/api/v1/live"))["sites"]
    assert set(sites) == {"gdansk", "kaunas", "all"}
    gdansk = sites["gdansk"]
    assert (gdansk["power_w"], gdansk["it_w"], gdansk["gpu_w"]) == (12e6, 10e6, 1400.0)
    assert (gdansk["gpu_reporting"], gdansk["gpu_known"]) == (2, 2)
    assert gdansk["pue"] == pytest.approx(1.2)
    assert gdansk["green_share"] == pytest.approx(0.5)  # 0.6 MW of sun and 5.4 MW of wind
    assert gdansk["headroom_w"] == 16e6 - 11.4e6
    assert (gdansk["at"], gdansk["age_s"]) == (NOW.isoformat(), 0.0)
    # The wind contract is in zone PL: it cannot be claimed in LT.
    assert sites["kaunas"]["green_share"] == pytest.approx(0.05)
    assert sites["all"]["green_share"] == pytest.approx((6 + 0.6) / 24)
    assert set((await told(reader, "/api/v1/live", site="kaunas"))["sites"]) == {"kaunas"}


async def test_ledger(reader: httpx.AsyncClient) -> None:
    rows = (await told(reader, "/api/v1/ledger", site="gdansk", **{"from": "now-2h"}))["rows"]
    assert len(rows) == 8
    assert {"meter", "start", "energy_wh", "quality", "revision", "reason"} <= set(rows[0])
    assert rows[0]["quality"] == "ok"
    assert (rows[-1]["energy_wh"], rows[-1]["reason"]) == (None, "no reading arrived")


async def test_kpi(reader: httpx.AsyncClient) -> None:
    body = await told(
        reader, "/api/v1/kpi", site="gdansk", step="PT1H", **{"from": "now-1d/d", "to": "now/d"}
    )
    assert (body["site"], body["step"], len(body["rows"])) == ("gdansk", "PT1H", 24)
    row = body["rows"][0]
    assert set(row) >= KPI_FIELDS
    assert row["green_wh"] + row["other_wh"] + row["unknown_wh"] == pytest.approx(row["edc_wh"])
    assert row["withheld"]["wue"] == "no water meter at Gdańsk"
    whole = await told(reader, "/api/v1/kpi", **{"from": "now-1d/d", "to": "now/d"})
    assert (whole["site"], whole["step"], len(whole["rows"])) == ("all", None, 1)
    assert whole["rows"][0]["edc_wh"] == pytest.approx(sum(r["edc_wh"] for r in body["rows"]))


async def test_alerts(reader: httpx.AsyncClient) -> None:
    assert [a["id"] for a in (await told(reader, "/api/v1/alerts"))["alerts"]] == [2, 1, 3]
    active = (await told(reader, "/api/v1/alerts", state="active"))["alerts"]
    assert [(a["id"], a["severity"], a["rev"]) for a in active] == [(2, "critical", 3), (1, "high", 1)]
    over = (await told(reader, "/api/v1/alerts", state="normal", site="kaunas"))["alerts"]
    assert [a["id"] for a in over] == [3]
    one = await told(reader, "/api/v1/alerts/1")
    assert one["alert"]["evidence"]["pue"] == 1.52
    assert [d["channel"] for d in one["deliveries"]] == ["on-call"]


async def test_alerts_tell_whether_there_are_more(reader: httpx.AsyncClient, shared: FakeHouse) -> None:
    assert (await told(reader, "/api/v1/alerts"))["more"] is False
    known = dict(shared.board.by_id)
    for number in range(10, 2011):
        shared.board.put(alert(number, NOW - timedelta(days=2), state=AlertState.NORMAL, ended=NOW))
    everything = await told(reader, "/api/v1/alerts")
    normal = await told(reader, "/api/v1/alerts", state="normal")
    active = await told(reader, "/api/v1/alerts", state="active")
    pending = await told(reader, "/api/v1/alerts", state="pending")
    shared.board.by_id = known
    assert (len(everything["alerts"]), everything["more"]) == (2000, True)
    assert (len(normal["alerts"]), normal["more"]) == (2000, True)
    assert ([a["id"] for a in active["alerts"]], active["more"]) == ([2, 1], False)
    assert pending == {"alerts": [], "more": False}


async def test_reports_and_their_files(reader: httpx.AsyncClient) -> None:
    (report,) = (await told(reader, "/api/v1/reports"))["reports"]
    assert set(report) == {"site", "period", "state", "revision", "issued_at", "sha256"}
    assert set(report["sha256"]) == {"pdf", "xlsx", "csv", "json"}
    answer = await reader.get("/api/v1/reports/gdansk/2026-09.pdf")
    assert (answer.status_code, answer.content) == (200, b"gdansk 2026-09 pdf\n")
    assert answer.headers["content-type"] == "application/pdf"
    assert (await reader.get("/reports/gdansk/2026-09.pdf")).content == answer.content
    assert 'filename="gdansk-2026-09.pdf"' in answer.headers["content-disposition"]
    for path in ("gdansk/2026-08.pdf", "nowhere/2026-09.pdf", "..%2f..%2fetc/2026-09.pdf", "gdansk/x.pdf"):
        assert (await reader.get(f"/api/v1/reports/{path}")).status_code == 404, path
    assert (await reader.get("/api/v1/reports/gdansk/2026-09.exe")).status_code == 400


async def test_completeness(reader: httpx.AsyncClient) -> None:
    rows = (await told(reader, "/api/v1/completeness", site="gdansk", **{"from": "now-1h"}))["rows"]
    found = {(r["source"], r["hour"]): r for r in rows}
    hour = NOW.replace(minute=0).isoformat()
    meter = found["gdansk/meter/main-1", hour]
    assert (meter["expected"], meter["received"], meter["missing"]) == (30, 31, 0)
    before = found["gdansk/meter/main-1", (NOW.replace(minute=0) - timedelta(hours=1)).isoformat()]
    assert before == {
        "source": "gdansk/meter/main-1",
        "hour": (NOW.replace(minute=0) - timedelta(hours=1)).isoformat(),
        "expected": 60,
        "received": 33,
        "late": 1,
        "duplicate": 2,
        "rejected": 3,
        "rejected_by": {"undecodable": 1, "out_of_range": 2},
        "missing": 30,
        "rows": 31,
        "missed": 0,
        "unstamped": 4,
        "session_gaps": 0,
        "kept": 30,
    }
    gpu = found["gdansk/a/r1/n01/gpu", hour]
    assert (gpu["expected"], gpu["received"], gpu["missing"], gpu["missed"]) == (None, 62, 3, 3)
    assert {r["source"] for r in rows} == {"gdansk/meter/main-1", "gdansk/a/r1/n01/gpu"}
    every = (await told(reader, "/api/v1/completeness", **{"from": "now-1h"}))["rows"]
    assert {r["source"] for r in every} >= {"grid/PL", "kaunas/supply/pv-roof", ""}
    meters = (await told(reader, "/api/v1/completeness", measurement="meter"))["rows"]
    assert {r["source"] for r in meters} == {"gdansk/meter/main-1"}


async def test_metrics(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "amberwatt_messages_received_total 1000.0",
        'amberwatt_rejected_total{reason="range"} 4.0',
        "amberwatt_journal_bytes 34567.0",
        "amberwatt_journal_lost_batches 0.0",
        'amberwatt_disk_free_bytes{path="/var/lib/amberwatt"} 5.9e+10',
        'amberwatt_disk_used_bytes{kept="store duckdb",path="/var/lib/amberwatt"} 1.2e+10',
        'amberwatt_store_lag_seconds{store="memory"} 0.0',
        "amberwatt_messages_missed_total 7.0",
        "amberwatt_session_gaps_total 1.0",
        'amberwatt_store_dead_letters{store="memory"} 2.0',
        'amberwatt_store_missed_batches{store="memory"} 17.0',
        'amberwatt_broker_mqtt{version="5"} 1.0',
        'amberwatt_alerts{severity="critical",state="unacknowledged"} 1.0',
        'amberwatt_pue_ratio{site="gdansk"} 1.2',
        'amberwatt_site_power_watts{site="kaunas"} 1.2e+07',
    ):
        assert line in lines
    assert "gpu=" not in answer.text


@pytest.mark.parametrize(
    ("path", "parameter", "fix"),
    [
        ("/api/v1/series", "measurement", "measurement is missing"),
        ("/api/v1/series?measurement=meters", "measurement", "choose from gpu, meter"),
        ("/api/v1/series?measurement=meter&field=watts", "field", "choose from power_w"),
        ("/api/v1/series?measurement=meter&rack=r1", "rack", "its labels are site, meter"),
        ("/api/v1/series?measurement=meter&form=now-1h", "form", "there is no parameter 'form'"),
        ("/api/v1/series?measurement=meter&from=yesterday", "from", "now-6h"),
        ("/api/v1/series?measurement=meter&from=2026-10-01T00:00:00", "from", "with an offset"),
        ("/api/v1/series?measurement=meter&from=now&to=now-1h", "to", "is not after"),
        ("/api/v1/series?measurement=meter&step=soon", "step", "PT15M"),
        ("/api/v1/series?measurement=meter&step=1s&from=now-30d", "step", "take a longer one"),
        ("/api/v1/series?measurement=meter&step=1m&agg=median", "agg", "choose from mean"),
        ("/api/v1/series?measurement=meter&step=1m&group=rack", "group", "choose from site, meter"),
        ("/api/v1/series?measurement=meter&agg=max", "agg", "name a step too"),
        ("/api/v1/series.csv?measurement=meter&to=0", "to", "is not after"),
        ("/api/v1/live?site=gdynia", "site", "choose from gdansk, kaunas, all"),
        ("/api/v1/ledger?as_of=later", "as_of", "now-6h"),
        ("/api/v1/ledger?from=now-3000d", "from", "at most 366 days"),
        ("/api/v1/kpi?step=PT5M", "step", "PT15M"),
        ("/api/v1/kpi?from=now-9m&to=now-5m", "to", "at least one"),
        ("/api/v1/kpi?from=now-3000d&step=PT15M", "step", "longer step"),
        ("/api/v1/alerts?state=burning", "state", "unacknowledged"),
        ("/api/v1/alerts/none", "alert_id", "integer"),
        ("/api/v1/reports?site=gdynia", "site", "choose from gdansk, kaunas, all"),
        ("/api/v1/completeness?measurement=sun", "measurement", "choose from gpu"),
        ("/api/v1/completeness?from=now-90d", "from", "at most 35 days"),
    ],
)
async def test_a_wrong_question_is_told_what_to_mend(
    reader: httpx.AsyncClient, path: str, parameter: str, fix: str
) -> None:
    answer = await reader.get(path)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (400, "Bad Request")
    assert problem["parameter"] == parameter
    assert fix in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/api/v1/alerts/99", "/api/v1/nothing", "/nothing"])
async def test_what_is_not_there_is_a_problem_too(reader: httpx.AsyncClient, path: str) -> None:
    answer = await reader.get(path)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_wrong_method_says_which_is_right(reader: httpx.AsyncClient) -> None:
    answer = await reader.put("/api/v1/live")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["title"] == "Method Not Allowed"


@pytest.mark.asyncio(loop_scope="function")
async def test_a_note_can_be_added_to_what_is_acknowledged(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as operator:
        await operator.post("/api/v1/alerts/2/ack")
        answer = await operator.post("/api/v1/alerts/2/note", json={"note": " pump B is being replaced "})
        assert answer.status_code == 200
        told = answer.json()
        assert (told["state"], told["note"]) == ("acknowledged", "pump B is being replaced")
        last = (await operator.get("/api/v1/alerts/2")).json()["timeline"][-1]
        assert (last["before"], last["after"]) == ("acknowledged", "acknowledged")
        assert (last["who"], last["note"]) == ("operator probe", "pump B is being replaced")
        for nothing in ({}, {"note": ""}, {"note": "  "}, {"note": "x" * 2_001}):
            assert (await operator.post("/api/v1/alerts/2/note", json=nothing)).status_code == 400
        assert (await operator.post("/api/v1/alerts/999/note", json={"note": "x"})).status_code == 404
    async with client(server, fake.tokens["viewer"]) as viewer:
        assert (await viewer.post("/api/v1/alerts/2/note", json={"note": "x"})).status_code == 403


@pytest.mark.asyncio(loop_scope="function")
async def test_acknowledge_and_silence(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as operator:
        stale = await operator.post("/api/v1/alerts/2/ack", json={"rev": 2})
        assert (stale.status_code, stale.json()["parameter"]) == (409, "rev")
        first = await operator.post("/api/v1/alerts/2/ack", json={"rev": 3, "note": "pump B started"})
        assert (first.json()["state"], first.json()["note"]) == ("acknowledged", "pump B started")
        again = await operator.post("/api/v1/alerts/2/ack")
        assert (again.status_code, again.json()["rev"]) == (200, 4)
        quiet = await operator.post("/api/v1/alerts/1/silence", json={"for": "8h", "note": "maintenance"})
        assert datetime.fromisoformat(quiet.json()["silenced_until"]) == NOW + timedelta(hours=8)
        until = (NOW + timedelta(hours=2)).isoformat()
        quiet = await operator.post("/api/v1/alerts/1/silence", json={"until": until})
        assert datetime.fromisoformat(quiet.json()["silenced_until"]) == NOW + timedelta(hours=2)
        for body, parameter in (
            ({"for": "25h"}, "for"),
            ({"until": "now-1h"}, "until"),
            ({"for": "a while"}, "for"),
            ({"note": "x" * 2_001}, "note"),
            ({"who": "somebody else"}, "who"),
        ):
            wrong = await operator.post("/api/v1/alerts/1/silence", json=body)
            assert (wrong.status_code, wrong.json()["parameter"]) == (400, parameter)
        for verb in ("ack", "silence"):
            assert (await operator.post(f"/api/v1/alerts/99/{verb}")).status_code == 404
        broken = await operator.post(
            "/api/v1/alerts/1/ack", content="{", headers={"Content-Type": "application/json"}
        )
        assert (broken.status_code, "no JSON" in broken.json()["detail"]) == (400, True)


@pytest.mark.asyncio(loop_scope="function")
async def test_issue_a_report(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as operator:
        made = await operator.post("/api/v1/reports/kaunas/2026-08", json={"formats": ["csv", "json"]})
        assert (made.status_code, set(made.json()["sha256"])) == (200, {"csv", "json"})
        future = await operator.post("/api/v1/reports/kaunas/2027-08")
        assert (future.status_code, future.json()["detail"]) == (400, "2027-08 has not begun")
        assert (await operator.post("/api/v1/reports/nowhere/2026-08")).status_code == 404
        assert (await operator.post("/api/v1/reports/kaunas/august")).status_code == 400


@pytest.mark.asyncio(loop_scope="function")
async def test_the_report_of_all_sites_as_one(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as operator:
        assert (await operator.get("/api/v1/reports/all/2026-08.csv")).status_code == 404
        made = await operator.post("/api/v1/reports/all/2026-08", json={"formats": ["csv"]})
        assert (made.status_code, made.json()["site"]) == (200, "all")
        for path in ("/api/v1/reports/all/2026-08.csv", "/reports/all/2026-08.csv"):
            assert (await operator.get(path)).text == "all 2026-08 csv\n"
        listed = (await operator.get("/api/v1/reports?site=all")).json()["reports"]
        assert [(report["site"], report["period"]) for report in listed] == [("all", "2026-08")]


@pytest.mark.asyncio(loop_scope="function")
async def test_a_stale_part_withholds_its_sums(fake: FakeHouse, server: WebServer) -> None:
    fake.clock.advance(timedelta(minutes=4))  # type: ignore[attr-defined]
    await fake.read(METER, ("gdansk", "main-1"), fake.clock.now(), power_w=11.0e6)
    async with client(server, fake.tokens["viewer"]) as viewer:
        gdansk = (await told(viewer, "/api/v1/live"))["sites"]["gdansk"]
        assert gdansk["grid_w"] == 11.0e6
        assert [gdansk[name] for name in ("power_w", "it_w", "gpu_w", "pue", "green_share")] == [None] * 5
        assert gdansk["withheld"]["it_w"] == "meter ups-a has been silent for 240 s"
        assert gdansk["withheld"]["gpu_w"] == "2 of 2 GPUs are silent"
        assert (gdansk["gpu_reporting"], gdansk["gpu_known"]) == (0, 2)
        assert "pue_ratio{" not in (await viewer.get("/metrics")).text


@pytest.mark.asyncio(loop_scope="function")
async def test_a_failure_of_ours_is_answered_with_an_id(fake: FakeHouse, server: WebServer) -> None:
    fake.readiness.problems = None  # type: ignore[assignment,method-assign]
    async with client(server) as stranger:
        answer = await stranger.get("/readyz")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] in answer.json()["detail"]
    assert "content-security-policy" in answer.headers
