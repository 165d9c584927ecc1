"""What every MQTT client must bear of networks and brokers, against a real mosquitto behind a bad cable."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mqttium import MQTTProtocolVersion
from mqttium.api import AsyncClient, Properties, PublishMessage

from collectors.session import HANG_UPS
from collectors.source import BrokerOptions
from tests.contract.test_source import CLIENTS, TOPIC, numbers, options, running, send, take, until
from tests.servers.cable import Cable
from tests.servers.mosquitto import mosquitto
from tests.servers.process import Server

WIDEST = 65_535


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest) -> str:
    """The name of the client under test."""
    return str(request.param)


def through(cable: Cable, broker: Server, client: str, **more: Any) -> BrokerOptions:
    return options(broker, client, url=f"mqtt://127.0.0.1:{cable.port}", **more)


async def fill(broker: Server, messages: list[PublishMessage]) -> None:
    """Publish from elsewhere and wait until the broker has them all."""
    async with AsyncClient("filler", max_outbound_inflight=1_000) as filler:
        await filler.connect("127.0.0.1", broker.port)
        await (await filler.publish_many(messages)).wait()


async def test_a_line_that_has_gone_dead_is_noticed(broker: Server, client: str) -> None:
    """Half open: nobody says that the connection is gone. Only the keep-alive can tell."""
    async with (
        Cable(broker.port) as cable,
        running(through(cable, broker, client, keepalive="1s")) as source,
    ):
        await until(lambda: source.connected)
        await send(source, 5)
        held = await take(source, 5)
        cable.go_dead()
        await until(lambda: not source.connected)
        assert source.problem is not None
        await until(lambda: source.connected)
        assert await source.acknowledge(held) == 0
        assert numbers(await take(source, 5)) == [0, 1, 2, 3, 4]


async def test_a_hang_up_before_connack_changes_no_version(
    broker: Server, client: str, tmp_path: Path
) -> None:
    """A restart or a load balancer hangs up; a broker that spoke MQTT 5 is asked in no other, ever."""
    memory = tmp_path / "session.json"
    async with Cable(broker.port) as cable:
        chosen = through(cable, broker, client)
        cable.hang_ups = 1
        async with running(chosen, memory) as source:
            await until(lambda: source.connected)
            assert (cable.hang_ups, source.version) == (0, "5")
            cable.hang_ups = 2 * HANG_UPS
            cable.cut()
            await until(lambda: not source.connected)
            await until(lambda: 'set [broker] protocol = "3.1.1"' in str(source.problem))
            await until(lambda: source.connected)
            assert source.version == "5"
        cable.hang_ups = 2 * HANG_UPS
        async with running(chosen, memory) as heir:
            await until(lambda: heir.connected)
            assert (cable.hang_ups, heir.version) == (0, "5")
            await send(heir, 1)
            assert numbers(await take(heir, 1)) == [0]


async def test_a_packet_that_was_cut_comes_again_whole(broker: Server, client: str) -> None:
    async with Cable(broker.port) as cable, running(through(cable, broker, client)) as source:
        await until(lambda: source.connected)
        await send(source, 3)
        held = await take(source, 3)
        cable.cut_after = 150_000
        large = bytes(range(256)) * 1_000
        await fill(broker, [PublishMessage(TOPIC, large, qos=1)])
        again = await take(source, 4)
        assert cable.cuts == 1
        assert await source.acknowledge(held) == 0, "nothing of the old connection reaches the new one"
        assert numbers(again[:3]) == [0, 1, 2]
        assert all(m.dup for m in again[:3])
        assert again[3].payload == large
        assert await source.acknowledge(again) == 4
    async with running(options(broker, client)) as heir:
        await until(lambda: heir.connected)
        await send(heir, 1, first=9)
        assert numbers(await take(heir, 1)) == [9], "all else was acknowledged"


async def test_bytes_that_come_one_by_one(broker: Server, client: str) -> None:
    async with Cable(broker.port) as cable:
        cable.piece = 1
        async with running(through(cable, broker, client)) as source:
            await until(lambda: source.connected)
            await send(source, 20)
            messages = await take(source, 20)
            assert numbers(messages) == list(range(20))
            assert await source.acknowledge(messages) == 20


async def test_a_broker_that_kept_the_session_sends_again_what_was_held(client: str, tmp_path: Path) -> None:
    broker = mosquitto(tmp_path, "persistence true", f"persistence_location {tmp_path}/")
    broker.start()
    try:
        async with running(options(broker, client)) as source:
            await until(lambda: source.connected)
            await send(source, 6)
            held = await take(source, 6)
            assert await source.acknowledge(held[:2]) == 2
            await send(source, 1, first=6)  # its PUBACK comes after those two were read
            await take(source, 1)
            await asyncio.to_thread(broker.stop)
            await until(lambda: not source.connected)
            await asyncio.to_thread(broker.start)
            await until(lambda: source.connected)
            assert source.session_gaps == 0
            assert await source.acknowledge(held) == 0
            assert numbers(await take(source, 5)) == [2, 3, 4, 5, 6]
    finally:
        broker.stop()


async def test_the_widest_window(client: str, tmp_path: Path) -> None:
    """As wide as there are packet identifiers: nothing waits for an acknowledgement."""
    count = 5_000
    broker = mosquitto(tmp_path, f"max_inflight_messages {WIDEST}")
    broker.start()
    try:
        async with running(options(broker, client, receive_maximum=WIDEST)) as source:
            await until(lambda: source.connected)
            await fill(broker, [PublishMessage(TOPIC, b"%d" % n, qos=1) for n in range(count)])
            held = await take(source, count)
            assert numbers(held) == list(range(count))
            assert await source.acknowledge(held) == count
        async with running(options(broker, client)) as heir:
            await until(lambda: heir.connected)
            await send(heir, 1, first=count)
            assert numbers(await take(heir, 1)) == [count]
    finally:
        broker.stop()


async def test_every_quality_of_service_arrives(broker: Server, client: str) -> None:
    """We ask for QoS 1; a session that somebody subscribed at QoS 2 before us still holds such messages."""
    chosen = options(broker, client, protocol="5", topics=["dc/v1/#", "older/#"])
    async with running(chosen) as source:
        await until(lambda: source.connected)
    expiry = Properties({"session_expiry_interval": 600})
    five = MQTTProtocolVersion.MQTTv5
    async with AsyncClient("c1", protocol=five, clean_start=False, connect_properties=expiry) as older:
        await older.connect("127.0.0.1", broker.port)
        await older.subscribe(["older/#"], qos=2)
    wanted = [PublishMessage("older/a", b"%d" % n, qos=qos) for n, qos in enumerate((2, 1, 2))]
    await fill(broker, wanted)
    async with running(chosen) as source:
        await until(lambda: source.connected)
        await fill(broker, [PublishMessage(TOPIC, b"3", qos=0)])
        messages = await take(source, 4)
        assert sorted(numbers(messages)) == [0, 1, 2, 3], "one of QoS 2 is passed on once it is released"
        assert await source.acknowledge(messages) == 4
        await send(source, 1, first=4)
        assert numbers(await take(source, 1)) == [4]
    async with running(chosen) as heir:
        await until(lambda: heir.connected)
        await send(heir, 1, first=5)
        assert 5 in numbers(await take(heir, 1)), "nothing is left over"
