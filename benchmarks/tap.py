"""A relay between broker and service that notes how old each message is when it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from runtime.clock import Clock, to_ms

_PUBLISH, _PUBACK = 0x30, 0x40
_LARGEST_LENGTH = 5
"""Bytes of a fixed header at most: the type, and four of the length."""

_TS, _DIGITS = b'"ts":', 13
_HEAD = 64
"""Bytes behind the topic in which the time must stand: identifier, properties, the payload's first field."""

Packet = tuple[int, memoryview]
"""First byte and body of an MQTT packet."""


class Tap:
    """Relays one TCP port to ``port`` of this machine.

    ``delays`` are seconds from the time that a QoS 1 message bears (``ts``, at its beginning) to the passing
    of its PUBACK here: what publisher, broker and service take until it is committed. ``clock`` is the
    publisher's. A message without such a time is not counted.
    """

    def __init__(self, port: int, clock: Clock) -> None:
        self.delays: list[float] = []
        self.port = 0
        self._to = port
        self._clock = clock
        self._waiting: dict[int, int] = {}
        self._server: asyncio.Server | None = None
        self._sides: list[_Side] = []

    async def __aenter__(self) -> Tap:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._side_of_service, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for side in self._sides:
            side.close()

    @property
    def owed(self) -> int:
        """Messages on their way that have no PUBACK yet."""
        return len(self._waiting)

    def _side_of_service(self) -> _Side:
        near = _Side(self._acknowledged)
        far = _Side(self._sent)
        near.other, far.other = far, near
        near.dial = self._to
        self._sides += [near, far]
        return near

    def _sent(self, packets: Iterator[Packet]) -> None:
        for first, body in packets:
            if first & 0xF0 == _PUBLISH and first & 0x06:
                topic = 2 + int.from_bytes(body[:2])
                told = bytes(body[topic + 2 : topic + _HEAD])
                at = told.find(_TS) + len(_TS)
                if at >= len(_TS):
                    self._waiting[int.from_bytes(body[topic : topic + 2])] = int(told[at : at + _DIGITS])

    def _acknowledged(self, packets: Iterator[Packet]) -> None:
        now_ms = to_ms(self._clock.now())
        for first, body in packets:
            if first == _PUBACK:
                ts_ms = self._waiting.pop(int.from_bytes(body[:2]), None)
                if ts_ms is not None:
                    self.delays.append((now_ms - ts_ms) / 1000)


class _Side(asyncio.Protocol):
    """One connection of a pair: hands on what it gets, then shows it to ``heed`` packet by packet."""

    def __init__(self, heed: Callable[[Iterator[Packet]], None]) -> None:
        self.other: _Side
        self.dial: int | None = None
        self._heed = heed
        self._held = bytearray()
        self._early: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        for data in self._early:
            transport.write(data)
        if self.dial is not None:
            self._dialling = asyncio.create_task(self._reach(self.dial))

    def data_received(self, data: bytes) -> None:
        self.other.write(data)
        self._held += data
        at = 0
        with memoryview(self._held) as view:
            packets, at = _cut(view)
            self._heed(iter(packets))
            packets.clear()
        del self._held[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        self.other.close()

    def write(self, data: bytes) -> None:
        """Hand over, or keep until there is a connection."""
        if self._transport is None:
            self._early.append(data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close once everything was handed over."""
        if self._transport is not None:
            self._transport.close()

    async def _reach(self, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.other, "127.0.0.1", port)
        except OSError:
            self.close()


def _cut(view: memoryview) -> tuple[list[Packet], int]:
    """The whole packets at the beginning of ``view``, and where the next one begins."""
    packets: list[Packet] = []
    at, end = 0, len(view)
    while at + 1 < end:
        length = shift = 0
        body = at + 1
        while body < end and body < at + _LARGEST_LENGTH:
            byte = view[body]
            length |= (byte & 0x7F) << shift
            body, shift = body + 1, shift + 7
            if byte < 0x80:
                break
        else:
            return packets, at
        if body + length > end:
            break
        packets.append((view[at], view[body : body + length]))
        at = body + length
    return packets, at
