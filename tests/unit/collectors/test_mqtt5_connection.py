"""What a connection does in moments that a peer cannot choose, and what it keeps when nobody waits."""

from __future__ import annotations

import asyncio

import mqtt5
import pytest

from collectors.link import Dial, Login
from collectors.mqtt5 import link as link_module
from collectors.mqtt5.connection import PACKET_IDS, Connection
from collectors.mqtt5.inbox import Inbox
from collectors.mqtt5.link import Mqtt5Link
from collectors.mqtt5.packets import PacketReader, Violation
from collectors.source import BrokerOptions
from runtime.errors import SourceError

CONNACK = mqtt5.ConnAckPacket().write()
PING = mqtt5.PingReqPacket().write()


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it; ``unread`` is what its peer leaves unread."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.unread = 0
        self.reading = True
        self.closed = self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "nothing is written to a transport that was closed"
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def said(self) -> list[mqtt5.Packet]:
        """The packets written."""
        reader = PacketReader()
        reader.feed(bytes(self.written))
        return reader.take(1_000_000)


def connected(most: int = 10) -> tuple[Connection, Inbox, Wire]:
    """A connection that has had its CONNACK."""
    inbox, wire = Inbox(object(), most), Wire()
    connection = Connection(inbox)
    connection.connection_made(wire)
    connection.data_received(CONNACK)
    return connection, inbox, wire


def publish(number: int) -> bytes:
    return mqtt5.PublishPacket("a", b"x", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number).write()


async def ticks(count: int) -> None:
    """Let timers of no delay pass that often."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_broker_that_has_left_is_pinged_no_more() -> None:
    """It may leave in the moment of its CONNACK, before the keep-alive begins."""
    connection, _, wire = connected()
    connection.data_received(mqtt5.DisconnectPacket().write())
    connection.keep_alive(0)
    await ticks(10)
    assert wire.closed
    assert not wire.written
    assert not wire.aborted, "what was written before may still go out"


async def test_silence_counts_only_while_we_listen() -> None:
    connection, inbox, wire = connected(most=1)
    connection.data_received(publish(1) + publish(2) + publish(3))
    assert not wire.reading
    connection.keep_alive(0)
    await ticks(10)
    assert not connection.end.done(), "an answer could not have been seen"
    assert wire.written.startswith(PING * 3), "but the broker must hear of us"
    assert len(await inbox.take()) == 1
    connection.read_on()
    assert not wire.reading, "the third came in before the socket was paused"
    assert len(await inbox.take()) == 1
    connection.read_on()
    assert wire.reading
    assert "nothing was heard" in (await connection.end).detail
    assert wire.aborted


async def test_any_byte_is_a_sign_of_life() -> None:
    connection, _, wire = connected()
    connection.keep_alive(0)
    whole = publish(1) * 2
    for byte in whole:
        connection.data_received(bytes([byte]))
        await ticks(1)
    assert not connection.end.done()
    assert set(map(type, wire.said())) == {mqtt5.PingReqPacket}


async def test_a_broker_that_reads_nothing_gets_no_pings_on_top() -> None:
    connection, _, wire = connected()
    connection.pause_writing()
    connection.keep_alive(0)
    await connection.end
    assert not wire.written


async def test_pubrels_are_not_answered_without_bound() -> None:
    connection, _, wire = connected()
    wire.unread = 100_000_000
    connection.data_received(mqtt5.PubRelPacket(1).write())
    [farewell] = wire.said()
    assert isinstance(farewell, mqtt5.DisconnectPacket)
    assert farewell.reason_code == mqtt5.DisconnectReasonCode.QUOTA_EXCEEDED
    assert "PUBRELs" in (await connection.end).detail


async def test_what_follows_a_disconnect_is_not_obeyed() -> None:
    connection, inbox, wire = connected()
    asked = connection.ask(lambda n: mqtt5.UnsubscribePacket(n, ["a"]).write())
    wire.written.clear()
    leave = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN).write()
    connection.data_received(leave + mqtt5.PubRelPacket(1).write() + b"\x00\x00")
    connection.data_received(b"\xff" * 100)
    connection.connection_lost(None)
    assert (await connection.end).code == 0x8B
    assert await asked is None
    assert await inbox.take() == []
    assert not wire.written


async def test_every_identifier_is_used_before_one_is_missing() -> None:
    connection, _, _ = connected()
    numbers: list[int] = []

    def request(number: int) -> bytes:
        numbers.append(number)
        return b""

    answers = [connection.ask(request) for _ in range(PACKET_IDS)]
    assert numbers == list(range(1, PACKET_IDS + 1))
    with pytest.raises(Violation, match="65,535"):
        connection.ask(request)
    connection.data_received(mqtt5.PubAckPacket(777).write())
    assert answers[776].done()
    connection.ask(request)
    assert numbers[-1] == 777


async def test_a_message_that_nobody_waits_for_still_counts_in_the_broker_s_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def narrow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A broker that takes one message at a time and answers only when the test does."""
        writers.append(writer)
        packets = PacketReader()
        writer.write(mqtt5.ConnAckPacket(receive_max=1).write())
        while data := await reader.read(65_536):
            packets.feed(data)
            for packet in packets.take(1_000):
                if isinstance(packet, mqtt5.PublishPacket):
                    heard.put_nowait(packet.payload)
        writer.close()

    server = await asyncio.start_server(narrow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = Mqtt5Link(Dial(BrokerOptions(url=f"mqtt://127.0.0.1:{port}"), "5", Login()))
    async with server:
        await link.open()
        with monkeypatch.context() as hurried:
            hurried.setattr(link_module, "CONNECT_TIMEOUT", 0.05)
            for payload in (b"first", b"second"):
                with pytest.raises(SourceError, match="no answer in"):
                    await link.publish("a", payload, False)
        third = asyncio.create_task(link.publish("a", b"third", False))
        writers[0].write(mqtt5.PubAckPacket(1).write())
        assert [await heard.get(), await heard.get()] == [b"first", b"third"]
        writers[0].write(mqtt5.PubAckPacket(2).write())
        await third
        await link.close()
