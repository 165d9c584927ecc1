"""Flow tracing: what is used in a zone is as what it made and what it took in."""

from __future__ import annotations

import math

import pytest

from energy.carbon.tracing import consumption_intensity


def test_a_zone_that_imports_nothing_is_as_it_makes():
    assert consumption_intensity({"PL": 100.0}, {"PL": 700.0}, {}) == {"PL": 700.0}


def test_what_is_taken_in_is_as_where_it_comes_from():
    found = consumption_intensity({"PL": 100.0, "LT": 25.0}, {"PL": 800.0, "LT": 100.0}, {("PL", "LT"): 75.0})
    assert found["PL"] == 800.0
    assert found["LT"] == pytest.approx((25 * 100 + 75 * 800) / 100)


def test_zones_that_give_to_one_another_are_solved_together():
    produced, made = {"A": 100.0, "B": 50.0, "C": 10.0}, {"A": 900.0, "B": 0.0, "C": 300.0}
    flows = {("A", "B"): 20.0, ("B", "A"): 10.0, ("B", "C"): 5.0, ("C", "A"): 2.0}
    found = consumption_intensity(produced, made, flows)
    for zone in produced:
        taken = {source: mwh for (source, target), mwh in flows.items() if target == zone}
        held = produced[zone] + sum(taken.values())
        told = produced[zone] * made[zone] + sum(mwh * found[source] for source, mwh in taken.items())
        assert found[zone] * held == pytest.approx(told)
    used = {
        z: produced[z] + sum(f * (1 if t == z else -1 if s == z else 0) for (s, t), f in flows.items())
        for z in produced
    }
    emitted = sum(produced[z] * made[z] for z in produced)
    assert sum(used[z] * found[z] for z in produced) == pytest.approx(emitted)


def test_what_comes_from_where_nothing_is_known_makes_a_zone_unknown_and_all_behind_it():
    found = consumption_intensity(
        {"LT": 25.0, "LV": 50.0, "EE": 40.0},
        {"LT": 100.0, "LV": 200.0, "EE": 600.0},
        {("BY", "LT"): 1.0, ("LT", "LV"): 5.0, ("LV", "EE"): 0.0},
    )
    assert math.isnan(found["LT"])
    assert math.isnan(found["LV"])
    assert found["EE"] == 600.0


def test_a_zone_without_energy_has_no_intensity_and_flows_have_a_direction():
    assert math.isnan(consumption_intensity({"PL": 0.0}, {}, {})["PL"])
    with pytest.raises(ValueError, match="0 or more"):
        consumption_intensity({"PL": 1.0}, {"PL": 1.0}, {("PL", "LT"): -1.0})
