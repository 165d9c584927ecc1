"""Frames as bytes and as tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import StoreError
from telemetry.arrow import decode, encode, table
from telemetry.catalogue import METER
from telemetry.frame import Frame
from telemetry.series import SeriesRegistry
from tests.fakes.frames import T0, frame

VALUES = st.lists(st.floats(allow_infinity=False), min_size=1, max_size=50)


@given(st.lists(VALUES, max_size=4))
def test_what_is_encoded_comes_back_bit_by_bit(parts: list[list[float]]) -> None:
    frames = [
        Frame(METER, np.arange(len(p), dtype=np.int32), T0 + np.arange(len(p)), {"power_w": np.array(p)})
        for p in parts
    ]
    found = decode(encode(frames))
    assert [f.measurement for f in found] == [METER] * len(frames)
    for before, after in zip(frames, found, strict=True):
        np.testing.assert_array_equal(after.series, before.series)
        np.testing.assert_array_equal(after.at_ms, before.at_ms)
        np.testing.assert_array_equal(after.columns["power_w"], before.columns["power_w"])


def test_no_frames_are_no_bytes() -> None:
    assert encode([]) == b""
    assert decode(b"") == []


@pytest.mark.parametrize("payload", [b"nonsense", bytes(64)])
def test_bytes_of_something_else_are_an_error(payload: bytes) -> None:
    with pytest.raises(StoreError, match="cannot be decoded"):
        decode(payload)


def test_a_truncated_batch_is_an_error() -> None:
    whole = encode([frame(SeriesRegistry(), METER, [(("g", "m"), 1, {"power_w": 1.0})])])
    with pytest.raises(StoreError, match="cannot be decoded"):
        decode(whole[: len(whole) // 2])


def test_a_table_has_every_field_and_null_where_nothing_was_told() -> None:
    rows = frame(SeriesRegistry(), METER, [(("g", "m"), 1, {"power_w": math.nan, "energy_wh": 2.0})])
    assert table(rows).to_pylist() == [
        {"series": 0, "at_ms": T0 + 1000, "power_w": None, "energy_wh": 2.0, "export_wh": None}
    ]
