"""The service's own decoder takes whatever the simulator says, and nothing of what its stranger says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.decoders.native import NativeDecoder
from collectors.source import Message
from runtime.clock import ManualClock, to_ms
from simulator.faults import NONSENSE
from simulator.frames import node_frames
from simulator.messages import Cadence, Encoding, messages
from simulator.model import Model
from telemetry.batch import Batch
from telemetry.quality import Quality
from telemetry.series import SeriesRegistry

START = datetime(2026, 11, 2, tzinfo=UTC)
END = START + timedelta(hours=1)


def taken(stream: list[tuple[str, bytes]]) -> tuple[Batch, int]:
    """The decoded batch, and how many of its rows pass the quality checks."""
    registry = SeriesRegistry()
    batch = Batch()
    NativeDecoder(registry).decode([Message(*message) for message in stream], batch, to_ms(END))
    quality = Quality(registry, wall=ManualClock(END))
    return batch, sum(len(quality.check(frame).frame.at_ms) for frame in batch.frames())


@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.parametrize("gpus", ["objects", "columns"])
def test_every_message_is_taken_with_all_its_rows(form: Any, gpus: Any) -> None:
    model = Model(START)
    stream = list(messages(model, START, END, Cadence(), Encoding(gpus, form, sequence=True)))
    batch, rows = taken(stream)
    assert batch.rejected == {}
    assert batch.unknown_fields == 0
    assert batch.unstamped == {}
    assert rows == sum(model.rows(topic) for topic, _ in stream)


def test_no_nonsense_is_taken() -> None:
    batch, rows = taken([("dc/v1/kaunas/meter/stranger", payload) for payload in NONSENSE])
    assert rows == 0
    decoded = sum(len(frame) for frame in batch.frames())
    assert sum(batch.rejected.values()) + decoded == len(NONSENSE)


def test_the_frames_of_a_load_test_are_taken() -> None:
    stream = []
    for frame in node_frames("loadtest", 30, 8):
        packet = frame.stamped(1, to_ms(START), 3)
        stream.append((frame.topic, packet[packet.index(b"{") :]))
    batch, rows = taken(stream)
    assert batch.rejected == {}
    assert rows == 240
