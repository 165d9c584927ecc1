"""The two ways to follow the live feed: WebSocket ``/ws`` for pages, event stream for scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.hub import Hub, Listener
from dashboards.problem import RESPONSES

GOING_AWAY = 1001

router = APIRouter(tags=["live"], responses=RESPONSES)


class Want(msgspec.Struct, tag_field="type", tag="want"):
    """The one message that a client sends."""

    topics: list[str]


_WANT = msgspec.json.Decoder(Want)


@router.websocket("/ws")
async def follow(socket: WebSocket) -> None:
    """Every message of the hub as text; the client may choose topics."""
    hub: Hub = socket.app.state.hub
    await socket.accept()
    listener = hub.join()
    reader = asyncio.create_task(_read(socket, hub, listener))
    try:
        async for message in listener.messages():
            await socket.send_text(message)
        if not reader.done():
            await socket.close(GOING_AWAY)
    except WebSocketDisconnect:
        pass  # seen while sending; there is nothing left to say
    finally:
        hub.leave(listener)
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader


async def _read(socket: WebSocket, hub: Hub, listener: Listener) -> None:
    while (event := await socket.receive())["type"] != "websocket.disconnect":
        with suppress(msgspec.MsgspecError):  # a newer page may say what we do not know yet
            listener.want(_WANT.decode(event.get("text") or "").topics)
    hub.leave(listener)


@router.get(
    "/api/v1/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream(request: Request) -> StreamingResponse:
    """The live feed as server-sent events: one event per message, named by its type."""
    hub: Hub = request.app.state.hub
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(hub), media_type="text/event-stream", headers=headers)


async def _events(hub: Hub) -> AsyncIterator[str]:
    listener = hub.join()
    try:
        async for message in listener.messages():
            yield f"event: {msgspec.json.decode(message, type=_Typed).type}\ndata: {message}\n\n"
    finally:
        hub.leave(listener)


class _Typed(msgspec.Struct):
    type: str
