"""A publisher without manners: hands raw payloads to the broker, at QoS 1, as fast as it is let."""

from __future__ import annotations

from collections.abc import Iterable

from mqttium import MQTTProtocolVersion
from mqttium.api import AsyncClient

Sent = tuple[str, bytes]
"""Topic and payload."""

_AT_ONCE = 500


async def publish(port: int, messages: Iterable[Sent], *, retain: bool = False) -> int:
    """Publish in order; returns how many once the broker has acknowledged each."""
    client = AsyncClient(
        "stranger",
        protocol=MQTTProtocolVersion.MQTTv5,
        max_unacknowledged_messages=_AT_ONCE,
    )
    await client.connect("127.0.0.1", port)
    receipts = [await client.publish(topic, payload, qos=1, retain=retain) for topic, payload in messages]
    for receipt in receipts:
        await receipt.wait()
    await client.disconnect()
    return len(receipts)
