"""Who may do what: every route for every kind of caller, forged requests, and the login."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from dashboards.gate import COOKIE, OPEN, UNASKED
from dashboards.house import AuthOptions
from dashboards.server import WebServer
from runtime.clock import ManualClock
from tests.fakes.house import PASSWORD, FakeHouse, furnished, serving
from tests.integration.dashboards.conftest import client

FILLED = {
    "{alert_id}": "1",
    "{site}": "gdansk",
    "{period}": "2026-09",
    "{month}": "2026-09",
    "{format}": "pdf",
}
STREAMS = ("/api/v1/stream", "/ws")
"""Never end by themselves; tested with the live feed."""


def routes(fake: FakeHouse) -> list[tuple[str, str]]:
    """Method and example path of every HTTP route of the application."""
    found = []
    for route in iter_route_contexts(fake.app().routes):
        path = route.path or ""
        for mark, value in FILLED.items():
            path = path.replace(mark, value)
        methods = (route.methods or set()) - {"HEAD", "OPTIONS"}
        found += [(method, path) for method in sorted(methods) if path not in STREAMS]
    return found


async def log_in(program: httpx.AsyncClient, name: str) -> str:
    """Open a session; its CSRF token."""
    answer = await program.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["csrf"])


async def test_every_route_is_closed_to_strangers(fake: FakeHouse, server: WebServer) -> None:
    known = routes(fake)
    assert len(known) > 30
    async with client(server) as stranger:
        for method, path in known:
            status = (await stranger.request(method, path)).status_code
            if path in UNASKED:
                assert status == 200, path
            elif path not in OPEN:
                assert status == 401, (method, path)


async def test_a_viewer_reads_everything_and_changes_nothing(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["viewer"]) as viewer:
        for method, path in routes(fake):
            if path in OPEN or path == "/logout":
                continue
            status = (await viewer.request(method, path)).status_code
            if path.startswith("/api/v1/replay"):  # costs so much that it is the operators'
                assert status == 403
            elif method == "GET":
                assert status in (200, 400, 404), (method, path)
            elif path.startswith("/api/"):
                assert status == 403, (method, path)
            else:
                assert status in (401, 403), (method, path)
    assert all(a.acknowledged_by is None for a in await fake.board.alerts())
    assert len(await fake.desk.entries()) == 1


async def test_an_operators_token_may_act_without_further_proof(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as operator:
        answer = await operator.post("/api/v1/alerts/1/ack", json={"rev": 1, "note": "on my way"})
        assert answer.status_code == 200
        assert answer.json()["acknowledged_by"] == "operator probe"


async def test_a_session_proves_each_change_with_its_token(fake: FakeHouse, server: WebServer) -> None:
    async with client(server) as person:
        csrf = await log_in(person, "operator")
        assert (await person.post("/api/v1/alerts/1/ack")).status_code == 403
        forged = await person.post("/api/v1/alerts/1/ack", headers={"X-CSRF-Token": "0" * 64})
        assert forged.status_code == 403
        assert forged.json()["parameter"] == "X-CSRF-Token"
        answer = await person.post("/api/v1/alerts/1/ack", headers={"X-CSRF-Token": csrf})
        assert answer.json()["acknowledged_by"] == "operator"


async def test_another_sites_page_cannot_act_even_with_the_cookie(server: WebServer) -> None:
    async with client(server) as person:
        csrf = await log_in(person, "operator")
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            answer = await person.post("/api/v1/alerts/1/ack", headers={"X-CSRF-Token": csrf} | headers)
            assert answer.status_code == 403, headers
        own = {"Origin": server.url, "X-CSRF-Token": csrf}
        assert (await person.post("/api/v1/alerts/1/ack", headers=own)).status_code == 200


async def test_a_form_carries_the_token_in_a_field(server: WebServer) -> None:
    async with client(server) as person:
        csrf = await log_in(person, "operator")
        assert (await person.post("/logout", data={"csrf": "wrong"})).status_code == 403
        assert (await person.post("/logout", data={"csrf": csrf})).status_code == 303
        assert (await person.get("/api/v1/session")).status_code == 401


async def test_the_cookie_is_out_of_reach(server: WebServer) -> None:
    async with client(server) as person:
        answer = await person.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
        cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE)
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "max-age=43200" in cookie
    assert "secure" not in cookie  # plain http on loopback; https sets it


async def test_a_browser_is_led_to_the_login_and_back(server: WebServer) -> None:
    async with client(server) as browser:
        browser.headers["Accept"] = "text/html"
        sent = await browser.get("/alarms?site=gdansk")
        assert sent.status_code == 303
        assert sent.headers["location"] == "/login?next=/alarms%3Fsite%3Dgdansk"
        form = await browser.get(sent.headers["location"])
        assert form.status_code == 200
        assert 'value="/alarms?site=gdansk"' in form.text
        back = await browser.post(
            "/login", data={"user": "viewer", "password": PASSWORD, "next": "/alarms?site=gdansk"}
        )
        assert (back.status_code, back.headers["location"]) == (303, "/alarms?site=gdansk")
        assert (await browser.get("/alarms?site=gdansk")).status_code == 200


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"]
)
async def test_the_login_leads_nowhere_else(server: WebServer, wanted: str) -> None:
    async with client(server) as browser:
        answer = await browser.post("/login", data={"user": "viewer", "password": PASSWORD, "next": wanted})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_guessing_is_slowed_and_says_for_how_long(fake: FakeHouse, server: WebServer) -> None:
    async with client(server) as guesser:
        for _ in range(5):
            answer = await guesser.post("/api/v1/session", json={"name": "viewer", "password": "wrong one"})
            assert answer.status_code == 401
        answer = await guesser.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        page = await guesser.post("/login", data={"user": "viewer", "password": PASSWORD})
        assert page.status_code == 429
        assert "Too many wrong passwords; try again in 1 s." in page.text
        assert isinstance(fake.clock, ManualClock)
        fake.clock.advance(timedelta(seconds=1))
        await log_in(guesser, "viewer")


async def test_a_wrong_password_and_an_unknown_name_look_the_same(server: WebServer) -> None:
    async with client(server) as guesser:
        answers = [
            (await guesser.post("/api/v1/session", json={"name": name, "password": "wrong one"})).json()
            for name in ("viewer", "nobody")
        ]
    assert [answer.pop("request_id") != "" for answer in answers] == [True, True]
    assert answers[0] == answers[1]


async def test_a_revoked_token_and_an_expired_session_are_refused(fake: FakeHouse, server: WebServer) -> None:
    token = await fake.users.token_create("viewer", "short-lived")
    async with client(server, token) as program, client(server) as person:
        assert (await program.get("/api/v1/live")).status_code == 200
        await fake.users.token_revoke(token.split("_")[1])
        answer = await program.get("/api/v1/live")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        await log_in(person, "viewer")
        assert isinstance(fake.clock, ManualClock)
        fake.clock.advance(timedelta(hours=12))
        assert (await person.get("/api/v1/live")).status_code == 401


async def test_anonymous_viewing_opens_reading_only(tmp_path: Path) -> None:
    async with (
        furnished(tmp_path, auth=AuthOptions(anonymous="viewer")) as fake,
        serving(fake) as server,
        client(server) as stranger,
    ):
        assert (await stranger.get("/api/v1/live")).status_code == 200
        assert (await stranger.get("/")).status_code == 200
        for path in ("/api/v1/alerts/1/ack", "/alarms/1/ack", "/api/v1/reports/gdansk/2026-09"):
            assert (await stranger.post(path)).status_code == 401, path
        stranger.headers["Authorization"] = "Bearer aw_nonsense"
        assert (await stranger.get("/api/v1/live")).status_code == 401


async def test_strangers_read_under_our_own_names_only(tmp_path: Path) -> None:
    async with (
        furnished(tmp_path, auth=AuthOptions(anonymous="viewer")) as fake,
        serving(fake) as server,
        client(server) as stranger,
    ):
        ours = ("localhost:8080", "127.0.0.1", "[::1]:8080", "192.0.2.7:80", "Energy.example.org")
        for host in ours:
            assert (await stranger.get("/api/v1/live", headers={"Host": host})).status_code == 200, host
        for host in ("evil.example", "127.0.0.1.evil.example", "energy.example.org.evil.example:80", "[::1"):
            for path in ("/api/v1/live", "/", "/metrics"):
                answer = await stranger.get(path, headers={"Host": host})
                assert answer.status_code == 421, (host, path)
        assert "[service] public_url" in answer.text
        rebound = {"Host": "evil.example"}
        assert (await stranger.get("/healthz", headers=rebound)).status_code == 200
        token = rebound | {"Authorization": f"Bearer {fake.tokens['viewer']}"}
        assert (await stranger.get("/api/v1/live", headers=token)).status_code == 200


async def test_every_answer_confines_the_page(server: WebServer) -> None:
    async with client(server) as stranger:
        for path in ("/healthz", "/login", "/api/v1/live", "/nowhere", "/static/nothing.js"):
            headers = (await stranger.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy, path
            assert "unsafe" not in policy, path
            assert "http" not in policy, path
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers
