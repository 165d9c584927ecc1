"""Just enough of MQTT 3.1.1 to publish fast: CONNECT, QoS 1 PUBLISH of prepared packets, counting PUBACKs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from runtime.errors import SourceError
from simulator.frames import remaining_length

_CONNACK, _PUBACK, _DISCONNECT = 0x20, 0x40, b"\xe0\x00"
_CLEAN_SESSION, _HAS_PASSWORD, _HAS_USER = 0x02, 0x40, 0x80
_ACK_BYTES = 4
_IDS = 65_535
_CONNECT_S = 30.0


class WireConnection(asyncio.Protocol):
    """One connection of a load test, without keep-alive and without reconnecting; not for anything else.

    ``lost`` is why the broker ended it, and ``on_lost`` hears of it. Packet ids go round, so at most
    ``unacknowledged`` may be under way.
    """

    def __init__(
        self, client_id: str, unacknowledged: int, on_lost: Callable[[WireConnection], None]
    ) -> None:
        self.client_id = client_id
        self.acknowledged = 0
        self.lost: str | None = None
        self._limit = unacknowledged
        self._on_lost = on_lost
        self._sent = 0
        self._id = 0
        self._rest = b""
        self._closing = False
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[int] = loop.create_future()
        self._answered = asyncio.Event()

    async def open(self, host: str, port: int, user: str | None = None, password: str | None = None) -> None:
        """Connect and wait for CONNACK. Raises SourceError when refused, OSError or TimeoutError else."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_S):
            transport, _ = await loop.create_connection(lambda: self, host, port)
            transport.write(_connect_packet(self.client_id, user, password))
            code = await self._accepted
        if code:
            raise SourceError(f"the broker {host}:{port} refused the load test with CONNACK code {code}")

    @property
    def owed(self) -> int:
        """Messages without a PUBACK."""
        return self._sent - self.acknowledged

    @property
    def room(self) -> int:
        """How many more messages may be under way."""
        return self._limit - self.owed

    def next_id(self) -> int:
        """The next packet id, 1 to 65,535."""
        self._id = self._id % _IDS + 1
        return self._id

    def send(self, packets: list[bytes]) -> None:
        """Hand over prepared PUBLISH packets."""
        assert self._transport is not None, "open it first"
        self._sent += len(packets)
        self._transport.write(b"".join(packets))

    async def settled(self) -> None:
        """Return once every message has its PUBACK, or the connection is gone."""
        while self.owed and self.lost is None:
            self._answered.clear()
            await self._answered.wait()

    def close(self) -> None:
        """Say goodbye and hang up."""
        self._closing = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_DISCONNECT)
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        # All that a broker sends to a publisher is CONNACK and PUBACK, four bytes each.
        data = self._rest + data
        whole = len(data) - len(data) % _ACK_BYTES
        self._rest = data[whole:]
        kinds = data[:whole:_ACK_BYTES]
        acknowledged = kinds.count(_PUBACK)
        self.acknowledged += acknowledged
        if acknowledged != len(kinds):
            self._other(data, kinds)
        self._answered.set()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._closing:
            self._end(str(error or "closed by the broker"))
        if not self._accepted.done():
            self._accepted.set_exception(ConnectionError("closed before CONNACK"))
        self._answered.set()

    def _other(self, data: bytes, kinds: Iterable[int]) -> None:
        for number, kind in enumerate(kinds):
            if kind == _CONNACK and not self._accepted.done():
                self._accepted.set_result(data[number * _ACK_BYTES + 3])
            elif kind != _PUBACK:
                self._end(f"it sent a packet of type {kind:#04x}, which no publisher gets")
                self.close()
                return

    def _end(self, why: str) -> None:
        self.lost = why
        self._on_lost(self)


def _connect_packet(client_id: str, user: str | None, password: str | None) -> bytes:
    flags = _CLEAN_SESSION
    tail = _text(client_id)
    if user is not None:
        flags |= _HAS_USER
        tail += _text(user)
    if password is not None:
        flags |= _HAS_PASSWORD
        tail += _text(password)
    body = _text("MQTT") + bytes([4, flags, 0, 0]) + tail
    return b"\x10" + remaining_length(len(body)) + body


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded
