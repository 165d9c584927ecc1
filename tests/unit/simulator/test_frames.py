"""Prepared packets are true MQTT and keep their length when they are stamped."""

from __future__ import annotations

import msgspec
import pytest
from pydantic import ValidationError

from simulator.frames import NodeFrame, node_frames, node_topic, remaining_length
from simulator.loadtest import LoadOptions


def taken_apart(packet: bytes) -> tuple[str, int, dict[str, object]]:
    assert packet[0] == 0x32
    digits = 1 if packet[1] < 0x80 else 2
    assert packet[1 : 1 + digits] == remaining_length(len(packet) - 1 - digits)
    body = packet[1 + digits :]
    end = 2 + int.from_bytes(body[:2], "big")
    return (
        body[2:end].decode(),
        int.from_bytes(body[end : end + 2], "big"),
        msgspec.json.decode(body[end + 2 :]),
    )


def test_a_stamped_frame_differs_only_where_it_should() -> None:
    frame = node_frames("site", 3, 8)[2]
    topic, packet_id, first = taken_apart(frame.stamped(1, 1_764_000_000_123, 0))
    again, next_id, second = taken_apart(frame.stamped(65_535, 1_764_000_001_123, 7))
    assert topic == again == frame.topic == "dc/v1/site/h1/r01/n03/gpu"
    assert (packet_id, next_id) == (1, 65_535)
    assert (first["ts"], second["ts"]) == (1_764_000_000_123, 1_764_000_001_123)
    assert int(str(second["seq"])) - int(str(first["seq"])) == 7
    assert first["gpus"] == second["gpus"]


def test_a_message_of_eight_gpus_is_as_long_as_a_real_one() -> None:
    frames = node_frames("loadtest", 100, 8)
    sizes = [len(frame.raw) for frame in frames]
    assert 720 < sum(sizes) / len(sizes) < 820


def test_every_node_has_its_own_topic_and_values() -> None:
    frames = node_frames("loadtest", 2_600, 2)
    assert len({frame.topic for frame in frames}) == 2_600
    assert len({bytes(frame.raw).split(b"gpus")[1] for frame in frames}) > 2_500
    assert node_topic("loadtest", 1_250) == "dc/v1/loadtest/h2/r01/n01/gpu"


@pytest.mark.parametrize(
    ("size", "encoded"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (16_384, b"\x80\x80\x01")]
)
def test_remaining_length(size: int, encoded: bytes) -> None:
    assert remaining_length(size) == encoded


def test_a_topic_that_looks_like_a_stamp_is_left_alone() -> None:
    frame = NodeFrame('dc/"ts":1/"seq":1', b'{"ts":1000000000000,"seq":1000000000}')
    topic, _, body = taken_apart(frame.stamped(9, 1_764_000_000_000, 3))
    assert topic == 'dc/"ts":1/"seq":1'
    assert body == {"ts": 1_764_000_000_000, "seq": 1_000_000_003}


def test_two_messages_of_a_node_in_one_millisecond_are_refused() -> None:
    with pytest.raises(ValidationError, match="take more nodes"):
        LoadOptions(port=1883, nodes=10, rate=20_000)
