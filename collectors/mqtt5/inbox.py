"""Messages that have arrived and that nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mqtt5 import (
    DisconnectReasonCode,
    Packet,
    PubAckPacket,
    PublishPacket,
    PubRecPacket,
    QoS,
)

from collectors.mqtt5.packets import Violation
from collectors.source import Message

QUEUED_BYTES = 64 * 1024 * 1024
"""Payload that may wait before the socket is no longer read."""


class Inbox:
    """Bounded by count and by bytes; it is for its owner to stop reading while there is no :attr:`room`.

    A handle is ``(owner, answer)``: the bytes that acknowledge the message, none for QoS 0. ``most`` is the
    receive maximum. One message more has room, so only a broker that breaks it, or QoS 0, ever fills the
    inbox: with any other the socket is read even while nothing is taken.
    """

    def __init__(self, owner: object, most: int) -> None:
        self._owner = owner
        self._most = most
        self._messages: list[Message] = []
        self._bytes = 0
        self._news = asyncio.Event()
        self._shut = False

    @property
    def room(self) -> int:
        """How many messages may still come."""
        return self._most + 1 - len(self._messages) if self._bytes <= QUEUED_BYTES else 0

    def put(self, packets: Sequence[Packet]) -> list[Packet]:
        """Keep the messages among ``packets`` and return the others. Raises Violation."""
        others: list[Packet] = []
        keep, owner = self._messages.append, self._owner
        for packet in packets:
            if not isinstance(packet, PublishPacket):
                others.append(packet)
                continue
            if packet.qos is QoS.AT_LEAST_ONCE and packet.packet_id and packet.topic_alias is None:
                answer = PubAckPacket(packet.packet_id).write()
            else:
                answer = _rare_answer(packet)
            payload = packet.payload
            self._bytes += len(payload)
            keep(Message(packet.topic, payload, packet.retain, (owner, answer), packet.duplicate))
        if self._messages:
            self._news.set()
        return others

    async def take(self) -> list[Message]:
        """All that waits, at least one and at most the receive maximum; empty once it is shut."""
        while not self._messages and not self._shut:
            self._news.clear()
            await self._news.wait()
        taken = self._messages[: self._most]
        self._messages = self._messages[self._most :]
        self._bytes = sum(len(m.payload) for m in self._messages)
        return taken

    def shut(self) -> None:
        """Forget everything: the connection has ended, and the broker will send it again over another."""
        self._shut = True
        self._messages = []
        self._news.set()


def _rare_answer(packet: PublishPacket) -> bytes:
    if packet.topic_alias is not None:  # CONNECT offers none
        raise Violation(DisconnectReasonCode.TOPIC_ALIAS_INVALID, "a topic alias that was not offered")
    if packet.qos is QoS.AT_MOST_ONCE:
        return b""
    if not packet.packet_id:
        raise Violation(DisconnectReasonCode.PROTOCOL_ERROR, "a message with packet identifier 0")
    # We subscribe at QoS 1, but a session may be older. PUBREL is answered without a question asked, so
    # that after a lost PUBREC the message comes twice: at least once, as everything does here.
    return PubRecPacket(packet.packet_id).write()
