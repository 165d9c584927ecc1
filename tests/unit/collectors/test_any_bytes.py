"""Whatever strangers send, and how much: every message is used or refused, once, and nothing else moves."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from collectors.decoders.native import NativeDecoder
from collectors.source import Message
from telemetry.batch import Batch
from telemetry.quality import Quality
from telemetry.reason import REASONS
from telemetry.series import SeriesRegistry

NODE, METER, STATUS = "dc/v1/s/a/r1/n1/gpu", "dc/v1/s/meter/m1", "dc/v1/s/meter/m1/status"
GOOD = Message("dc/v1/s/meter/good", b'{"ts":1764000000123,"power_w":5}')

_topics = st.sampled_from([NODE, METER, STATUS, "dc/v1/grid/PL"]) | st.text(max_size=30)
_json = st.dictionaries(
    st.sampled_from(["ts", "seq", "gpus", "power_w", "energy_wh", "util", "x"]),
    st.none() | st.integers() | st.floats() | st.text(max_size=4) | st.lists(st.integers(), max_size=3),
    max_size=4,
)
_cut = st.builds(
    lambda content, end: msgspec.json.encode(content)[: end or None], _json, st.integers(0, 40)
)  # good to begin with, and then cut off
_payloads = st.binary(max_size=80) | _cut | st.sampled_from([b"online", b"offline", b"", b"{", b"\x81"])
_messages = st.builds(Message, _topics, _payloads, st.booleans(), dup=st.booleans())


@given(st.lists(_messages, max_size=20))
def test_every_message_is_used_or_refused_once(messages: list[Message]) -> None:
    batch = Batch()
    NativeDecoder(SeriesRegistry(limit=50)).decode(messages, batch, 1_764_000_000_000)
    statuses = sum(m.topic.endswith("/status") and m.payload.strip() in (b"online", b"offline")
                   for m in messages)  # fmt: skip
    used, refused = len(batch.told), sum(batch.rejected.values())
    assert batch.received == len(messages)
    assert used <= batch.received - refused <= used + statuses
    assert batch.rejected.keys() <= REASONS.keys()
    assert len(batch.samples) <= refused


@given(st.lists(_messages, max_size=20))
def test_strangers_change_nothing_of_what_others_tell(messages: list[Message]) -> None:
    registry, batch = SeriesRegistry(), Batch()
    NativeDecoder(registry).decode([*messages, GOOD, *messages], batch, 1_764_000_000_000)
    (number,) = [n for n in range(len(registry)) if registry.labels(n).get("meter") == "good"]
    rows = [
        (int(at), float(power))
        for frame in batch.frames()
        if frame.measurement.name == "meter"
        for series, at, power in zip(frame.series, frame.at_ms, frame.columns["power_w"], strict=True)
        if series == number
    ]
    assert rows == [(1_764_000_000_123, 5.0)]


@given(st.lists(_messages, max_size=20))
def test_rows_that_are_told_are_kept_or_refused_by_the_checks(messages: list[Message]) -> None:
    registry, batch = SeriesRegistry(), Batch()
    NativeDecoder(registry).decode(messages, batch, 1_764_000_000_000)
    for frame in batch.frames():
        checked = Quality(registry).check(frame)
        assert len(checked.frame) + sum(checked.rejected.values()) == len(frame)
        assert checked.rejected.keys() <= REASONS.keys()
