"""The native decoder: every folder of tests/cases/native, and what no folder can say."""

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
from collectors.topic import LONGEST_TOPIC
from collectors.wire import Gpu
from telemetry.batch import Batch
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


def rows_of(batch: Batch, registry: SeriesRegistry) -> list[dict[str, Any]]:
    """The rows of ``batch`` as the cases spell them: missing values left out."""
    rows = []
    for frame in batch.frames():
        for k, series in enumerate(frame.series):
            values = {name: float(column[k]) for name, column in frame.columns.items()}
            rows.append(
                {
                    "measurement": frame.measurement.name,
                    "labels": registry.labels(int(series)),
                    "at_ms": int(frame.at_ms[k]),
                    "values": {name: value for name, value in values.items() if not math.isnan(value)},
                }
            )
    return rows


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.iterdir()))
def test_case(case: str) -> None:
    folder = CASES / case
    payload = next(folder.glob("input.*")).read_bytes()
    expected = json.loads((folder / "expected.json").read_text())
    registry = SeriesRegistry()
    batch = decoded(Message((folder / "topic").read_text().rstrip("\n"), payload), registry=registry)
    assert batch.received == 1
    assert rows_of(batch, registry) == expected.get("rows", [])
    assert list(batch.rejected) == ([expected["rejected"]] if "rejected" in expected else [])
    assert batch.statuses == expected.get("statuses", {})
    assert batch.unknown_fields == expected.get("unknown_fields", 0)
    assert batch.unstamped == expected.get("unstamped", 0)


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
    assert batch.unstamped == 0
    assert [f.at_ms.tolist() for f in batch.frames()] == [[5]]
    node = b'{"gpus":[{"i":0,"power_w":1}]}'
    assert decoded(Message(NODE, node, retain=True)).rejected == {"too_old": 1}


def test_unstamped_gpu_messages_take_the_arrival_time() -> None:
    batch = decoded(Message(NODE, b'{"gpus":[{"i":0,"power_w":1}]}'))
    assert batch.unstamped == 1
    assert batch.frames()[0].at_ms.tolist() == [ARRIVED]


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
    assert batch.unstamped == 1


def test_rejected_messages_use_up_no_series() -> None:
    registry = SeriesRegistry()
    decoded(Message(METER, b'{"power_w":"x"}'), Message(NODE, b'{"gpus":[{"i":0}]}'), registry=registry)
    assert len(registry) == 0


def test_a_gap_in_seq_is_counted_and_a_restart_is_not() -> None:
    told = (1, 2, 6, 6, 0, 1, 2**62)
    payloads = [b'{"ts":1,"seq":%d,"gpus":[{"i":0,"power_w":1}]}' % seq for seq in told]
    assert decoded(*[Message(NODE, p) for p in payloads]).missed == 3


def test_unknown_names_are_looked_for_in_samples() -> None:
    message = Message(METER, b'{"ts":1,"power_w":1,"volts":230,"amps":1}')
    assert decoded(*[message] * 600).unknown_fields == 2 * 3


def test_routes_are_forgotten_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "ROUTES_KEPT", 2)
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
