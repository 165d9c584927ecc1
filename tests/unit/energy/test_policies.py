"""What is decided of readings that cannot all be right, and that each decision is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.configuration.device import VOLUME, devices
from energy.counting.register import Ratio, Register, Swap
from energy.counting.verdict import judge
from energy.interval import QUARTER_MS
from energy.settlement.registers import (
    ESTIMATED,
    MISSING,
    OK,
    RESET,
    Intervals,
    settle_register,
    settle_verdict,
)
from runtime.clock import from_ms
from tests.unit.energy.plant import site

START = 1_900_000 * QUARTER_MS
MINUTE = 60_000


def register(**kwargs) -> Register:
    return Register(**{"period_ms": MINUTE, "rated": 1e9, **kwargs})


def arrays(readings):
    at = START + np.array([int(minute * MINUTE) for minute, _ in readings], dtype=np.int64)
    return at, np.array([value for _, value in readings], dtype=np.float64)


def settle(readings, count, how=None) -> Intervals:
    return settle_register(*arrays(readings), START, count, how or register())


def steady(first, last, per_minute=10.0, base=0.0, every=1):
    """A reading every minute of a register that gains evenly."""
    return [(minute, base + per_minute * minute) for minute in range(first, last + 1, every)]


def with_power(readings, watts, count, how=None) -> Intervals:
    how = how or register(rated=1e5)
    at, value = arrays(readings)
    return settle_verdict(judge(at, value, how, (at, np.full(len(at), watts))), START, count, how)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("wrong", [0.0, 7e11])
def test_a_short_run_of_readings_beside_the_others_is_dropped_and_told(length, wrong):
    readings = [(m, wrong if 5 <= m < 5 + length else v) for m, v in steady(-1, 16, base=500.0)]
    found = settle(readings, 1)
    assert found.amount.tolist() == [150.0]
    assert found.quality.tolist() == [OK]
    assert "dropped: " + ("below" if wrong == 0 else "above") in found.reasons[0]
    assert found.reasons[0].startswith("one reading of" if length == 1 else f"{length} readings of")


def test_a_longer_run_is_no_glitch_and_its_fall_is_not_credited():
    readings = [(m, v - 300 if 5 <= m < 9 else v) for m, v in steady(-1, 31, base=500.0)]
    found = settle(readings, 2)
    assert found.quality.tolist() == [MISSING, OK]
    assert "fell from 540 to 250" in found.reasons[0]


def test_a_meter_may_be_told_to_drop_nothing():
    readings = [(m, 90.0 if m == 5 else v) for m, v in steady(-1, 16, base=500.0)]
    assert settle(readings, 1, register(glitch=0)).quality.tolist() == [MISSING]


@pytest.mark.parametrize(("factor", "words"), [(1e-3, "1000 times too low"), (1e3, "1000 times too high"),
                                               (1e-6, "1000000 times too low")])  # fmt: skip
@pytest.mark.parametrize("length", [1, 3, 25])
def test_a_slip_of_scale_is_named_and_what_it_tells_is_not_credited(factor, words, length):
    true = steady(-1, 61, per_minute=50_000.0, base=88_123_456.0)
    readings = [(m, np.floor(v * factor) if 5 <= m < 5 + length else v) for m, v in true]
    found = settle(readings, 4)
    assert found.amount.tolist() == [750_000.0] * 4
    assert found.quality.tolist() == ([ESTIMATED] * 2 + [OK] * 2 if length == 25 else [OK] * 4)
    assert f"dropped: {words}, an error of scale" in found.reasons[0]


def test_a_slip_of_scale_that_goes_on_is_missing_until_somebody_says_that_it_is_for_good():
    true = steady(-1, 61, per_minute=50_000.0, base=88_000_000.0)
    readings = [(m, v / 1000 if m >= 20 else v) for m, v in true]
    found = settle(readings, 4)
    assert found.quality.tolist() == [OK, MISSING, MISSING, MISSING]
    assert not found.absent.any()
    assert "1000 times too low: not credited" in found.reasons[2]
    at = int(START + 19.5 * MINUTE)
    how = register(swaps=(Swap(at, end=88_975_000.0, start=88_975.0),))
    mended = settle(readings, 4, how)
    assert mended.quality.tolist() == [OK] * 4
    assert mended.amount[2] == 750.0  # in the unit that the register has now
    assert "exchanged" in mended.reasons[1]


def test_what_came_first_is_the_slip_if_it_was_short():
    true = steady(-3, 31, per_minute=50_000.0, base=88_000_000.0)
    found = settle([(m, v / 1000 if m < 0 else v) for m, v in true], 2)
    assert found.amount.tolist() == [750_000.0] * 2
    assert found.quality.tolist() == [OK, OK]


def test_a_young_register_that_grows_plausibly_has_not_slipped():
    found = settle([(0, 0.0), (1, 12.0), (2, 12_000.0), (15, 24_000.0)], 1)
    assert found.amount.tolist() == [24_000.0]
    assert found.reasons == {}


def test_a_swap_goes_on_from_the_new_register_and_nothing_is_lost():
    how = register(swaps=(Swap(int(START + 20 * MINUTE), end=1_195.0, start=37.0),))
    readings = [*steady(-1, 19, base=1000.0), *[(m, 37.0 + 10 * (m - 20)) for m in range(21, 47)]]
    found = settle(readings, 3, how)
    assert found.amount.tolist() == [150.0, 1195 - 1150 + 100.0, 150.0]
    assert found.quality.tolist() == [OK] * 3
    assert "the old one ended at 1195, the new one began at 37" in found.reasons[1]
    assert set(found.reasons) == {1}


def test_two_swaps_and_a_rollover_between_them_add_up():
    swaps = (Swap(int(START + 5 * MINUTE), 1_050.0, 9_990.0), Swap(int(START + 25 * MINUTE), 190.0, 0.0))
    how = register(swaps=swaps, modulus=10_000.0, rated=3000.0)
    first = [(m, 1000.0 + 10 * m) for m in range(-1, 5)]
    second = [(m, (9_990.0 + 10 * (m - 5)) % 10_000) for m in range(5, 25)]
    third = [(m, 10.0 * (m - 25)) for m in range(25, 47)]
    found = settle([*first, *second, *third], 3, how)
    assert found.amount.tolist() == [150.0] * 3
    assert found.quality.tolist() == [OK] * 3


def test_a_swap_whose_end_lies_below_what_the_old_meter_told_is_not_credited():
    how = register(swaps=(Swap(int(START + 20 * MINUTE), end=900.0, start=0.0),))
    readings = [*steady(-1, 19, base=1000.0), *[(m, 10.0 * (m - 20)) for m in range(21, 47)]]
    found = settle(readings, 3, how)
    assert found.quality.tolist() == [OK, MISSING, OK]
    assert "across its exchange" in found.reasons[1]


def test_each_unit_counts_by_the_transformers_of_its_time():
    how = register(ratios=(Ratio(0, 100.0), Ratio(START + QUARTER_MS, 250.0)))
    found = settle(steady(-1, 31), 2, how)
    assert found.amount.tolist() == [15_000.0, 37_500.0]
    assert "from 100 to 250" in found.reasons[1]


def test_a_reading_interval_in_which_the_ratio_changes_counts_by_both():
    how = register(ratios=(Ratio(0, 1.0), Ratio(START + 20 * MINUTE, 3.0)))
    found = settle([(0, 0.0), (15, 150.0), (30, 300.0), (45, 450.0)], 3, how)
    assert found.amount.tolist() == [150.0, 50 * 1 + 100 * 3.0, 450.0]


def test_the_rated_power_bounds_what_the_ratio_makes_of_a_gain():
    how = register(rated=1000.0, ratios=(Ratio(0, 1000.0),))
    assert settle(steady(-1, 16), 1, how).quality.tolist() == [MISSING]


def test_a_register_that_stands_still_against_its_power_is_frozen_until_it_has_caught_up():
    stuck = [(m, 500.0 if 10 <= m < 100 else 400 + 10.0 * m) for m in range(-1, 122)]
    found = with_power(stuck, 600.0, 8)
    assert found.amount.sum() == 1200.0
    assert found.quality.tolist() == [ESTIMATED] * 7 + [OK]
    assert not found.absent.any()
    assert found.reasons[3].startswith("frozen: the register stood at 500 for 90 min")
    assert "900 Wh: its total is known" in found.reasons[3]


def test_a_frozen_register_that_goes_on_where_it_stood_is_not_credited():
    stuck = [(m, 500.0 + 10.0 * max(0, m - 100)) for m in range(-1, 122)]
    found = with_power(stuck, 600.0, 8)
    assert found.quality.tolist() == [MISSING] * 7 + [OK]
    assert "not credited" in found.reasons[0]


def test_a_register_that_is_still_frozen_is_missing_and_not_absent():
    found = with_power([(m, 500.0) for m in range(-1, 122)], 600.0, 8)
    assert found.quality.tolist() == [MISSING] * 8
    assert not found.absent.any()


@pytest.mark.parametrize(("watts", "minutes"), [(0.0, 122), (90.0, 122), (-600.0, 122), (600.0, 60)])
def test_a_register_may_stand_still_without_load_or_for_a_while(watts, minutes):
    found = with_power([(m, 501.0) for m in range(-1, minutes)], watts, 3)
    assert found.quality.tolist() == [OK] * 3
    assert found.amount.tolist() == [0.0] * 3


def test_a_register_with_coarse_steps_may_wait_for_the_next():
    found = with_power([(m, 5_000_000.0) for m in range(-1, 122)], 600.0, 8)
    assert found.quality.tolist() == [OK] * 8


@pytest.mark.parametrize(
    ("readings", "how", "quality", "words"),
    [
        pytest.param([(0, 990), (15, 10)], {}, RESET, "was reset from 990 to 10", id="reset"),
        pytest.param([(0, 990), (15, 10)], {"on_decrease": "unknown"}, MISSING, "fell", id="unknown"),
        pytest.param([(0, 990), (15, 10)], {"modulus": 1000.0}, OK, "rolled over", id="rollover"),
        pytest.param([(0, 990), (15, 980)], {}, MISSING, "fell from 990 to 980", id="step-back"),
        pytest.param([(0, 990), (5, 10), (15, 995)], {}, OK, "one reading of 10", id="glitch"),
        pytest.param([(0, 990_000), (15, 991)], {}, MISSING, "an error of scale", id="scale"),
        pytest.param([(0, 990), (15, -10)], {}, MISSING, "fell from 990 to -10", id="negative"),
        pytest.param([(0, 990), (5, 800), (10, 600), (15, 400)], {}, MISSING, "fell", id="ever-back"),
    ],
)
def test_bad_input_a_register_going_backwards_in_all_forms(readings, how, quality, words):
    found = settle(readings, 1, register(**how))
    assert found.quality.tolist() == [quality]
    assert words in found.reasons[0]


counts = st.lists(st.sampled_from(["grow", "low", "high", "slip", "fall"]), min_size=30, max_size=90)


@settings(max_examples=60, deadline=None)
@given(counts, st.data())
def test_order_does_not_matter_and_no_single_reading_lets_a_supply_claim_more_than_it_gained(kinds, data):
    """Whatever errors a register tells, it is credited no more than it truly gained."""
    true = 5e7 + 20_000.0 * np.arange(len(kinds))
    told, level = true.copy(), 0.0
    for i, kind in enumerate(kinds):
        level -= 1e7 if kind == "fall" and level == 0 else 0
        wrong = {"low": 10.0, "high": 6e8, "slip": (true[i] + level) / 1000}
        told[i] = wrong.get(kind, true[i] + level)
    at = START + 5 * MINUTE * np.arange(len(kinds))
    how = register(rated=300_000.0, period_ms=5 * MINUTE)
    quarters = len(kinds) // 3
    found = settle_register(at, told, START, quarters, how)
    credited = np.nan_to_num(found.amount)
    assert credited.sum() <= true[-1] - true[0] + 20_000
    shuffled = data.draw(st.permutations(range(len(kinds))))
    again = settle_register(at[list(shuffled)], told[list(shuffled)], START, quarters, how)
    np.testing.assert_array_equal(found.amount, again.amount)
    assert found.reasons == again.reasons


def water(**options) -> Register:
    """The policy of a water meter as the site configures it."""
    (found,) = devices("gdansk", site(meter=[], water=[{"id": "makeup", "max_flow_m3h": 60, **options}]))
    return found.register.of(VOLUME)


def test_an_exchanged_water_meter_is_counted_by_both_of_its_counts_and_told():
    at = from_ms(START + 8 * MINUTE).isoformat()
    how = water(swap=[{"at": at, "end_m3": 900.4, "start_m3": 0.1}])
    readings = [(-1, 899.9), (7, 900.3), (9, 0.2), (16, 0.9)]
    found = settle(readings, 1, how)
    assert found.quality.tolist() == [OK]
    # 0.4 m³ in eight minutes, of which seven count; 0.1 each before and after; 0.7 in seven, of which six.
    assert found.amount.tolist() == [350 + 100 + 100 + 600]
    assert "the old one ended at 900.4, the new one began at 0.1" in found.reasons[0]
    assert settle(readings, 1, water(on_decrease="unknown")).quality.tolist() == [MISSING]


@pytest.mark.parametrize(("glitch", "dropped"), [(0, False), (1, True)])
def test_a_water_meter_drops_as_many_readings_beside_the_others_as_it_is_told(glitch, dropped):
    readings = [(m, 0.3 if m == 5 else 500 + 0.1 * m) for m in range(-1, 17)]
    found = settle(readings, 1, water(glitch=glitch, on_decrease="unknown"))
    assert found.quality.tolist() == [OK if dropped else MISSING]
    assert ("dropped: below" in found.reasons[0]) is dropped
