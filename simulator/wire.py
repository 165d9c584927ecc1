"""Just enough of MQTT 3.1.1 to publish fast: CONNECT, QoS 1 PUBLISH of prepared packets, hearing PUBACKs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt

from runtime.errors import SourceError
from simulator.frames import remaining_length

PacketIds = npt.NDArray[np.uint16]

_CONNACK, _PUBACK, _DISCONNECT = 0x20, 0x40, b"\xe0\x00"
_CLEAN_SESSION, _HAS_PASSWORD, _HAS_USER = 0x02, 0x40, 0x80
_ACK_BYTES = 4
_ACK = np.dtype([("kind", "u1"), ("length", "u1"), ("id", ">u2")])
_CONNECT_S = 30.0


class WireConnection(asyncio.Protocol):
    """One connection of a load test, without keep-alive; not for anything else.

    ``heard`` is told the packet ids of each PUBACK, ``on_lost`` once why the broker ended the connection.
    """

    def __init__(
        self, client_id: str, heard: Callable[[PacketIds], None], on_lost: Callable[[str], None]
    ) -> None:
        self.client_id = client_id
        self._heard = heard
        self._on_lost = on_lost
        self._rest = b""
        self.over = False
        """Whether either side has ended it."""
        self._transport: asyncio.Transport | None = None
        self._accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def open(self, host: str, port: int, user: str | None = None, password: str | None = None) -> None:
        """Connect and wait for CONNACK. Raises SourceError when refused, OSError or TimeoutError else."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_S):
            transport, _ = await loop.create_connection(lambda: self, host, port)
            transport.write(_connect_packet(self.client_id, user, password))
            code = await self._accepted
        if code:
            raise SourceError(f"the broker {host}:{port} refused the load test with CONNACK code {code}")

    def send(self, packets: list[bytes]) -> None:
        """Hand over prepared PUBLISH packets."""
        assert self._transport is not None, "open it first"
        self._transport.write(b"".join(packets))

    def close(self) -> None:
        """Say goodbye and hang up."""
        self.over = True
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
        answers = np.frombuffer(data[:whole], dtype=_ACK)
        pubacks = answers["kind"] == _PUBACK
        if not pubacks.all():
            self._other(data, answers["kind"].tolist())
            answers = answers[pubacks]
        if len(answers):
            self._heard(answers["id"].astype(np.uint16))

    def connection_lost(self, error: Exception | None) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(ConnectionError("closed before CONNACK"))
            return
        self._end(str(error or "closed by the broker"))

    def _other(self, data: bytes, kinds: list[int]) -> None:
        for number, kind in enumerate(kinds):
            if kind == _CONNACK and not self._accepted.done():
                self._accepted.set_result(data[number * _ACK_BYTES + 3])
            elif kind != _PUBACK:
                self._end(f"it sent a packet of type {kind:#04x}, which no publisher gets")
                self.close()
                return

    def _end(self, why: str) -> None:
        if not self.over:
            self.over = True
            self._on_lost(why)


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
