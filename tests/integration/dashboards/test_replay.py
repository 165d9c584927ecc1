"""A replay over HTTP: whole, line by line, given up half-way, and never in the others' way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import httpx
import pytest

from alerts.reading import Reading
from alerts.replay import Replay
from alerts.verdict import Cadence, Severity, Verdict
from commands.replay import in_words, replayed
from commands.running import Running
from dashboards.app import create_app
from dashboards.house import House
from dashboards.server import WebServer
from runtime.errors import ServiceError
from tests.fakes.house import NOW, FakeHouse, furnished
from tests.integration.dashboards.conftest import client

ASKED = {"from": (NOW - timedelta(days=3)).isoformat(), "to": NOW.isoformat()}


class Night:
    """A rule for which something is wrong from 22:00 to 02:00 UTC; from ``fails`` on it cannot go on."""

    cadence = Cadence.LEDGER

    def __init__(self, fails: datetime | None = None) -> None:
        self.asked, self.fails = 0, fails
        self.begun = asyncio.Event()

    async def judge(self, at: datetime, read: Reading) -> list[Verdict]:
        self.asked += 1
        self.begun.set()
        if self.fails is not None and at >= self.fails:
            raise ValueError("the ledger is gone")
        return [
            Verdict(
                key="night/gdansk",
                rule="night",
                site="gdansk",
                severity=Severity.LOW,
                active=at.hour >= 22 or at.hour < 2,
                title="Night",
                summary="It is night.",
            )
        ]


@asynccontextmanager
async def replaying(folder: Path, rule: Night) -> AsyncIterator[tuple[FakeHouse, WebServer]]:
    """A served house that replays ``rule``."""
    async with furnished(folder) as fake:
        plain = fake.house
        reading = Reading(plain.sites, plain.targets, plain.figures, plain.live, plain.ingest)
        house = House(**{**vars(plain), "replay": Replay({"night": rule}, reading)})
        server = WebServer(create_app(house), "127.0.0.1:0")
        await server.start()
        try:
            yield fake, server
        finally:
            await server.stop()


async def test_lines_tell_what_the_whole_answer_tells_and_how_far_it_has_come(tmp_path: Path) -> None:
    async with (
        replaying(tmp_path, Night()) as (fake, server),
        client(server, fake.tokens["operator"]) as operator,
    ):
        whole = (await operator.get("/api/v1/replay", params=ASKED)).json()["transitions"]
        answer = await operator.get("/api/v1/replay.ndjson", params=ASKED)
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [line for line in lines if "share" not in line] == whole
        shares = [line["share"] for line in lines if "share" in line]
        assert shares == sorted(shares)
        assert shares[-1] == 1
        assert len(shares) >= 4
        assert [change["after"] for change in whole[:3]] == ["unacknowledged", "returned", "normal"]
        assert lines[-1]["share"] == 1.0


async def test_what_nobody_knows_is_not_told_as_quiet(tmp_path: Path) -> None:
    async with replaying(tmp_path, Night()) as (fake, server):
        headers = {"Authorization": f"Bearer {fake.tokens['operator']}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as session:
            api = Running(session)
            ahead = await replayed(api, "now", "now+1d")
            known = await replayed(api, "now-3d", "now-2d")
            moment = await replayed(api, "now-1s", "now")
        assert (ahead.quarters, ahead.unknown) == (96, dict.fromkeys(fake.sites, 96))
        assert ahead.gaps()[0].startswith("gdansk: the energy of 96 of 96 quarter-hours is not known")
        assert (known.quarters, known.unknown, known.gaps()) == (96, dict.fromkeys(fake.sites, 0), [])
        assert moment.quarters <= 1


async def test_the_command_line_reads_the_lines(tmp_path: Path) -> None:
    async with replaying(tmp_path, Night()) as (fake, server):
        headers = {"Authorization": f"Bearer {fake.tokens['operator']}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as session:
            found = (await replayed(Running(session), ASKED["from"], ASKED["to"])).changes
            with pytest.raises(ServiceError, match="at most 92 days"):
                await replayed(Running(session), "now-93d", "now")
        async with client(server, fake.tokens["operator"]) as operator:
            assert found == (await operator.get("/api/v1/replay", params=ASKED)).json()["transitions"]
        assert in_words(found[0]).startswith(found[0]["at"])


async def test_an_answer_that_breaks_off_is_no_answer(tmp_path: Path) -> None:
    rule = Night(fails=NOW - timedelta(days=1))
    async with replaying(tmp_path, rule) as (fake, server):
        headers = {"Authorization": f"Bearer {fake.tokens['operator']}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as session:
            with pytest.raises(ServiceError, match="broke its answer off"):
                await replayed(Running(session), ASKED["from"], ASKED["to"])


@pytest.mark.parametrize("path", ["/api/v1/replay", "/api/v1/replay.ndjson"])
async def test_who_leaves_ends_it_and_others_are_served_meanwhile(tmp_path: Path, path: str) -> None:
    rule = Night()
    quarters = 92 * 96
    asked = {"from": "now-92d", "to": "now"}
    async with (
        replaying(tmp_path, rule) as (fake, server),
        client(server, fake.tokens["operator"]) as operator,
        client(server, fake.tokens["operator"]) as other,
    ):
        leaving = asyncio.create_task(operator.get(path, params=asked))
        await rule.begun.wait()
        assert (await other.get("/healthz")).status_code == 200
        assert rule.asked < quarters  # it was answered in between
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        before = rule.asked
        answer: httpx.Response = await other.get("/api/v1/replay", params=ASKED)  # waits for the first to end
        assert len(answer.json()["transitions"]) >= 6
        assert before <= rule.asked < quarters
