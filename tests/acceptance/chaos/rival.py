"""A second client that takes our session over, as a service started twice by mistake would."""

from __future__ import annotations

from mqttium import MQTTProtocolVersion
from mqttium.api import AsyncClient, Properties


class Rival:
    """Connects with our client id and takes up our session, but acknowledges nothing and leaves it behind."""

    def __init__(self, client_id: str, port: int) -> None:
        self._port = port
        self._client = AsyncClient(
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            clean_start=False,
            connect_properties=Properties({"session_expiry_interval": 3_600}),
            manual_ack=True,
        )

    async def take_over(self) -> int:
        """Throw out whoever has the session, receive something meanwhile, and leave; messages received."""
        taken = 0
        answer = await self._client.connect("127.0.0.1", self._port)
        assert answer.session_present, "there was no session to take over"
        async for _ in self._client.messages():
            taken += 1
            if taken == 10:
                break
        await self._client.disconnect()
        return taken
