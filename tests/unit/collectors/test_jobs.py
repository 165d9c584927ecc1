"""Events of jobs from the topic into the journal and out of it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from collectors.decoders.native import NativeDecoder
from collectors.source import Message
from runtime.clock import ManualClock, from_ms
from telemetry import job
from telemetry.arrow import decode, encode
from telemetry.batch import Batch
from telemetry.job import JobEvent
from telemetry.quality import Quality
from telemetry.series import SeriesRegistry

TOPIC = "dc/v1/gdansk/job/train-7"
NOW_MS = 1_764_000_000_000
START = {"event": "start", "at": NOW_MS, "tenant": "acme", "project": "llm", "nodes": ["a/r1/n01"]}


def decoded(payload: bytes | Mapping[str, Any], retain: bool = False, topic: str = TOPIC) -> Batch:
    """What becomes of one message."""
    told = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    batch = Batch()
    NativeDecoder(SeriesRegistry()).decode([Message(topic, told, retain)], batch, NOW_MS + 5)
    return batch


def test_a_start_is_an_event_and_no_row() -> None:
    batch = decoded(START)
    assert batch.jobs == [
        JobEvent("gdansk", "train-7", "start", NOW_MS, "acme", "llm", None, ("a/r1/n01",), None)
    ]
    assert batch.frames() == []
    assert (batch.received, batch.rejected, batch.told) == (1, {}, [])


@pytest.mark.parametrize("at", ["2025-11-24T16:00:00Z", "2025-11-24T17:00:00+01:00", NOW_MS])
def test_its_time_is_iso_8601_or_unix_milliseconds(at: str | int) -> None:
    assert decoded(START | {"at": at}).jobs[0].at_ms == NOW_MS


def test_without_a_time_it_happened_on_arrival_but_for_a_retained_one() -> None:
    told = {"event": "stop"}
    assert decoded(told).jobs[0].at_ms == NOW_MS + 5
    assert decoded(told, retain=True).rejected == {"too_old": 1}


def test_gpus_are_places_uuids_and_seats() -> None:
    seat = {"uuid": "GPU-2", "node": "a/r1/n02", "i": 3}
    batch = decoded({"event": "update", "at": NOW_MS, "gpus": ["GPU-1", "a/r1/n01/0", seat], "share": 0.5})
    (event,) = batch.jobs
    assert event.members == ("GPU-1", "GPU-2", "a/r1/n01/0")
    assert [(one.uuid, one.node, one.i) for one in event.seats] == [("GPU-2", "a/r1/n02", 3)]
    assert event.share == 0.5


def test_c9_counters_are_the_greatest_of_each_uuid_and_never_their_sum() -> None:
    rows = [{"uuid": "GPU-1", "mj": 126_272_101_025}] * 3 + [{"uuid": "GPU-1", "mj": 126_272_106_318}]
    rows.append({"uuid": "GPU-2", "wh": 35.0})
    (event,) = decoded({"event": "stop", "at": NOW_MS, "counters": rows}).jobs
    assert event.counters == {"GPU-1": 126_272_106_318, "GPU-2": 126_000_000}
    assert event.counters["GPU-1"] / job.MJ_PER_WH == pytest.approx(35_075.6, abs=0.05)


def test_message_pack_tells_the_same() -> None:
    assert decoded(msgspec.msgpack.encode(START)).jobs == decoded(START).jobs


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"not json", "undecodable"),
        ({"event": "begin"}, "undecodable"),
        ({"event": "start", "at": NOW_MS}, "no_known_field"),
        ({"event": "start", "at": "yesterday", "nodes": ["a/r1/n01"]}, "undecodable"),
        ({"event": "start", "at": "2025-11-24T16:00:00", "nodes": ["a/r1/n01"]}, "undecodable"),
        ({"event": "start", "at": -1, "nodes": ["a/r1/n01"]}, "undecodable"),
        ({"event": "start", "nodes": ["n01"]}, "undecodable"),
        ({"event": "start", "gpus": ["n01/3"]}, "undecodable"),
        ({"event": "start", "nodes": ["a/r1/n01"], "share": 1.5}, "undecodable"),
        ({"event": "start", "nodes": ["a/r1/n01"], "tenant": "x" * 201}, "undecodable"),
    ],
)
def test_bad_events_are_counted_and_acknowledged(payload: bytes | Mapping[str, Any], reason: str) -> None:
    batch = decoded(payload)
    assert batch.rejected == {reason: 1}
    assert batch.jobs == []


def test_a_status_below_a_job_is_no_topic() -> None:
    assert decoded(b"online", topic=f"{TOPIC}/status").rejected == {"topic": 1}


def test_events_travel_the_journal_beside_readings() -> None:
    events = [*decoded(START).jobs, *decoded({"event": "stop", "at": NOW_MS + 1}).jobs]
    payload = encode([job.frame(events)])
    (frame,) = decode(payload)
    assert job.events(frame) == events
    assert frame.at_ms.tolist() == [NOW_MS, NOW_MS + 1]
    assert decode(payload, wanted=lambda name: name == "gpu") == []


def test_events_of_another_time_are_refused_like_readings() -> None:
    registry, clock = SeriesRegistry(), ManualClock(from_ms(NOW_MS))
    batch = decoded(START)
    for at_ms in (NOW_MS + 61_000, NOW_MS - 36 * 86_400_000):
        batch.jobs += decoded(START | {"at": at_ms}).jobs
    Quality(registry, wall=clock).doubt_jobs(batch)
    assert [event.at_ms for event in batch.jobs] == [NOW_MS]
    assert batch.rejected == {"future": 1, "too_old": 1}
