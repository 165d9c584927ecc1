"""A scripted MQTT broker for two answers that Debian's mosquitto 2.0.11 never gives.

Recorded behaviour, not a broker: one that knows MQTT 3.1.1 only refuses a CONNECT of version 5, or hangs
up (``curt``); one that knows version 5 acknowledges the first PUBLISH and then gives the session away
(DISCONNECT 0x8E).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

_CONNECT, _PUBLISH, _SUBSCRIBE = 1, 3, 8
_LEVEL = 6
_REFUSED_LEVEL = bytes([0x20, 2, 0, 1])
_CONNACK = {4: bytes([0x20, 2, 0, 0]), 5: bytes([0x20, 3, 0, 0, 0])}
_TAKEN_OVER = bytes([0xE0, 2, 0x8E, 0])


def _answer(kind: int, body: bytes, level: int) -> bytes:
    if kind == _CONNECT:
        return _CONNACK[level] if body[_LEVEL] == level else _REFUSED_LEVEL
    if kind == _SUBSCRIBE:
        granted = bytes([*body[:2], 1] if level == 4 else [*body[:2], 0, 1])
        return bytes([0x90, len(granted)]) + granted
    if kind == _PUBLISH:
        after_topic = 2 + int.from_bytes(body[:2])
        puback = bytes([0x40, 2]) + body[after_topic : after_topic + 2]
        return puback + _TAKEN_OVER if level == 5 else puback
    return b""


async def _converse(
    level: int, curt: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while True:
            kind, length = await reader.readexactly(2)  # bodies of 128 bytes and more are not expected
            answer = _answer(kind >> 4, await reader.readexactly(length), level)
            if answer == _REFUSED_LEVEL and curt:
                break
            writer.write(answer)
            if answer == _REFUSED_LEVEL:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


@asynccontextmanager
async def scripted_broker(level: int, curt: bool = False) -> AsyncIterator[int]:
    """The port of a broker that knows protocol ``level`` only: 4 is MQTT 3.1.1, 5 is MQTT 5."""
    server = await asyncio.start_server(partial(_converse, level, curt), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
