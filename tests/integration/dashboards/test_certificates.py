"""Certificates over HTTP: what programs and operators enter, and what the pages tell of it."""

from __future__ import annotations

import httpx

from dashboards.server import WebServer
from tests.fakes.house import FakeHouse
from tests.integration.dashboards.conftest import client
from tests.unit.energy.certificates.vault import HEADERS, wind

API = "/api/v1/certificates"
SEPTEMBER = ("2026-09-01", "2026-09-30")


def file(*rows: str) -> str:
    return "\n".join([HEADERS, *rows, ""])


async def taken(person: httpx.AsyncClient, *rows: str, **more: object) -> httpx.Response:
    body = {"registry": "pl", "name": "september.csv", "content": file(*rows), "who": "Anna", **more}
    return await person.post(f"{API}/import", json=body)


async def test_certificates_from_the_file_to_the_figure(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        dry = (await taken(person, wind(1, 100, days=SEPTEMBER), dry_run=True)).json()
        assert (dry["taken"], dry["bundles"], dry["volume_wh"]) == (False, 1, 100_000_000)
        assert (await taken(person, wind(1, 100, days=SEPTEMBER))).json()["taken"] is True
        again = (await taken(person, wind(1, 100, days=SEPTEMBER))).json()
        assert (again["taken"], again["known_by"]) == (False, "Anna (operator probe)")
        order = {"registry": "PL", "site": "gdansk", "period": "2026-09"}
        done = (await person.post(f"{API}/allocate", json=order | {"mwh": 60})).json()
        assert done == {"numbers": ["PL-000001 to PL-000060"], "wh": 60_000_000}
        serving = {"site": "gdansk", "period": "2026-09"}
        done = await person.post(f"{API}/release", json=serving | {"reason": "too many"})
        assert done.status_code == 200
        await person.post(f"{API}/allocate", json=order | {"mwh": 50})
        done = await person.post(f"{API}/cancel", json=serving | {"document": "TGE 77", "on": "now-1d"})
        assert done.json()["wh"] == 50_000_000
        done = await person.post(f"{API}/sell", json={"registry": "PL", "mwh": 10, "document": "contract 9"})
        assert done.json()["numbers"] == ["PL-000051 to PL-000060"]
        held = (await person.get(API)).json()["certificates"]
        assert [(one["numbers"], one["state"], one["site"]) for one in held] == [
            ("PL-000001 to PL-000050", "cancelled", "gdansk"),
            ("PL-000051 to PL-000060", "sold", None),
            ("PL-000061 to PL-000100", "held", None),
        ]
        story = (await person.get(f"{API}/{held[0]['bundle']}")).json()
        assert [one["kind"] for one in story["happenings"]] == [
            "issued", "held", "allocated", "released", "allocated", "cancelled", "sold",
        ]  # fmt: skip
        revoke = serving | {"document": "TGE 78", "reason": "wrong beneficiary"}
        assert (await person.post(f"{API}/revoke", json=revoke)).status_code == 200
        of_site = (await person.get(API, params={"site": "gdansk", "state": "revoked"})).json()
        assert len(of_site["certificates"]) == 1


REFUSED = (
    ("import", {"registry": "XX", "name": "f.csv", "content": ""}, "registry"),
    ("allocate", {"registry": "PL", "site": "oslo", "period": "2026-09"}, "site"),
    ("allocate", {"registry": "PL", "site": "gdansk", "period": "Q3"}, None),
    ("cancel", {"site": "gdansk", "period": "2026-09"}, "document"),
    ("cancel", {"document": "x", "period": "2026-09"}, "site"),
    ("sell", {"registry": "PL"}, "document"),
    ("release", {"parts": [99]}, None),
    ("revoke", {"parts": [99], "document": "x"}, "reason"),
    ("release", {"party": 1}, "party"),
)


async def test_what_cannot_be_done_is_refused_with_the_fix(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        for path, body, parameter in REFUSED:
            answer = await person.post(f"{API}/{path}", json=body)
            assert (answer.status_code, answer.json()["parameter"]) == (400, parameter), answer.text
    async with client(server, fake.tokens["viewer"]) as person:
        assert (await person.get(API)).json() == {"certificates": [], "next": None}
        assert (await person.get(f"{API}/1")).status_code == 404
        assert (await taken(person, wind(1, 2, days=SEPTEMBER))).status_code == 403
        page = await person.get("/certificates")
        assert (page.status_code, "Import a file" in page.text) == (200, False)
        assert (await person.get("/certificates/1")).status_code == 404
        form = {"site": "gdansk", "period": "2026-09"}
        assert (await person.post("/certificates/release", data=form)).status_code == 403


async def test_the_page_checks_imports_allocates_and_cancels(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        good = file(wind(1, 100, days=SEPTEMBER), wind(101, 120, days=SEPTEMBER, zone="SE4"))
        upload = {"file": ("tge.csv", good.encode(), "text/csv")}
        preview = (await person.post("/certificates/check", data={"registry": "PL"}, files=upload)).text
        assert "foreign zone SE4" in preview
        assert "PL-000001 to PL-000100" in preview
        content = preview.split('name="content" value="')[1].split('"')[0]
        form = {"registry": "PL", "name": "tge.csv", "content": content}
        done = await person.post("/certificates/import", data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/certificates?done=imported")
        page = (await person.get("/certificates?done=imported")).text
        assert "its certificates are held" in page
        again = (await person.post("/certificates/import", data=form)).text
        assert "there is nothing to do" in again
        order = {"registry": "PL", "site": "gdansk", "period": "2026-09", "mwh": "110"}
        assert (await person.post("/certificates/allocate", data=order)).status_code == 303
        refused = await person.post("/certificates/allocate", data=order)
        assert (refused.status_code, "Nothing was allocated" in refused.text) == (400, True)
        serving = {"site": "gdansk", "period": "2026-09", "next": "/certificates?site=gdansk"}
        refused = await person.post("/certificates/cancel", data=serving)
        assert (refused.status_code, "Nothing was cancelled" in refused.text) == (400, True)
        cancelled = serving | {"statement": "TGE 2026/10/5", "on": "2026-10-19"}
        done = await person.post("/certificates/cancel", data=cancelled)
        assert done.headers["location"] == "/certificates?site=gdansk&done=cancelled"
        page = (await person.get("/certificates?site=gdansk")).text
        assert "TGE 2026/10/5" in page
        assert 'href="/green/2026-09?site=gdansk"' in page
        assert "from other bidding zones: by volume only" in page
        story = (await person.get("/certificates/1?site=gdansk")).text
        assert "tge.csv, line 2" in story
        assert "TGE 2026/10/5, 2026-10-19 23:59" in story
        refused = await person.post("/certificates/release", data=serving)
        assert "Nothing was released" in refused.text


async def test_a_file_with_wrong_lines_is_shown_and_not_taken(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        bad = file(
            wind(1, 20, days=SEPTEMBER),
            wind(10, 30, days=SEPTEMBER),
            wind(40, 50, days=("2024-01-01", "2024-01-31")),
        )
        preview = await person.post(
            "/certificates/check",
            data={"registry": "PL"},
            files={"file": ("bad.csv", bad.encode(), "text/csv")},
        )
        assert "duplicate of numbers in line 2" in preview.text
        assert "expired on 2025-02-01" in preview.text
        assert 'action="/certificates/import' not in preview.text
        large = {"file": ("large.csv", b"x" * 200_000, "text/csv")}
        refused = await person.post("/certificates/check", data={"registry": "PL"}, files=large)
        assert (refused.status_code, "split it" in refused.text) == (400, True)
        odd = {"registry": "PL", "name": "x", "content": "no base64!"}
        assert (await person.post("/certificates/import", data=odd)).status_code == 400
        assert (await person.get(API)).json()["certificates"] == []


async def test_a_long_list_is_told_in_pages(fake: FakeHouse, server: WebServer) -> None:
    async with client(server, fake.tokens["operator"]) as person:
        rows = [wind(n, n, days=SEPTEMBER) for n in range(1, 6)]
        assert (await taken(person, *rows)).json()["taken"] is True
        offset, seen = 0, []
        while offset is not None:
            found = (await person.get(API, params={"limit": 2, "offset": offset})).json()
            seen += [one["numbers"] for one in found["certificates"]]
            offset = found["next"]
        assert seen == [f"PL-00000{n}" for n in range(1, 6)]
        large = {"registry": "PL", "name": "x.csv", "content": "x" * (150 * 1024 + 1)}
        refused = await person.post(f"{API}/import", json=large)
        assert (refused.status_code, refused.json()["parameter"]) == (400, "content")
