"""The System page as it is served: what was lost, and which count begins when."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from dashboards.panels.system import UNFOLDED
from dashboards.server import WebServer
from tests.fakes.house import FakeHouse
from tests.integration.dashboards.conftest import client


@pytest.fixture
async def people(fake: FakeHouse, server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    async with client(server, fake.tokens["viewer"]) as found:
        yield found


async def read(people: httpx.AsyncClient) -> str:
    """The page in words, without its tags."""
    answer = await people.get("/system")
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


async def test_what_was_lost_on_the_way_is_counted_beside_what_was_refused(
    people: httpx.AsyncClient,
) -> None:
    words = await read(people)
    assert "Missed 7 messages lost on their way here Session gaps 1 in which nobody knows" in words
    assert "Rejected 5 messages and rows Unstamped 5 messages without a time" in words
    assert "/api/v1/completeness?from=now-1h" in words


async def test_one_message_is_not_called_messages(fake: FakeHouse, people: httpx.AsyncClient) -> None:
    fake.ingest.status_now = replace(fake.ingest.status_now, missed=1, unstamped=1)
    words = await read(people)
    assert "Missed 1 message lost on its way here" in words
    assert "Unstamped 1 message without a time" in words


async def test_each_count_says_since_when_and_what_follows_the_journal_is_no_store(
    people: httpx.AsyncClient,
) -> None:
    words = await read(people)
    assert "Rows since start" in words
    assert "All counted since the data directory was made." in words
    assert "What follows the journal" in words
    assert "journal file, with room to be used again 34.6 kB" in words


async def test_many_sources_that_report_are_folded_on_a_wide_screen_too(
    fake: FakeHouse, people: httpx.AsyncClient
) -> None:
    one = next(source for source in fake.ingest.devices if source.last_at and source.online is not False)
    fake.ingest.devices = [replace(one, source=f"gdansk/meter/m{n}") for n in range(UNFOLDED)]
    fold = '<details data-fold="reporting" data-wide>'
    assert fold in (await people.get("/system")).text
    fake.ingest.devices = [*fake.ingest.devices, replace(one, source="gdansk/meter/more")]
    assert fold not in (await people.get("/system")).text
