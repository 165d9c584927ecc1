"""The two ways to follow the live feed: WebSocket ``/ws`` for pages, event stream for scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.gate import still_welcome
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
    try:
        await socket.accept()
    except OSError:
        return  # a page that was left before it was greeted: Starlette tells so only of later messages
    async with _joined(socket) as listener:
        reader = asyncio.create_task(_read(socket, listener))
        try:
            async for message in listener.messages():
                await socket.send_text(message)
            if not reader.done():
                await socket.close(GOING_AWAY)
        except WebSocketDisconnect:
            pass  # seen while sending; there is nothing left to say
        finally:
            await _cancelled(reader)


async def _read(socket: WebSocket, listener: Listener) -> None:
    while (event := await socket.receive())["type"] != "websocket.disconnect":
        with suppress(msgspec.MsgspecError):  # a newer page may say what we do not know yet
            listener.want(_WANT.decode(event.get("text") or "").topics)
    listener.end()


@router.get(
    "/api/v1/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream(request: Request) -> StreamingResponse:
    """The live feed as server-sent events: one event per message, named by its type."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request), media_type="text/event-stream", headers=headers)


async def _events(request: Request) -> AsyncIterator[str]:
    async with _joined(request) as listener:
        async for message in listener.messages():
            yield f"event: {msgspec.json.decode(message, type=_Typed).type}\ndata: {message}\n\n"


@asynccontextmanager
async def _joined(connection: HTTPConnection) -> AsyncIterator[Listener]:
    """A listener of the hub until the end of the block, or until its login or token has ended."""
    hub: Hub = connection.app.state.hub
    listener = hub.join()
    watch = asyncio.create_task(_end_with_login(connection, hub, listener))
    try:
        yield listener
    finally:
        hub.leave(listener)
        await _cancelled(watch)


async def _end_with_login(connection: HTTPConnection, hub: Hub, listener: Listener) -> None:
    while True:
        await asyncio.sleep(hub.recheck_s)
        try:
            welcome = await still_welcome(connection, connection.app.state.house)
        except (SQLAlchemyError, OSError):
            continue  # a busy database is no reason to end a feed; the next look is soon
        if not welcome:
            listener.end()
            return


async def _cancelled(task: asyncio.Task[None]) -> None:
    """End ``task``; unlike a plain await this cannot swallow a cancellation of our own."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


class _Typed(msgspec.Struct):
    type: str
