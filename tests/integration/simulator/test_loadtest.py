"""The load test's account equals what a subscriber got from mosquitto."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mqttium.api import AsyncClient, Message

from runtime.clock import ManualClock, to_ms
from runtime.errors import SourceError
from simulator.loadtest import LoadOptions, LoadTest
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server, free_port

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize("pattern", ["even", "burst"])
async def test_every_message_arrives_once_with_a_time_of_its_own(broker: Server, pattern: Any) -> None:
    options = LoadOptions(port=broker.port, nodes=50, connections=7, rate=1_500, seconds=1.2, pattern=pattern)
    heard: list[Message] = []
    all_heard = asyncio.Event()

    def hear(message: Message) -> None:
        heard.append(message)
        if len(heard) >= options.total:
            all_heard.set()

    listener = AsyncClient("listener", message_delivery="callback")
    listener.on_message = hear
    await listener.connect("127.0.0.1", broker.port)
    await listener.subscribe("dc/v1/loadtest/#", qos=1)
    shares: list[float] = []
    result = await LoadTest(options, ManualClock(NOW), shares.append).run()
    async with asyncio.timeout(20):
        await all_heard.wait()
    await listener.disconnect()

    bodies = [(m.topic, msgspec.json.decode(m.payload)) for m in heard]
    assert result.sent == result.acknowledged == len(heard) == 1_800
    assert result.rows == sum(len(body["gpus"]) for _, body in bodies) == 14_400
    assert len({(topic, body["ts"]) for topic, body in bodies}) == 1_800
    assert Counter(topic for topic, _ in bodies).most_common(1)[0][1] == 36
    assert min(body["ts"] for _, body in bodies) == result.first_ts_ms == to_ms(NOW)
    assert max(body["ts"] for _, body in bodies) == result.last_ts_ms
    assert shares[-1] == 1.0
    assert result.behind_s >= 0
    assert result.cpu_us_per_message > 0


async def test_a_full_window_holds_back_and_loses_nothing(broker: Server) -> None:
    options = LoadOptions(
        port=broker.port, nodes=20, connections=2, rate=2_000, seconds=0.5, pattern="burst", unacknowledged=10
    )
    result = await LoadTest(options, ManualClock(NOW)).run()
    assert result.sent == result.acknowledged == 1_000
    assert result.behind_s > 0.1


async def test_a_broker_that_dies_is_told_and_not_hidden(tmp_path: Path) -> None:
    server = mosquitto(tmp_path)
    server.start()
    options = LoadOptions(port=server.port, nodes=100, rate=1_000, seconds=60)
    begun = asyncio.Event()
    run = asyncio.create_task(LoadTest(options, ManualClock(NOW), lambda share: begun.set()).run())
    await begun.wait()
    server.kill()
    with pytest.raises(SourceError, match="closed the connection"):
        await run


async def test_nobody_there_and_nobody_let_in_are_told_apart(tmp_path: Path) -> None:
    options = LoadOptions(port=free_port(), nodes=1)
    with pytest.raises(SourceError, match="cannot reach"):
        await LoadTest(options, ManualClock(NOW)).run()
    server = mosquitto(tmp_path, "allow_anonymous false")
    server.start()
    with pytest.raises(SourceError, match="CONNACK code 5"):
        await LoadTest(
            LoadOptions(port=server.port, nodes=1, user="who", password="?"), ManualClock(NOW)
        ).run()
    server.stop()
