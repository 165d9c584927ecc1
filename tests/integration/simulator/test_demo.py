"""The demo's two gateways speak over the embedded broker from where history ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mqttium.api import AsyncClient, Message

from runtime.clock import ManualClock
from simulator.broker import EmbeddedBroker
from simulator.demo import Demo
from simulator.messages import messages
from simulator.publisher import LIVE

NOW = datetime(2026, 11, 22, 14, 20, 7, tzinfo=UTC)


async def test_both_sites_go_live_where_history_ends(tmp_path: Path) -> None:
    demo = Demo.open(tmp_path, NOW)
    history = demo.history(NOW)
    wanted = set(messages(demo.model, history.end, NOW + timedelta(milliseconds=1), LIVE))
    heard: set[tuple[str, bytes]] = set()
    complete = asyncio.Event()

    def hear(message: Message) -> None:
        if not message.topic.endswith("/status"):
            heard.add((message.topic, message.payload))
        if heard >= wanted:
            complete.set()

    async with EmbeddedBroker(0) as broker:
        listener = AsyncClient("listener", message_delivery="callback")
        listener.on_message = hear
        await listener.connect("127.0.0.1", broker.port)
        await listener.subscribe("dc/v1/#", qos=1)
        live = asyncio.create_task(demo.live(broker.port, ManualClock(NOW), history.end))
        async with asyncio.timeout(20):
            await complete.wait()
        live.cancel()
        await asyncio.gather(live, return_exceptions=True)
        await listener.disconnect()
    assert live.cancelled()
    assert heard == wanted
    assert {topic.split("/")[2] for topic, _ in heard} == {"gdansk", "kaunas", "grid"}
