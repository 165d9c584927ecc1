"""How long our own MQTT 5 link waits for an answer: as long as the broker is heard, or cannot be."""

from __future__ import annotations

import asyncio

import mqtt5
import pytest

from collectors.mqtt5 import link as link_module
from collectors.mqtt5.inbox import QUEUED_BYTES
from tests.unit.collectors.test_mqtt5_link import publish, take, talking

GRANTED = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE


async def test_an_answer_is_waited_for_as_long_as_messages_come_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "CONNECT_TIMEOUT", 0.5)
    clock = asyncio.get_running_loop().time
    async with talking() as (link, peer):
        asking = asyncio.create_task(link.subscribe(["a"]))
        asked = await peer.hear(mqtt5.SubscribePacket)
        begun, number = clock(), 0
        while clock() < begun + 1.2:  # each comes well within the patience, all of them outlast it
            number += 1
            peer.say(publish(number))
            assert len(await take(link, 1)) == 1
            await asyncio.sleep(0.02)
        assert not asking.done()
        peer.say(mqtt5.SubAckPacket(asked.packet_id, [GRANTED]))
        assert await asking == [1]


async def test_an_answer_is_waited_for_while_there_is_no_room_to_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "CONNECT_TIMEOUT", 0.1)
    async with talking() as (link, peer):
        asking = asyncio.create_task(link.subscribe(["a"]))
        asked = await peer.hear(mqtt5.SubscribePacket)
        # The inbox is full with nine of these, and nobody takes them.
        peer.say(*(publish(number, bytes(QUEUED_BYTES // 8)) for number in range(1, 11)))
        peer.say(mqtt5.SubAckPacket(asked.packet_id, [GRANTED]))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.shield(asking)
        await take(link, 10)
        assert await asking == [1]
