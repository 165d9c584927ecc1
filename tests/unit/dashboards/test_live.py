"""The WebSocket of the live feed where a real client is too slow to show it."""

from __future__ import annotations

from starlette.types import Message
from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected

from dashboards.live import follow


async def test_a_page_that_is_left_before_it_is_greeted_is_no_failure() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)
        raise ClientDisconnected

    await follow(WebSocket({"type": "websocket", "headers": []}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.accept"]
