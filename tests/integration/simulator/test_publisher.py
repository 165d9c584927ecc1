"""What the publisher says it published is what a subscriber got, over mosquitto and over amqtt."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mqttium.api import AsyncClient, Message

from runtime.clock import ManualClock
from runtime.errors import SourceError
from simulator.broker import EmbeddedBroker
from simulator.messages import Cadence, messages
from simulator.model import Model
from simulator.plan import GDANSK
from simulator.publisher import Link, Publisher
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server, free_port

START = datetime(2026, 11, 2, tzinfo=UTC)
HOURS = (START, START + timedelta(hours=3))
STATUS = "dc/v1/gdansk/meter/main-1/status"


class Listener:
    """Everything that was said on ``dc/v1/#``."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self._more = asyncio.Event()

    def take(self, message: Message) -> None:
        self.heard.append(message)
        self._more.set()

    async def until(self, satisfied: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not satisfied():
                self._more.clear()
                await self._more.wait()

    def telemetry(self) -> Counter[tuple[str, bytes]]:
        return Counter((m.topic, m.payload) for m in self.heard if not m.topic.endswith("/status"))

    def status(self) -> list[bytes]:
        return [m.payload for m in self.heard if m.topic == STATUS]


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Listener]:
    listener = Listener()
    client = AsyncClient("listener", message_delivery="callback")
    client.on_message = listener.take
    await client.connect("127.0.0.1", port)
    await client.subscribe("dc/v1/#", qos=1)
    yield listener
    await client.disconnect()


@pytest.fixture
def model() -> Model:
    return Model(START, [GDANSK]).only("gdansk")


async def publish_and_compare(model: Model, port: int, link: Link) -> None:
    expected = Counter(messages(model, *HOURS))
    async with listening(port) as listener:
        async with Publisher(model, link) as publisher:
            account = await publisher.recorded(*HOURS)
            await listener.until(lambda: listener.telemetry().total() >= expected.total())
        await listener.until(lambda: listener.status()[-1:] == [b"offline"])
    assert listener.telemetry() == expected
    assert account.published == account.acknowledged == Counter(topic for topic, _ in expected.elements())
    assert listener.status() == [b"online", b"offline"]


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_the_account_equals_what_mosquitto_delivered(
    broker: Server, model: Model, protocol: str
) -> None:
    await publish_and_compare(model, broker.port, Link(broker.port, protocol=protocol))  # type: ignore[arg-type]


async def test_the_account_equals_what_the_embedded_broker_delivered(model: Model) -> None:
    async with EmbeddedBroker(0) as broker:
        await publish_and_compare(model, broker.port, Link(broker.port))


async def test_a_lost_connection_costs_no_message(broker: Server, model: Model) -> None:
    expected = Counter(messages(model, *HOURS))
    link = Link(broker.port, unacknowledged=50)
    async with listening(broker.port) as listener, Publisher(model, link) as publisher:
        task = asyncio.create_task(publisher.recorded(*HOURS))
        await listener.until(lambda: len(listener.heard) > 100)
        usurper = AsyncClient("simulator-gdansk")  # the broker hangs up on whom this name belonged to
        await usurper.connect("127.0.0.1", broker.port)
        account = await task
        await listener.until(lambda: set(listener.telemetry()) == set(expected))
        await listener.until(lambda: listener.status() == [b"online", b"offline", b"online"])
        await usurper.disconnect()
    assert account.acknowledged == Counter(topic for topic, _ in expected.elements())


async def test_live_speaks_at_each_tick_and_leaves_no_gap(broker: Server, model: Model) -> None:
    clock = ManualClock(START + timedelta(seconds=31))
    cadence = Cadence(node=timedelta(seconds=5), other=timedelta(seconds=10))
    async with listening(broker.port) as listener, Publisher(model, Link(broker.port)) as publisher:
        task = asyncio.create_task(publisher.live(clock, cadence, since=START + timedelta(seconds=20)))
        for until in (31, 35, 52):
            clock.set(START + timedelta(seconds=until))
            expected = Counter(
                messages(
                    model, START + timedelta(seconds=20), clock.now() + timedelta(milliseconds=1), cadence
                )
            )
            await listener.until(lambda expected=expected: listener.telemetry() == expected)  # type: ignore[misc]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_publisher_that_dies_is_declared_offline(broker: Server, model: Model) -> None:
    async with listening(broker.port) as listener:
        publisher = Publisher(model, Link(broker.port))
        await publisher.__aenter__()
        await listener.until(lambda: listener.status() == [b"online"])
        # Taking over its name makes the broker drop the connection without a DISCONNECT.
        usurper = AsyncClient("simulator-gdansk")
        await usurper.connect("127.0.0.1", broker.port)
        await listener.until(lambda: b"offline" in listener.status())
        await publisher.__aexit__(None, None, None)
        await usurper.disconnect()


async def test_the_embedded_broker_keeps_a_persistent_session(model: Model) -> None:
    async with EmbeddedBroker(0) as broker:
        reader = AsyncClient("reader", clean_start=False)
        await reader.connect("127.0.0.1", broker.port)
        await reader.subscribe("dc/v1/#", qos=1)
        await reader.disconnect()
        async with Publisher(model, Link(broker.port)) as publisher:
            span = (START, START + timedelta(minutes=10))
            account = await publisher.recorded(*span)
        again = AsyncClient("reader", clean_start=False)
        answer = await again.connect("127.0.0.1", broker.port)
        assert answer.session_present
        heard: set[tuple[str, bytes]] = set()
        wanted = set(messages(model, *span))
        async with asyncio.timeout(20):
            async for message in again.messages():
                heard.add((message.topic, message.payload))
                if wanted <= heard:
                    break
        await again.disconnect()
    assert account.acknowledged.total() == len(wanted)


async def test_the_embedded_broker_names_a_taken_port() -> None:
    async with EmbeddedBroker(0) as broker:
        with pytest.raises(SourceError) as caught:
            await EmbeddedBroker(broker.port).__aenter__()
        assert str(caught.value) == (
            f"the embedded broker cannot listen on 127.0.0.1:{broker.port}: address already in use; "
            "stop what uses it, or choose another port"
        )


async def test_a_broker_that_refuses_is_named(tmp_path: Path, model: Model) -> None:
    server = mosquitto(tmp_path, "allow_anonymous false", port=free_port())
    server.start()
    with pytest.raises(SourceError, match=str(server.port)):
        await Publisher(model, Link(server.port)).__aenter__()
    server.stop()
