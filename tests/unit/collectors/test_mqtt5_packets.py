"""However the bytes of a connection are cut, the same packets come out; and what is no packet is named."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqtt5 import DisconnectReasonCode as Reason

from collectors.mqtt5.packets import LARGEST, PacketReader, Violation

_text = st.text(st.characters(exclude_characters="\x00+#", codec="utf-8"), min_size=1, max_size=30)
_numbers = st.integers(1, 65_535)
_publishes = st.builds(
    lambda topic, payload, number, note: mqtt5.PublishPacket(
        topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number, user_properties=[("note", note)]
    ).write(),
    _text,
    st.binary(max_size=400) | st.just(bytes(20_000)),
    _numbers,
    _text,
)
_others = st.builds(lambda n: mqtt5.PubAckPacket(n).write(), _numbers) | st.sampled_from(
    [mqtt5.PingRespPacket().write(), mqtt5.ConnAckPacket(reason_str="hello").write()]
)


Codec = Callable[[memoryview], tuple[mqtt5.Packet, int]]


# At text that is not UTF-8 the codec panics, and its panic complains of the UnicodeDecodeError behind it.
panics = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def read(pieces: list[bytes], limit: int = 1_000, codec: Codec = mqtt5.read) -> list[mqtt5.Packet]:
    """All packets of ``pieces``, taken after each piece."""
    reader, packets = PacketReader(codec), []
    for piece in pieces:
        reader.feed(piece)
        while taken := reader.take(limit):
            assert len(taken) <= limit
            packets += taken
    return packets


@given(st.lists(_publishes | _others, max_size=12), st.data())
def test_cuts_change_nothing(frames: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=40)))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    packets = read(pieces, limit=data.draw(st.integers(1, 5)))
    assert [packet.write() for packet in packets] == frames


@panics
@given(st.lists(_publishes, min_size=1, max_size=4), st.binary(max_size=60))
def test_rubbish_ends_in_a_violation_and_nothing_else(frames: list[bytes], rubbish: bytes) -> None:
    """What stood before it is taken first. Rubbish may be the beginning of a packet, too."""
    reader = PacketReader()
    reader.feed(b"".join(frames) + rubbish)
    taken: list[bytes] = []
    try:
        while packets := reader.take(1_000):
            taken += [packet.write() for packet in packets]
    except Violation as fault:
        assert fault.reason in (Reason.MALFORMED_PACKET, Reason.PACKET_TOO_LARGE)  # noqa: PT017
    assert taken[: len(frames)] == frames


def test_a_large_packet_is_looked_at_once_it_is_whole() -> None:
    looked = 0

    def counted(view: memoryview) -> tuple[mqtt5.Packet, int]:
        nonlocal looked
        looked += 1
        return mqtt5.read(view)

    frame = mqtt5.PublishPacket("a", bytes(1_000_000)).write()
    packets = read([frame[n : n + 10] for n in range(0, len(frame), 10)], codec=counted)
    assert [packet.write() for packet in packets] == [frame]
    assert looked == 2, "when its length was known, and when all of it was here"


@panics
@pytest.mark.parametrize(
    ("stream", "reason", "told"),
    [
        (b"\x00\x00", Reason.MALFORMED_PACKET, "PacketType"),
        (b"\x30\xff\xff\xff\xff\x01", Reason.MALFORMED_PACKET, "variable byte integer"),
        (b"\x36\x06\x00\x01a\x00\x01\x00", Reason.MALFORMED_PACKET, "QoS"),
        (b"\x32\x06\x00\x01\xff\x00\x01\x00", Reason.MALFORMED_PACKET, "not UTF-8"),
        (b"\xe0\x01\x77", Reason.MALFORMED_PACKET, "ReasonCode"),
        (b"\x20\x02\x00\x01", Reason.MALFORMED_PACKET, "CONNACK of MQTT 3.1.1"),
        (b"\x30" + bytes([0x80 | (LARGEST & 0x7F), 0x80, 0x80, 0x08]), Reason.PACKET_TOO_LARGE, "bytes"),
    ],
)
def test_what_is_no_packet_is_named(stream: bytes, reason: Reason, told: str) -> None:
    reader = PacketReader()
    reader.feed(stream)
    with pytest.raises(Violation, match=told) as fault:
        reader.take(10)
    assert fault.value.reason == reason


def test_an_interrupt_is_no_violation() -> None:
    def interrupted(_view: memoryview) -> tuple[mqtt5.Packet, int]:
        raise KeyboardInterrupt

    reader = PacketReader(interrupted)
    reader.feed(b"\xd0\x00")
    with pytest.raises(KeyboardInterrupt):
        reader.take(1)
