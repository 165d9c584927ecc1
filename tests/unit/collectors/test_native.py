"""The native decoder: what no folder of tests/cases/native can say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import collectors.decoders.native as native
from collectors.decoders.native import LARGEST_PAYLOAD, NativeDecoder
from collectors.source import Message
from collectors.topic import LONGEST_TOPIC, matcher
from collectors.wire import Gpu
from telemetry.batch import Again, Batch
from telemetry.catalogue import GPU, MEASUREMENTS
from telemetry.quality import REASONS
from telemetry.series import SeriesRegistry

CASES = Path(__file__).parents[2] / "cases" / "native"
ARRIVED = 1_764_000_005_000
NODE = "dc/v1/gdansk/a/r1/n01/gpu"
METER = "dc/v1/gdansk/meter/main-1"


def decoded(*messages: Message, registry: SeriesRegistry | None = None) -> Batch:
    batch = Batch()
    NativeDecoder(SeriesRegistry() if registry is None else registry).decode(messages, batch, ARRIVED)
    return batch


def test_every_measurement_has_a_good_case() -> None:
    told = [json.loads((case / "expected.json").read_text()).get("rows", []) for case in CASES.iterdir()]
    assert {row["measurement"] for rows in told for row in rows} == set(MEASUREMENTS)


def test_the_fast_form_names_the_fields_of_the_catalogue_in_order() -> None:
    assert Gpu.__struct_fields__ == ("i", *GPU.field_names)


def test_a_bad_message_between_good_ones_takes_nothing_with_it() -> None:
    good = b'{"ts":1,"gpus":[{"i":0,"power_w":1},{"i":1,"power_w":2}]}'
    batch = decoded(Message(NODE, good), Message(NODE, good[:-1]), Message("x", b""), Message(NODE, good))
    assert (batch.received, batch.rejected) == (4, {"undecodable": 1, "topic": 1})
    [frame] = batch.frames()
    assert frame.columns["power_w"].tolist() == [1, 2, 1, 2]
    assert [s.topic for s in batch.samples] == [NODE, "x"]


def test_too_large_is_not_read() -> None:
    padded = b'{"power_w":1' + b" " * LARGEST_PAYLOAD + b"}"
    assert decoded(Message(METER, padded)).rejected == {"too_large": 1}


def test_a_retained_measurement_counts_only_when_it_tells_its_time() -> None:
    stamped, unstamped = b'{"ts":5,"power_w":1}', b'{"power_w":1}'
    batch = decoded(Message(METER, stamped, retain=True), Message(METER, unstamped, retain=True))
    assert batch.rejected == {"too_old": 1}
    assert batch.unstamped == {}
    assert [f.at_ms.tolist() for f in batch.frames()] == [[5]]
    node = b'{"gpus":[{"i":0,"power_w":1}]}'
    assert decoded(Message(NODE, node, retain=True)).rejected == {"too_old": 1}


def test_unstamped_gpu_messages_take_the_arrival_time() -> None:
    batch = decoded(Message(NODE, b'{"gpus":[{"i":0,"power_w":1}]}'))
    assert batch.unstamped == {"gdansk/a/r1/n01/gpu": 1}
    assert batch.frames()[0].at_ms.tolist() == [ARRIVED]


def test_what_was_sent_before_is_noted_only_where_no_time_tells_it() -> None:
    stamped, unstamped = b'{"ts":5,"power_w":1}', b'{"power_w":1}'
    node = b'{"gpus":[{"i":0,"power_w":1},{"i":1,"power_w":1}]}'
    batch = decoded(
        Message(METER, stamped, dup=True),
        Message(METER, unstamped, dup=True),
        Message(METER, unstamped),
        Message(NODE, node),
        Message(NODE, node, dup=True),
    )
    assert batch.again == [Again(MEASUREMENTS["meter"], 1, 1), Again(GPU, 2, 2)]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"42", "neither JSON nor MessagePack: it begins with b'4'"),
        (b"hello", "neither JSON nor MessagePack: it begins with b'h'"),
        (b"", "neither JSON nor MessagePack: it is empty"),
        (b"\x81\xa7power_w\xa1x", "Expected `float | null`, got `str`"),
        (b"{", "Input data was truncated"),
    ],
)
def test_a_payload_that_is_neither_form_is_said_to_be_that(payload: bytes, said: str) -> None:
    (sample,) = decoded(Message(METER, payload)).samples
    assert (sample.reason, sample.detail[: len(said)]) == ("undecodable", said)


def test_only_topics_that_a_filter_lets_in_are_used() -> None:
    batch, registry = Batch(), SeriesRegistry()
    topics = [METER, METER + "/status", NODE, "dc/v1/berlin/meter/main-1", "dc/v1/grid/PL"]
    messages = [Message(t, b"online" if "status" in t else b'{"ts":1,"power_w":1}') for t in topics]
    NativeDecoder(registry, ["dc/v1/gdansk/meter/#", "dc/v1/grid/+"]).decode(messages, batch, ARRIVED)
    assert [s.topic for s in batch.samples if s.reason == "topic"] == [NODE, "dc/v1/berlin/meter/main-1"]
    assert len(registry) == 1, "what is not let in spends no room"
    assert batch.statuses == {"gdansk/meter/main-1": True}


@pytest.mark.parametrize(
    ("pattern", "topic", "lets_in"),
    [
        ("#", "a/b", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/b/c", False),
        ("a.b", "axb", False),
        ("a/b", "a/b", True),
    ],
)
def test_filters_match_as_the_broker_matches(pattern: str, topic: str, lets_in: bool) -> None:
    assert matcher(pattern)(topic) is lets_in


@pytest.mark.parametrize("pattern", ["", "a/#/b", "a/b#", "a/+b"])
def test_what_is_no_filter_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no MQTT filter"):
        matcher(pattern)


def test_sources_that_are_only_names_are_capped() -> None:
    flood = [Message(f"dc/v1/x/meter/{n}/status", b"online") for n in range(5)]
    batch = decoded(*flood, *flood, registry=SeriesRegistry(limit=3))
    assert list(batch.statuses) == [f"x/meter/{n}" for n in range(3)]
    assert batch.rejected == {"cardinality": 4}


def test_a_status_without_a_meaning_spends_no_room() -> None:
    registry = SeriesRegistry(limit=1)
    nonsense, meant = Message(METER + "/status", b"?"), Message(NODE + "/status", b"online")
    assert decoded(nonsense, meant, registry=registry).rejected == {"undecodable": 1}


def test_a_topic_has_a_greatest_length() -> None:
    batch = decoded(
        Message(f"dc/v1/x/meter/{'m' * LONGEST_TOPIC}", b'{"power_w":1}'),
        Message(f"dc/v1/x/meter/{'m' * LONGEST_TOPIC}/status", b"online"),
    )
    assert (batch.rejected, batch.statuses) == ({"topic": 2}, {})


def test_the_cap_of_series_rejects_whole_messages() -> None:
    registry = SeriesRegistry(limit=2)
    two, three = (json.dumps({"gpus": [{"i": i, "power_w": 1} for i in range(n)]}).encode() for n in (2, 3))
    batch = decoded(Message(NODE, three), Message(NODE, two), registry=registry)
    assert batch.rejected == {"cardinality": 1}
    assert batch.frames()[0].series.tolist() == [0, 1]
    assert len(batch.unstamped) == 1


def test_rejected_messages_use_up_no_series() -> None:
    registry = SeriesRegistry()
    decoded(Message(METER, b'{"power_w":"x"}'), Message(NODE, b'{"gpus":[{"i":0}]}'), registry=registry)
    assert len(registry) == 0


def test_a_gap_in_seq_is_counted_and_a_restart_is_not() -> None:
    told = (1, 2, 6, 6, 0, 1, 2**62)
    payloads = [b'{"ts":1,"seq":%d,"gpus":[{"i":0,"power_w":1}]}' % seq for seq in told]
    assert decoded(*[Message(NODE, p) for p in payloads]).missed == 3


def test_unknown_names_are_looked_for_in_samples_that_stand_for_the_rest() -> None:
    message = Message(METER, b'{"ts":1,"power_w":1,"volts":230,"amps":1}')
    assert decoded(*[message] * 600).unknown_fields == 2 * (1 + 256 + 256)


def test_topics_that_are_invented_drive_out_none_that_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "ROUTES_NEW", 3)
    gpus = b'{"ts":%d,"seq":%d,"gpus":[{"i":0,"power_w":1}]}'
    honest = [Message(NODE, gpus % (seq, seq)) for seq in (1, 2, 3, 7, 8)]
    flood = [[Message(f"dc/v1/s/a/r/n{n}-{k}/gpu", gpus % (9, 9)) for k in range(20)] for n in range(5)]
    messages = [one for seq, others in zip(honest, flood, strict=True) for one in (seq, *others)]
    assert decoded(honest[0], *messages).missed == 3


def test_a_topic_with_two_publishers_is_told_and_its_messages_are_used() -> None:
    gpus = b'{"ts":%d,"seq":%d,"gpus":[{"i":0,"power_w":1}]}'
    both = [(2 * k + first, start + k) for k in range(300) for first, start in ((0, 1_000), (1, 50_000))]
    batch = decoded(*[Message(NODE, gpus % one) for one in both])
    assert batch.missed < 50_000
    samples = [(one.reason, one.topic) for one in batch.samples]
    assert samples == [("two_publishers", NODE)] * 2
    assert batch.rejected == {}


def test_routes_are_forgotten_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "ROUTES_KEPT", 2)
    monkeypatch.setattr(native, "ROUTES_NEW", 1)
    registry = SeriesRegistry()
    messages = [Message(f"dc/v1/s/meter/m{n}", b'{"ts":1,"power_w":1}') for n in (0, 1, 2, 0, 1, 2)]
    assert decoded(*messages, registry=registry).frames()[0].series.tolist() == [0, 1, 2, 0, 1, 2]
    assert len(registry) == 3


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["ts", "seq", "gpus", "i", *GPU.field_names, "x"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


def _packed() -> st.SearchStrategy[bytes]:
    return _JSON.filter(_fits_msgpack).map(msgspec.msgpack.encode)


def _fits_msgpack(value: Any) -> bool:
    try:
        msgspec.msgpack.encode(value)
    except OverflowError:
        return False
    return True


_TOPICS = st.sampled_from([NODE, METER, "dc/v1/grid/PL", NODE + "/status"]) | st.text(max_size=20)


@given(
    _TOPICS, st.binary(max_size=60) | _JSON.map(lambda x: json.dumps(x).encode()) | _packed(), st.booleans()
)
def test_nothing_that_is_sent_raises(topic: str, payload: bytes, retain: bool) -> None:
    batch = decoded(Message(topic, payload, retain))
    used = len(batch.frames()) + len(batch.statuses)
    assert (used, batch.rejected.keys() <= REASONS.keys()) in ((1, True), (0, True))
    assert bool(used) != bool(batch.rejected)
    for frame in batch.frames():
        assert all(len(column) == len(frame) for column in frame.columns.values())
        assert all(not math.isinf(v) for column in frame.columns.values() for v in column)
