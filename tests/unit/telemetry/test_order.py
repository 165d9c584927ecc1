"""Late, repeated, new: whatever way the rows are cut into frames."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue import METER
from telemetry.frame import Frame
from telemetry.live import NEVER
from telemetry.order import concatenated, merged, newest_ms, not_newer

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=40)


def _frame(rows: list[tuple[int, int]]) -> Frame:
    series, at = [s for s, _ in rows], [1_764_000_000_000 + t for _, t in rows]
    power = np.arange(len(rows), dtype=np.float64)
    return Frame(METER, np.array(series, np.int32), np.array(at, np.int64), {"power_w": power})


def _one_by_one(rows: list[tuple[int, int]], newest: dict[int, int]) -> list[bool]:
    found = []
    for series, at in rows:
        found.append(at <= newest.get(series, -1))
        newest[series] = max(at, newest.get(series, -1))
    return found


@given(ROWS, st.dictionaries(st.integers(0, 4), st.integers(-3, 8)))
def test_rows_are_judged_as_if_they_came_one_by_one(
    rows: list[tuple[int, int]], before: dict[int, int]
) -> None:
    frame = _frame(rows)
    known = np.array([1_764_000_000_000 + before[s] if s in before else NEVER for s, _ in rows], np.int64)
    assert not_newer(frame, known).tolist() == _one_by_one(rows, {s: t for s, t in before.items()})


@given(ROWS)
def test_merging_leaves_one_row_per_series_and_time_with_the_last_value(rows: list[tuple[int, int]]) -> None:
    found = merged(_frame(rows))
    last = {row: float(i) for i, row in enumerate(rows)}
    keys = list(zip(found.series.tolist(), (found.at_ms - 1_764_000_000_000).tolist(), strict=True))
    assert dict(zip(keys, found.columns["power_w"].tolist(), strict=True)) == last
    assert keys == sorted(last)


def test_merging_keeps_the_last_told_value_of_each_field() -> None:
    nan = np.nan
    frame = Frame(
        METER,
        np.zeros(3, np.int32),
        np.full(3, 5, np.int64),
        {"power_w": np.array([1.0, nan, nan]), "energy_wh": np.array([nan, 2.0, 3.0])},
    )
    found = merged(frame)
    assert len(found) == 1
    assert found.columns["power_w"].tolist() == [1.0]
    assert found.columns["energy_wh"].tolist() == [3.0]


def test_concatenation_keeps_order_and_marks_absent_fields_missing() -> None:
    one = Frame(METER, np.array([1], np.int32), np.array([7]), {"power_w": np.array([1.0])})
    two = Frame(METER, np.array([0], np.int32), np.array([6]), {"energy_wh": np.array([2.0])})
    (whole,) = concatenated([one, two, one.take(np.array([False]))])
    assert whole.series.tolist() == [1, 0]
    np.testing.assert_array_equal(whole.columns["power_w"], [1.0, np.nan])
    np.testing.assert_array_equal(whole.columns["energy_wh"], [np.nan, 2.0])
    assert newest_ms([one, two]) == 7
    assert newest_ms([]) is None
