"""Our own MQTT 5 connection against a broker whose every byte the test says."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import mqtt5
import pytest
from mqtt5 import DisconnectReasonCode as Reason
from mqtt5 import QoS

from collectors.link import Dial, Login, Lost, NotSpoken, Refused, TakenOver, Unanswered
from collectors.mqtt5 import link as link_module
from collectors.mqtt5.connection import Connection
from collectors.mqtt5.inbox import QUEUED_BYTES, Inbox
from collectors.mqtt5.link import Mqtt5Link
from collectors.mqtt5.packets import LARGEST, PacketReader
from collectors.source import BrokerOptions, Message
from runtime.errors import SourceError

PacketT = TypeVar("PacketT")
CONNACK = mqtt5.ConnAckPacket().write()
_RESET = struct.pack("ii", 1, 0)


class Peer:
    """The broker's end of one connection; it does nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._packets = PacketReader()
        self.writer = writer

    def say(self, *packets: Any) -> None:
        """Send packets, or bytes that may be none."""
        self.writer.write(b"".join(p if isinstance(p, bytes) else p.write() for p in packets))

    async def hear(self, kind: type[PacketT]) -> PacketT:
        """The next packet, which must be a ``kind``; pings between are passed over."""
        async with asyncio.timeout(10):
            while True:
                for packet in self._packets.take(1):
                    if isinstance(packet, kind):
                        return packet
                    assert isinstance(packet, mqtt5.PingReqPacket), packet
                    break
                else:
                    data = await self._reader.read(65_536)
                    assert data, f"the link hung up where a {kind.__name__} was expected"
                    self._packets.feed(data)

    async def swallow(self) -> None:
        """Read and forget all until the link hangs up."""
        try:
            while await self._reader.read(1 << 20):
                pass
        except ConnectionError:
            return

    def reset(self) -> None:
        """RST, as a peer that has died."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.writer.transport.abort()


@asynccontextmanager
async def dialled(**more: Any) -> AsyncIterator[tuple[Mqtt5Link, asyncio.Task[bool], Peer]]:
    """A link that is opening, and the peer that has not yet heard its CONNECT.

    Nothing that the peer does may raise in the event loop.
    """
    accepted: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(Peer(reader, writer))

    raised: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: raised.append(context))
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    given = {"url": f"mqtt://127.0.0.1:{port}", "client_id": "c1", **more}
    link = Mqtt5Link(Dial(BrokerOptions.model_validate(given), "5", Login("amber")))
    opening = asyncio.create_task(link.open())
    peer = await accepted
    try:
        yield link, opening, peer
    finally:
        await link.close()
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        peer.writer.transport.abort()
        server.close()
        await server.wait_closed()
    assert not raised


@asynccontextmanager
async def talking(connack: Any = CONNACK, **more: Any) -> AsyncIterator[tuple[Mqtt5Link, Peer]]:
    """A link that is open, and its peer."""
    async with dialled(**more) as (link, opening, peer):
        await peer.hear(mqtt5.ConnectPacket)
        peer.say(connack)
        await opening
        yield link, peer


def publish(number: int, payload: bytes = b"", qos: QoS = QoS.AT_LEAST_ONCE, **more: Any) -> bytes:
    """A PUBLISH whose payload is its number unless another is given."""
    given = payload or b"%d" % number
    identifier = number if qos is not QoS.AT_MOST_ONCE else None
    return mqtt5.PublishPacket("dc/v1/a", given, qos=qos, packet_id=identifier, **more).write()


async def take(link: Mqtt5Link, count: int) -> list[Message]:
    messages: list[Message] = []
    async with asyncio.timeout(20):
        while len(messages) < count:
            messages += await link.arrived()
    return messages


def payloads(messages: list[Message]) -> list[int]:
    return [int(m.payload) for m in messages]


async def test_connect_asks_for_a_session_that_stays() -> None:
    more = {"keepalive": "12.5s", "session_expiry": "2d", "will_delay": "7s", "receive_maximum": 123}
    async with dialled(**more) as (_link, opening, peer):
        hello = await peer.hear(mqtt5.ConnectPacket)
        peer.say(mqtt5.ConnAckPacket(session_present=True))
        assert await opening is True
    assert (hello.client_id, hello.username, hello.clean_start) == ("c1", "amber", False)
    assert (hello.keep_alive, hello.session_expiry_interval, hello.receive_max) == (13, 172_800, 123)
    assert (hello.max_packet_size, hello.topic_alias_max) == (LARGEST, 0)
    assert hello.will is not None
    assert (hello.will.topic, hello.will.payload) == ("amberwatt/v1/status", b"offline")
    assert (hello.will.qos, hello.will.retain, hello.will.will_delay_interval) == (QoS.AT_LEAST_ONCE, True, 7)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (b"\x20\x02\x00\x01", NotSpoken, "no usable CONNACK"),
        (b"\x20\x02\x00\x05", NotSpoken, "a CONNACK of MQTT 3.1.1"),
        (b"\x20\x03\x00\x84\x00", NotSpoken, "does not speak MQTT 5"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4, Unanswered, "no usable CONNACK"),
        (publish(1) + CONNACK, Unanswered, "PUBLISH before any CONNACK"),
        (b"\x20\x03\x00\x86\x00", Refused, "user 'amber'|no user"),
        (b"\x20\x03\x00\x85\x00", Refused, "client_id"),
        (b"\x20\x03\x00\x88\x00", SourceError, "not have us now"),
    ],
)
async def test_what_is_answered_to_connect(answer: bytes, error: type[SourceError], told: str) -> None:
    async with dialled() as (_link, opening, peer):
        await peer.hear(mqtt5.ConnectPacket)
        peer.say(answer)
        with pytest.raises(error, match=told):
            await opening


@pytest.mark.parametrize("how", ["hang up", "reset", "silence"])
async def test_no_answer_to_connect(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CONNECT_TIMEOUT", 0.1 if how == "silence" else 10.0)
    async with dialled() as (_link, opening, peer):
        if how == "hang up":
            peer.writer.close()
        elif how == "reset":
            peer.reset()
        with pytest.raises(Unanswered, match="CONNACK"):
            await opening


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"\x00\x00", Reason.MALFORMED_PACKET),
        (b"\x36\x06\x00\x01a\x00\x01\x00", Reason.MALFORMED_PACKET),
        (b"\x30\xff\xff\xff\x7f", Reason.PACKET_TOO_LARGE),
        (b"\x32\x06\x00\x01a\x00\x00\x00", Reason.PROTOCOL_ERROR),
        (publish(1, topic_alias=1), Reason.TOPIC_ALIAS_INVALID),
        (CONNACK, Reason.PROTOCOL_ERROR),
        (mqtt5.AuthPacket().write(), Reason.PROTOCOL_ERROR),
        (mqtt5.PubRecPacket(1).write(), Reason.PROTOCOL_ERROR),
        (mqtt5.PingReqPacket().write(), Reason.PROTOCOL_ERROR),
    ],
)
async def test_a_broken_protocol_ends_the_connection_with_its_reason(stream: bytes, reason: Reason) -> None:
    async with talking() as (link, peer):
        peer.say(publish(7))
        held = await take(link, 1)
        asking = asyncio.create_task(link.publish("a", b"1", False))
        await peer.hear(mqtt5.PublishPacket)
        peer.say(publish(8), stream)
        assert (await peer.hear(mqtt5.DisconnectPacket)).reason_code == reason
        assert isinstance(await link.lost(), Lost)
        with pytest.raises(Lost):
            await asking
        await ended(link, held)


async def ended(link: Mqtt5Link, held: list[Message]) -> None:
    """Every call on a link that has ended says so."""
    with pytest.raises(Lost):
        await link.arrived()
    assert await link.acknowledge(held) == 0
    calls: list[Coroutine[Any, Any, Any]] = [
        link.publish("a", b"", False),
        link.subscribe(["a"]),
        link.unsubscribe(["a"]),
    ]
    for call in calls:
        with pytest.raises(SourceError):
            await call


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        (Reason.SESSION_TAKEN_OVER, TakenOver, "a second process"),
        (Reason.SERVER_SHUTTING_DOWN, Lost, "0x8b"),
    ],
)
async def test_the_broker_says_why_it_leaves(code: Reason, kind: type[SourceError], told: str) -> None:
    async with talking() as (link, peer):
        peer.say(publish(1), mqtt5.DisconnectPacket(reason_code=code))
        reason = await link.lost()
        assert type(reason) is kind
        assert told in str(reason)
        await ended(link, [])


@pytest.mark.parametrize("end", [Peer.reset, lambda peer: peer.writer.close()], ids=["reset", "hang up"])
async def test_the_broker_leaves_without_a_word(end: Callable[[Peer], None]) -> None:
    async with talking() as (link, peer):
        waiting = [asyncio.create_task(link.arrived()), asyncio.create_task(link.subscribe(["a"]))]
        await peer.hear(mqtt5.SubscribePacket)
        end(peer)
        assert isinstance(await link.lost(), Lost)
        outcome = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(o) for o in outcome] == [Lost, Lost]
        await ended(link, [])


async def test_acknowledgements_go_out_in_the_order_of_arrival() -> None:
    async with talking() as (link, peer):
        peer.say(publish(5), publish(3), publish(4, duplicate=True), publish(9, qos=QoS.AT_MOST_ONCE))
        messages = await take(link, 4)
        assert payloads(messages) == [5, 3, 4, 9]
        assert [m.dup for m in messages] == [False, False, True, False]
        assert await link.acknowledge(messages) == 4
        assert [(await peer.hear(mqtt5.PubAckPacket)).packet_id for _ in range(3)] == [5, 3, 4]


async def test_quality_two_of_an_older_session_is_answered_to_its_end() -> None:
    async with talking() as (link, peer):
        peer.say(publish(5, qos=QoS.EXACTLY_ONCE), publish(6))
        messages = await take(link, 2)
        peer.say(mqtt5.PubRelPacket(77))
        assert (await peer.hear(mqtt5.PubCompPacket)).packet_id == 77, "of an exchange begun before"
        assert await link.acknowledge(messages) == 2
        assert (await peer.hear(mqtt5.PubRecPacket)).packet_id == 5
        assert (await peer.hear(mqtt5.PubAckPacket)).packet_id == 6


async def test_a_cancelled_arrived_loses_nothing() -> None:
    async with talking() as (link, peer):
        waiting = asyncio.create_task(link.arrived())
        await asyncio.sleep(0)
        peer.say(publish(1))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        assert payloads(await take(link, 1)) == [1]


async def test_answers_find_their_questions_in_any_order() -> None:
    async with talking() as (link, peer):
        first = asyncio.create_task(link.publish("a", b"1", True))
        asked = await peer.hear(mqtt5.PublishPacket)
        second = asyncio.create_task(link.subscribe(["dc/v1/#", "b"]))
        wanted = await peer.hear(mqtt5.SubscribePacket)
        assert (asked.qos, asked.retain, asked.packet_id) == (QoS.AT_LEAST_ONCE, True, 1)
        assert [f.max_qos for f in wanted.topic_filters] == [QoS.AT_LEAST_ONCE] * 2
        codes = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, mqtt5.SubAckReasonCode.NOT_AUTHORIZED]
        peer.say(mqtt5.PubAckPacket(999), mqtt5.SubAckPacket(wanted.packet_id, codes))
        assert await second == [1, 0x87]
        peer.say(mqtt5.PubAckPacket(1))
        await first


async def test_refusals_are_errors() -> None:
    async with talking(mqtt5.ConnAckPacket(max_packet_size=200)) as (link, peer):
        asking = asyncio.create_task(link.publish("a", b"1", False))
        number = (await peer.hear(mqtt5.PublishPacket)).packet_id
        peer.say(mqtt5.PubAckPacket(number or 0, reason_code=mqtt5.PubAckReasonCode.QUOTA_EXCEEDED))
        with pytest.raises(SourceError, match="0x97"):
            await asking
        leaving = asyncio.create_task(link.unsubscribe(["b"]))
        number = (await peer.hear(mqtt5.UnsubscribePacket)).packet_id
        peer.say(mqtt5.UnsubAckPacket(number, [mqtt5.UnsubAckReasonCode.NOT_AUTHORIZED]))
        with pytest.raises(SourceError, match="b \\(0x87\\)"):
            await leaving
        with pytest.raises(SourceError, match="no more than 200"):
            await link.publish("a", bytes(300), False)
        for bad in (link.publish("a/#", b"", False), link.subscribe(["a/#/b"])):
            with pytest.raises(SourceError, match="not possible"):
                await bad


@pytest.mark.parametrize("answer", [mqtt5.PubAckPacket(1), mqtt5.SubAckPacket(1, [])])
async def test_an_answer_to_another_question_breaks_the_protocol(answer: Any) -> None:
    async with talking() as (link, peer):
        asking = asyncio.create_task(link.subscribe(["a"]))
        await peer.hear(mqtt5.SubscribePacket)
        peer.say(answer)
        with pytest.raises(Lost):
            await asking
        assert (await peer.hear(mqtt5.DisconnectPacket)).reason_code == Reason.PROTOCOL_ERROR


async def test_an_identifier_without_answer_stays_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CONNECT_TIMEOUT", 0.05)
    async with talking() as (link, peer):
        with pytest.raises(SourceError, match="no answer in"):
            await link.publish("a", b"1", False)
        monkeypatch.setattr(link_module, "CONNECT_TIMEOUT", 10.0)
        first = await peer.hear(mqtt5.PublishPacket)
        for _ in range(2):
            asking = asyncio.create_task(link.publish("a", b"2", False))
            second = await peer.hear(mqtt5.PublishPacket)
            assert second.packet_id != first.packet_id
            peer.say(mqtt5.PubAckPacket(first.packet_id or 0), mqtt5.PubAckPacket(second.packet_id or 0))
            await asking


async def test_no_more_is_published_at_once_than_the_broker_takes() -> None:
    async with talking(mqtt5.ConnAckPacket(receive_max=2)) as (link, peer):
        asking = [asyncio.create_task(link.publish("a", b"%d" % n, False)) for n in range(5)]
        for _ in range(2):
            await peer.hear(mqtt5.PublishPacket)
        for number in range(3):
            peer.say(mqtt5.PubAckPacket(number + 1))
            assert (await peer.hear(mqtt5.PublishPacket)).payload == b"%d" % (number + 2)
        peer.say(mqtt5.PubAckPacket(4), mqtt5.PubAckPacket(5))
        await asyncio.gather(*asking)


@pytest.mark.parametrize(("ours", "theirs"), [("1s", None), ("30s", 1)])
async def test_a_peer_that_falls_silent_is_lost(ours: str, theirs: int | None) -> None:
    async with talking(mqtt5.ConnAckPacket(server_keep_alive=theirs), keepalive=ours) as (link, peer):
        for _ in range(2):
            await peer.hear(mqtt5.PingReqPacket)
            peer.say(mqtt5.PingRespPacket())
        async with asyncio.timeout(10):
            reason = await link.lost()
        assert isinstance(reason, Lost)
        assert "nothing was heard from the broker for 1 s" in str(reason)
        await ended(link, [])


async def test_more_than_the_window_is_left_in_the_socket() -> None:
    """The broker goes on where it stopped, and meanwhile what we ask it is still answered."""
    async with talking(receive_maximum=10) as (link, peer):
        peer.say(*[publish(n) for n in range(1, 11)])
        asking = asyncio.create_task(link.publish("a", b"1", False))
        await peer.hear(mqtt5.PublishPacket)
        peer.say(mqtt5.PubAckPacket(1))
        await asking
        peer.say(*[publish(n, qos=QoS.AT_MOST_ONCE) for n in range(11, 5_001)])
        seen: list[int] = []
        while len(seen) < 5_000:
            messages = await take(link, 1)
            assert len(messages) <= 10
            seen += payloads(messages)
        assert seen == list(range(1, 5_001))


async def test_while_nothing_is_taken_the_broker_hears_from_us() -> None:
    """Its answers cannot be seen, so their absence proves nothing."""
    async with talking(keepalive="1s", receive_maximum=5) as (link, peer):
        peer.say(*[publish(n, qos=QoS.AT_MOST_ONCE) for n in range(100)])
        for _ in range(4):
            await peer.hear(mqtt5.PingReqPacket)
        assert payloads(await take(link, 100)) == list(range(100))


class Stalled(asyncio.Transport):
    """Takes all that is written and sends none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.waiting += data

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def close(self) -> None:
        self.closed = True


