"""One TCP connection to an MQTT 5 broker: bytes in, bytes out, and noticing the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from mqtt5 import (
    ConnAckPacket,
    DisconnectPacket,
    Packet,
    PingReqPacket,
    PingRespPacket,
    PubAckPacket,
    PubCompPacket,
    PubRelPacket,
    SubAckPacket,
    UnsubAckPacket,
)
from mqtt5 import DisconnectReasonCode as Reason

from collectors.mqtt5.inbox import Inbox
from collectors.mqtt5.packets import PacketReader, Violation

PACKET_IDS = 65_535

Answer = PubAckPacket | SubAckPacket | UnsubAckPacket

_PING = PingReqPacket().write()

_SILENT_TICKS = 2
"""Half keep-alives without a byte, each begun by a ping, after which the broker counts as dead."""

_UNREAD = 1024 * 1024
"""Bytes that the broker may leave unread while it goes on asking for more."""

_GRACE = 1.0
"""Seconds that a connection is given to close in good order, and again to close at all."""


@dataclass(frozen=True)
class End:
    """Why a connection ended: the reason code of the broker's DISCONNECT, if any, and text for people."""

    code: int | None
    detail: str
    cause: Exception | None = None


class Connection(asyncio.Protocol):
    """Implements the protocol side of one connection; nothing that the broker sends raises out of it.

    ``greeting`` is the CONNACK, or None when the connection ended before one; ``end`` is set once, when the
    connection can no longer be used; ``closed`` when the socket is gone.
    """

    def __init__(self, inbox: Inbox) -> None:
        loop = asyncio.get_running_loop()
        self.greeting: asyncio.Future[ConnAckPacket | None] = loop.create_future()
        self.end: asyncio.Future[End] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._inbox = inbox
        self._reader = PacketReader()
        self._answers: dict[int, asyncio.Future[Answer | None]] = {}
        self._number = 0
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False
        self.chunks = 0
        """How often anything was heard."""
        self._heard = False
        self._silent = 0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    @property
    def paused(self) -> bool:
        """Whether the broker is not read, because the inbox is full: no answer of it can be seen."""
        return self._paused

    def write(self, data: bytes) -> bool:
        """Hand ``data`` to the transport; False when the connection has ended."""
        if self.end.done():
            return False
        self._transport.write(data)
        return not self.end.done()

    async def drained(self) -> bool:
        """Wait until the broker reads what it is sent; False when the connection has ended."""
        await self._writable.wait()
        return not self.end.done()

    def ask(self, request: Callable[[int], bytes]) -> asyncio.Future[Answer | None]:
        """Send ``request(packet identifier)``; its answer to come, None when the connection ends first.

        The identifier stays taken until it is answered, however long after the asker has given up: who waits
        shields the future.
        """
        number = self._free_number()
        data = request(number)
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        if self.write(data):
            self._answers[number] = answer
        else:
            answer.set_result(None)
        return answer

    def keep_alive(self, seconds: float) -> None:
        """From now on ping twice in ``seconds`` and end when nothing is heard for one to one and a half."""
        if not self.end.done():
            self._timer = asyncio.get_running_loop().call_later(seconds / 2, self._tick, seconds)

    def read_on(self) -> None:
        """There is room in the inbox again."""
        if self._paused and not self.end.done():
            self._work()

    def fail(self, reason: Reason, detail: str, cause: Exception | None = None) -> None:
        """End the connection for a fault of the broker, and tell it which."""
        if self.greeting.done():
            self.write(DisconnectPacket(reason_code=reason).write())
        self._finish(End(None, detail, cause))
        self._transport.close()

    async def close(self) -> None:
        """DISCONNECT if still connected, then wait until the socket is gone."""
        if self.greeting.done():
            self.write(DisconnectPacket().write())
        self._finish(End(None, "closed by us"))
        for part in (self._transport.close, self._transport.abort):
            part()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    return await asyncio.shield(self.closed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        self._heard = True
        self.chunks += 1
        if not self.end.done():
            self._reader.feed(data)
            self._work()

    def pause_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """See :class:`asyncio.Protocol`."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        self._finish(End(None, str(exc or "closed by the broker"), exc))
        if not self.closed.done():
            self.closed.set_result(None)

    def _work(self) -> None:
        """Go through what has arrived; while the inbox is full, the socket is not read."""
        try:
            while not self.end.done() and (room := self._inbox.room) > 0:
                if not self.greeting.done():
                    room = 1
                packets = self._reader.take(room)
                if not packets:
                    break
                self._heed(packets)
        except Violation as fault:
            self.fail(fault.reason, f"the broker sent {fault}", fault)
        if self.end.done():
            return
        full = self._inbox.room <= 0
        if full and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not full:
            self._transport.resume_reading()
        self._paused = full

    def _heed(self, packets: list[Packet]) -> None:
        if self.greeting.done():
            for packet in self._inbox.put(packets):
                self._obey(packet)
        elif isinstance(packets[0], ConnAckPacket):
            self.greeting.set_result(packets[0])
        else:
            raise Violation(Reason.PROTOCOL_ERROR, f"{_name(packets[0])} before any CONNACK")

    def _obey(self, packet: Packet) -> None:
        match packet:
            case PubAckPacket() | SubAckPacket() | UnsubAckPacket():
                answer = self._answers.pop(packet.packet_id, None)
                if answer is not None and not answer.done():
                    answer.set_result(packet)
            case PubRelPacket():
                if self._transport.get_write_buffer_size() > _UNREAD:
                    raise Violation(Reason.QUOTA_EXCEEDED, "PUBRELs without reading what answers them")
                self.write(PubCompPacket(packet.packet_id).write())
            case DisconnectPacket():
                code = int(packet.reason_code)
                told = f"DISCONNECT 0x{code:02x} {packet.reason_str or packet.reason_code.name}"
                self._finish(End(code, told))
                self._transport.close()
            case PingRespPacket():
                pass
            case _:
                raise Violation(Reason.PROTOCOL_ERROR, f"{_name(packet)}, which has no place here")

    def _tick(self, seconds: float) -> None:
        # While we do not read, an answer to our ping cannot be seen.
        self._silent = 0 if self._heard or self._paused else self._silent + 1
        self._heard = False
        if self._silent >= _SILENT_TICKS:
            self._finish(End(None, f"nothing was heard from the broker for {seconds:g} s"))
            self._transport.abort()
            return
        if self._writable.is_set():
            self.write(_PING)
        self.keep_alive(seconds)

    def _finish(self, end: End) -> None:
        if self.end.done():
            return
        self.end.set_result(end)
        if self._timer is not None:
            self._timer.cancel()
        if not self.greeting.done():
            self.greeting.set_result(None)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(None)
        self._inbox.shut()
        self._writable.set()

    def _free_number(self) -> int:
        """A packet identifier that no request waits under."""
        for _ in range(PACKET_IDS):
            self._number = self._number % PACKET_IDS + 1
            if self._number not in self._answers:
                return self._number
        raise Violation(Reason.QUOTA_EXCEEDED, "no answer to any of 65,535 requests")


def _name(packet: Packet) -> str:
    return type(packet).__name__.removesuffix("Packet").upper()
