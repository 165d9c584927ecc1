"""Interval energy from registers: rollovers, resets, glitches, gaps, and sums that balance."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy.configuration.device import devices
from energy.configuration.site import SiteOptions
from energy.counting.register import Register
from energy.counting.verdict import judge
from energy.interval import QUARTER_MS
from energy.settlement.registers import ESTIMATED, MISSING, OK, RESET, settle_register

START = 1_900_000 * QUARTER_MS
MINUTE = 60_000


def register(**kwargs) -> Register:
    return Register(**{"period_ms": MINUTE, "rated": 1e9, **kwargs})


def settle(readings, count, how=None):
    at = START + np.array([int(minute * MINUTE) for minute, _ in readings], dtype=np.int64)
    values = np.array([value for _, value in readings], dtype=np.float64)
    return settle_register(at, values, START, count, how or register())


def test_boundary_values_are_interpolated_between_the_bracketing_readings():
    found = settle([(-1, 100.0), (1, 120.0), (14, 300.0), (16, 340.0), (30, 400.0)], 2)
    assert found.amount.tolist() == [210.0, 80.0]  # 110 at 0 min, 320 at 15 min, 400 at 30 min
    assert found.quality.tolist() == [OK, OK]
    assert found.reasons == {}


def test_t17_a_register_that_reaches_its_modulus_rolls_over():
    found = settle([(0, 999_990.0), (15, 10.0)], 1, register(modulus=1_000_000.0))
    assert found.amount.tolist() == [20.0]
    assert found.quality.tolist() == [OK]


def test_c6_a_known_modulus_makes_a_fall_a_rollover():
    found = settle([(0, 990.0), (15, 10.0)], 1, register(modulus=1000.0))
    assert found.amount.tolist() == [20.0]
    assert found.quality.tolist() == [OK]


def test_c6_a_reset_is_a_lower_bound_and_says_so():
    found = settle([(0, 990.0), (15, 10.0)], 1)
    assert found.amount.tolist() == [10.0]
    assert found.quality.tolist() == [RESET]
    assert "lower bound" in found.reasons[0]


def test_c6_an_unknown_fall_is_not_credited():
    found = settle([(0, 990.0), (15, 10.0)], 1, register(on_decrease="unknown"))
    assert np.isnan(found.amount[0])
    assert found.quality.tolist() == [MISSING]
    assert "not credited" in found.reasons[0]


def test_a_fall_far_below_the_modulus_is_no_rollover():
    found = settle([(0, 500.0), (15, 10.0)], 1, register(modulus=1000.0))
    assert found.quality.tolist() == [RESET]


def test_a_rollover_that_implies_too_much_power_is_a_reset():
    found = settle([(0, 990.0), (15, 90.0)], 1, register(modulus=1000.0, rated=316.0))
    assert found.quality.tolist() == [RESET]
    assert found.amount.tolist() == [90.0]


def test_energy_goes_on_after_a_reset_and_only_its_own_interval_is_marked():
    readings = [(0, 1000.0), (14, 1014.0), (16, 2.0), (30, 16.0), (45, 31.0)]
    found = settle(readings, 3)
    assert found.amount.tolist() == [15.0, 15.0, 15.0]
    assert found.quality.tolist() == [RESET, RESET, OK]


def test_one_lower_sample_is_a_glitch_and_is_discarded():
    found = settle([(0, 100.0), (5, 110.0), (6, 0.0), (7, 114.0), (15, 130.0)], 1)
    assert found.amount.tolist() == [30.0]
    assert found.quality.tolist() == [OK]


def test_one_higher_sample_is_a_glitch_and_is_discarded():
    found = settle([(0, 100.0), (5, 110.0), (6, 9e12), (7, 114.0), (15, 130.0)], 1)
    assert found.amount.tolist() == [30.0]


def test_a_jump_beyond_the_rated_power_is_not_credited_and_the_rest_goes_on():
    how = register(rated=1000.0)
    found = settle([(0, 0.0), (15, 200.0), (20, 300_000.0), (30, 300_100.0), (45, 300_300.0)], 3, how)
    assert found.quality.tolist() == [OK, MISSING, OK]
    assert found.amount[[0, 2]].tolist() == [200.0, 200.0]
    assert "rated power" in found.reasons[1]


def test_a_factor_1000_error_is_caught():
    how = register(rated=10_000.0)
    found = settle([(0, 1_000.0), (15, 1_002_500.0)], 1, how)
    assert found.quality.tolist() == [MISSING]


def test_a_gap_with_readings_on_both_sides_is_estimated_and_its_total_exact():
    found = settle([(0, 0.0), (5, 50.0), (50, 500.0), (60, 600.0)], 4)
    assert found.quality.tolist() == [ESTIMATED] * 4
    assert found.amount.sum() == 600.0
    assert "interpolated" in found.reasons[1]


def test_a_gap_without_a_later_reading_is_missing():
    found = settle([(0, 0.0), (15, 100.0), (16, 107.0)], 3)
    assert found.quality.tolist() == [OK, MISSING, MISSING]
    assert np.isnan(found.amount[1:]).all()
    assert found.reasons[1] == "no reading after the interval brackets it"
    assert found.reasons[2] == "no reading arrived"


def test_a_slow_meter_may_leave_twice_its_period():
    found = settle([(0, 0.0), (60, 400.0)], 4, register(period_ms=30 * MINUTE))
    assert found.quality.tolist() == [OK] * 4
    assert found.amount.tolist() == [100.0] * 4


def test_but_no_period_makes_a_straight_line_of_more_than_an_hour_a_measurement():
    found = settle([(0, 0.0), (120, 800.0)], 8, register(period_ms=24 * 60 * MINUTE))
    assert found.quality.tolist() == [ESTIMATED] * 8


def test_a_meter_that_reads_once_an_hour_is_a_measurement_only_about_the_full_hour():
    slow = register(period_ms=60 * MINUTE)
    about = settle([(4, 0.0), (64, 400.0), (124, 800.0), (184, 1200.0)], 12, slow)
    assert about.quality[1:].tolist() == [OK] * 11
    between = settle([(-30, 0.0), (30, 400.0), (90, 800.0), (150, 1200.0), (210, 1600.0)], 12, slow)
    assert between.quality.tolist() == [ESTIMATED] * 12


def test_readings_may_come_unordered_twice_and_with_holes():
    found = settle([(15, 99.0), (0, 0.0), (7, float("nan")), (15, 100.0)], 1)
    assert found.amount.tolist() == [100.0]


def test_no_reading_at_all_is_missing():
    found = settle([(3, float("nan"))], 2)
    assert found.quality.tolist() == [MISSING, MISSING]
    assert found.reasons == {0: "no reading arrived", 1: "no reading arrived"}


def test_a_lasting_fall_is_no_glitch():
    verdict = judge(np.array([1, 2, 3, 4]), np.array([10.0, 11.0, 2.0, 3.0]), register())
    assert verdict.at.tolist() == [1, 2, 3, 4]
    assert verdict.kept.all()


gains = st.lists(st.integers(0, 5_000), min_size=1, max_size=80)
waits = st.lists(st.integers(1_000, 25 * MINUTE), min_size=80, max_size=80)


@given(gains, waits, st.integers(0, 10**12))
def test_intervals_add_up_to_the_register_difference(gains, waits, first):
    at = START + np.concatenate(([0], np.cumsum(waits[: len(gains)])))
    value = first + np.concatenate(([0.0], np.cumsum(gains)))
    count = int((at[-1] - START) // QUARTER_MS)
    at = np.append(at, START + (count + 1) * QUARTER_MS)
    value = np.append(value, value[-1])
    found = settle_register(at, value, START, count + 1, register())
    assert found.amount.sum() == value[-1] - value[0]


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=60), waits)
def test_energy_is_never_negative_whatever_the_register_says(values, waits):
    at = START + np.cumsum(waits[: len(values)])
    found = settle_register(at, np.array(values), START, 30, register(rated=1e6, modulus=1e9))
    known = found.quality != MISSING
    assert (found.amount[known] >= 0).all()
    assert np.isnan(found.amount[~known]).all()
    assert set(np.flatnonzero(found.quality != OK)) <= set(found.reasons)


@given(gains, waits, st.integers(0, 40), st.booleans())
def test_where_a_recomputation_starts_changes_nothing(gains, waits, skip, falls):
    """A register that falls on the way must give the same intervals from a shorter window."""
    at = START - 1 + np.cumsum(waits[: len(gains)])
    value = 1e6 + np.cumsum(gains) / 7
    if falls:
        value[len(value) // 2 :] -= value[len(value) // 2] - 3.3
    whole = settle_register(at, value, START, 100, register())
    begin = min(skip, len(at) - 1)
    part = settle_register(at[begin:], value[begin:], START, 100, register())
    sure = judge(at[begin:], value[begin:], register()).at[register().glitch + 1 :]
    first = int((sure[:1].tolist() or [at[-1]])[0] - START) // QUARTER_MS + 1
    np.testing.assert_array_equal(whole.amount[first:], part.amount[first:])


def test_a_small_step_back_is_no_restart_and_credits_nothing() -> None:
    readings = [(0, 88_000_000.0), (15, 87_980_000.0), (30, 87_987_500.0), (45, 87_995_000.0)]
    found = settle(readings, 3, register(rated=2e9))
    assert found.quality.tolist() == [MISSING, OK, OK]
    assert np.isnan(found.amount[0])
    assert "fell from 88000000 to 87980000" in found.reasons[0]
    assert found.amount[1:].tolist() == [7_500.0, 7_500.0]


def test_a_supply_without_a_bound_is_credited_nothing_when_its_register_falls() -> None:
    tables = {"name": "S", "zone": "UTC", "grid": "PL"}
    loose = {"id": "ppa", "kind": "ppa_wind", "zone": "PL"}
    for supply, expected in ((loose, "unknown"), ({**loose, "max_power_kw": 50}, "reset")):
        (found,) = devices("s", SiteOptions.model_validate({**tables, "supply": [supply]}))
        assert found.register.on_decrease == expected