async def test_a_broker_that_asks_and_never_reads_is_left() -> None:
    connection, transport = Connection(Inbox(object(), 10)), Stalled()
    connection.connection_made(transport)
    connection.data_received(CONNACK)
    questions = mqtt5.PubRelPacket(1).write() * 10_000
    for _ in range(30):
        connection.data_received(questions)
    assert transport.closed
    assert "without reading" in connection.end.result().detail
    assert transport.get_write_buffer_size() < 1_100_000


async def test_the_widest_window_is_acknowledged_at_once() -> None:
    ids = list(range(1, 65_536))
    async with talking(receive_maximum=65_535) as (link, peer):
        peer.say(*[publish(n) for n in ids])
        messages = await take(link, len(ids))
        assert payloads(messages) == ids
        assert await link.acknowledge(messages) == len(ids)
        assert [(await peer.hear(mqtt5.PubAckPacket)).packet_id for _ in ids] == ids


async def test_large_messages_are_bounded_by_bytes() -> None:
    inbox = Inbox(object(), 20_000)
    large = mqtt5.PublishPacket("a", bytes(QUEUED_BYTES // 4))
    inbox.put([large] * 4)
    assert inbox.room
    inbox.put([large])
    assert not inbox.room
    assert len(await inbox.take()) == 5
    assert inbox.room


async def test_acknowledging_waits_for_a_broker_that_does_not_read() -> None:
    async with talking() as (link, peer):
        peer.say(publish(1))
        many = await take(link, 1) * 1_000_000
        waiting = await _stuck(link, many)
        reading = asyncio.create_task(peer.swallow())
        assert await waiting == len(many)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        waiting = await _stuck(link, many)
        peer.reset()
        assert await waiting == 0, "nobody knows how many the broker was told"


async def _stuck(link: Mqtt5Link, messages: list[Message]) -> asyncio.Task[int]:
    """An acknowledgement that waits: the buffers between us and the peer are full."""
    for _ in range(50):
        telling = asyncio.create_task(link.acknowledge(messages))
        await asyncio.wait({telling}, timeout=0.1)
        if not telling.done():
            return telling
    raise AssertionError("200 MB were buffered")


async def test_what_cannot_be_said_in_connect_is_told() -> None:
    options = BrokerOptions.model_validate({"status_topic": "a/#"})
    with pytest.raises(Refused, match="status_topic"):
        await Mqtt5Link(Dial(options, "5", Login())).open()
    with pytest.raises(ValueError, match=r"3\.1\.1"):
        Mqtt5Link(Dial(options, "3.1.1", Login()))
