"""The hub in Python alone: one computation for all, bounded queues, changes of alarms."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.hub import QUEUE, Hub, Listener
from dashboards.now import Now
from runtime.clock import to_ms
from runtime.errors import ServiceError
from tests.fakes.board import alert
from tests.fakes.house import NOW, FakeHouse


@pytest.fixture
async def fake(tmp_path: Path) -> FakeHouse:
    house = FakeHouse(tmp_path)
    await house.minute(NOW)
    return house


@pytest.fixture
def hub(fake: FakeHouse) -> Hub:
    return Hub(fake.house, Now(fake.house), "build-1", interval_s=0.01)


async def drained(listener: Listener) -> list[dict[str, Any]]:
    """What is queued, after the feed has ended."""
    listener.end()
    return [json.loads(message) async for message in listener.messages()]


async def test_all_clients_get_the_very_same_text(hub: Hub) -> None:
    first, second = hub.join(), hub.join()
    await hub.tick()
    messages = [[m async for m in each.messages()] for each in (first, second) if each.end() is None]
    assert messages[0][1] is messages[1][1]


async def test_a_slow_client_loses_the_oldest_and_can_see_it(hub: Hub) -> None:
    slow = hub.join()
    for _ in range(QUEUE + 5):
        await hub.tick()
    kept = await drained(slow)
    assert [message["seq"] for message in kept] == list(range(6, QUEUE + 6))


async def test_a_slow_client_holds_up_nobody(hub: Hub) -> None:
    hub.join()
    quick = hub.join()
    seen = []
    feed = quick.messages()
    assert json.loads(await anext(feed))["type"] == "hello"
    for _ in range(3 * QUEUE):
        await hub.tick()
        seen.append(json.loads(await anext(feed))["seq"])
    assert seen == list(range(1, 3 * QUEUE + 1))


async def test_a_figure_travels_with_its_note_or_with_why_it_is_withheld(fake: FakeHouse, hub: Hub) -> None:
    listener = hub.join()
    await hub.tick()
    fake.clock.advance(timedelta(minutes=10))  # type: ignore[attr-defined]
    await hub.tick()
    _hello, fresh, stale = [m.get("values", m) for m in await drained(listener)]
    assert fresh["gdansk.gpu_w"] == {"v": 1400.0, "at": to_ms(NOW), "note": "2 of 2 reporting"}
    assert "note" not in fresh["gdansk.power_w"]
    assert stale["gdansk.gpu_w"] == {"v": None, "at": to_ms(NOW), "why": "2 of 2 GPUs are silent"}


async def test_no_clients_no_work(fake: FakeHouse, hub: Hub) -> None:
    running = asyncio.create_task(hub.run())
    await asyncio.sleep(0)
    assert hub.seq == 0
    listener = hub.join()
    feed = listener.messages()
    while json.loads(await anext(feed))["type"] != "tick":
        pass
    hub.leave(listener)
    hub.close()
    async with asyncio.timeout(10):
        await running


async def test_a_newcomer_hears_where_the_feed_stands(hub: Hub) -> None:
    hub.join()
    await hub.tick()
    await hub.tick()
    (hello,) = await drained(hub.join())
    assert (hello["type"], hello["seq"], hello["build"]) == ("hello", 2, "build-1")


async def test_whoever_joins_at_the_end_is_sent_away(hub: Hub) -> None:
    hub.close()
    kinds = [json.loads(m)["type"] async for m in hub.join().messages()]
    assert kinds == ["hello", "bye"]
    assert hub.listening == 0


async def test_only_changes_of_alarms_are_told(fake: FakeHouse, hub: Hub) -> None:
    listener = hub.join()
    fake.board.put(alert(1, NOW))
    await hub.watch_alarms()
    await hub.watch_alarms()
    fake.board.put(alert(2, NOW))
    await hub.watch_alarms()
    await fake.board.silence(1, who="kim", note=None, until=NOW, at=NOW)
    await hub.watch_alarms()
    told = [(m["id"], m["rev"]) for m in await drained(listener) if m["type"] == "alarm"]
    assert told == [(2, 1), (1, 2)]


async def test_unwanted_topics_are_not_sent(hub: Hub) -> None:
    listener = hub.join()
    listener.want(["alarm", "unheard-of"])
    await hub.tick()
    hub.close()
    kinds = [json.loads(m)["type"] async for m in listener.messages()]
    assert kinds == ["hello", "bye"]


async def test_a_database_that_fails_does_not_end_the_feed(fake: FakeHouse) -> None:
    class Flaky:
        failures = 2

        async def status(self) -> Any:
            if self.failures:
                self.failures -= 1
                raise ServiceError("the database is busy")
            return await fake.ingest.status()

        def sources(self) -> list[Any]:
            return []

    house = fake.house
    flaky = Flaky()
    object.__setattr__(house, "ingest", flaky)
    hub = Hub(house, Now(house), "build-1", interval_s=0.01)
    running = asyncio.create_task(hub.run())
    feed = hub.join().messages()
    async with asyncio.timeout(10):
        while flaky.failures == 2:
            await anext(feed)
        assert json.loads(await anext(feed))["type"] == "tick"
        hub.close()
        await running
