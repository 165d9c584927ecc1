"""Interval energy from sampled power."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy.interval import QUARTER_MS
from energy.settlement.integration import settle_power
from energy.settlement.registers import INTEGRATED, MISSING

START = 1_900_000 * QUARTER_MS
MINUTE = 60_000


def sampled(minutes, power):
    at = START + (np.asarray(minutes, dtype=np.float64) * MINUTE).astype(np.int64)
    return at, np.broadcast_to(np.asarray(power, dtype=np.float64), at.shape).copy()


def test_constant_power_is_power_times_time_and_says_how_it_is_known():
    at, power = sampled(range(-1, 32), 4000.0)
    found = settle_power(at, power, START, 2, MINUTE)
    assert found.amount.tolist() == [1000.0, 1000.0]
    assert found.quality.tolist() == [INTEGRATED, INTEGRATED]
    assert "no register" in found.reasons[0]


def test_a_ramp_is_exact_at_boundaries_that_fall_between_samples():
    at, power = sampled(np.arange(-0.5, 32), np.arange(-0.5, 32) * 100)
    found = settle_power(at, power, START, 2, MINUTE)
    assert found.amount.tolist() == [188.0, 562.0]  # 750 W and 2250 W on average


def test_a_gap_longer_than_two_periods_is_missing():
    at, power = sampled([*range(0, 20), *range(23, 46)], 4000.0)
    found = settle_power(at, power, START, 3, MINUTE)
    assert found.quality.tolist() == [INTEGRATED, MISSING, INTEGRATED]
    assert "240 s" in found.reasons[1]


def test_an_interval_that_is_not_covered_to_its_end_is_missing():
    at, power = sampled(range(0, 29), 4000.0)
    found = settle_power(at, power, START, 2, MINUTE)
    assert found.quality.tolist() == [INTEGRATED, MISSING]
    assert np.isnan(found.amount[1])


def test_only_one_direction_counts():
    at, power = sampled([0, 7.5, 15], [-600.0, 0.0, 600.0])
    how = 10 * MINUTE
    assert settle_power(at, power, START, 1, how).amount.tolist() == [38.0]  # 300 W over half the time
    assert settle_power(at, -power, START, 1, how).amount.tolist() == [38.0]


def test_no_sample_is_missing():
    found = settle_power(np.array([], dtype=np.int64), np.array([]), START, 1, MINUTE)
    assert found.quality.tolist() == [MISSING]


@given(st.lists(st.floats(-1e6, 1e6), min_size=32, max_size=32))
def test_import_less_export_is_the_signed_area(watts):
    at, power = sampled(range(-1, 31), watts)
    signed = np.trapezoid(power[1:], at[1:] / 3.6e6)
    both = [settle_power(at, sign * power, START, 2, MINUTE).amount.sum() for sign in (1, -1)]
    assert min(both) >= 0
    assert abs((both[0] - both[1]) - signed) <= 2 + 1e-9 * np.abs(power).sum()
