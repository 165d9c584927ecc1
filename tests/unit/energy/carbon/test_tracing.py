"""Flow tracing: what is used in a zone is as what it made and what it took in."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from energy.carbon.tracing import consumption_based

Flows = Mapping[tuple[str, str], float]


def traced(produced: Mapping[str, float], made: Mapping[str, float], flows: Flows) -> dict[str, float]:
    """One hour; a zone that is not ``produced`` is not known."""
    zones = sorted({*produced, *(zone for pair in flows for zone in pair)})
    energies = np.array([[produced.get(zone, math.nan)] for zone in zones])
    like = np.array([[[made.get(zone, math.nan)]] for zone in zones])
    between = np.array([[[flows.get((since, to), 0.0)] for since in zones] for to in zones])
    found = consumption_based(energies, like, between)
    return {zone: float(found[number, 0, 0]) for number, zone in enumerate(zones) if zone in produced}


def test_a_zone_that_imports_nothing_is_as_it_makes():
    assert traced({"PL": 100.0}, {"PL": 700.0}, {}) == {"PL": 700.0}


def test_what_is_taken_in_is_as_where_it_comes_from():
    found = traced({"PL": 100.0, "LT": 25.0}, {"PL": 800.0, "LT": 100.0}, {("PL", "LT"): 75.0})
    assert found["PL"] == 800.0
    assert found["LT"] == pytest.approx((25 * 100 + 75 * 800) / 100)


def test_zones_that_give_to_one_another_are_solved_together():
    produced, made = {"A": 100.0, "B": 50.0, "C": 10.0}, {"A": 900.0, "B": 0.0, "C": 300.0}
    flows = {("A", "B"): 20.0, ("B", "A"): 10.0, ("B", "C"): 5.0, ("C", "A"): 2.0}
    found = traced(produced, made, flows)
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
    found = traced(
        {"LT": 25.0, "LV": 50.0, "EE": 40.0},
        {"LT": 100.0, "LV": 200.0, "EE": 600.0},
        {("BY", "LT"): 1.0, ("LT", "LV"): 5.0, ("LV", "EE"): 0.0},
    )
    assert math.isnan(found["LT"])
    assert math.isnan(found["LV"])
    assert found["EE"] == 600.0


def test_a_zone_without_energy_is_like_nothing_nor_is_what_it_gives():
    assert math.isnan(traced({"PL": 0.0}, {}, {})["PL"])
    assert math.isnan(traced({"PL": 0.0, "LT": 5.0}, {"LT": 9.0}, {("PL", "LT"): 5.0})["LT"])


def test_zones_that_only_pass_energy_to_one_another_are_like_nothing():
    circle = {("LV", "EE"): 30.0, ("EE", "LV"): 10.0}
    found = traced({"PL": 10.0, "LV": 0.0, "EE": 0.0}, {"PL": 800.0}, circle)
    assert found["PL"] == 800.0
    assert math.isnan(found["LV"])
    assert math.isnan(found["EE"])
    behind = {**circle, ("EE", "LT"): 1.0}
    assert math.isnan(traced({"LT": 9.0, "LV": 0.0, "EE": 0.0}, {"LT": 100.0}, behind)["LT"])
    fed = traced({"PL": 10.0, "LV": 0.0, "EE": 0.0}, {"PL": 800.0}, {**circle, ("PL", "LV"): 5.0})
    assert (fed["LV"], fed["EE"]) == (pytest.approx(800.0), pytest.approx(800.0))


def test_a_circle_is_not_told_by_a_trace_of_energy_that_rounding_loses():
    found = traced(
        {"PL": 10.0, "LV": 0.0, "EE": 1e-15},
        {"PL": 800.0, "EE": 0.0},
        {("LV", "EE"): 300.0, ("EE", "LV"): 300.0, ("PL", "LV"): 1e-14},
    )
    assert found["PL"] == 800.0
    assert math.isnan(found["LV"])
    assert math.isnan(found["EE"])


def test_flows_have_a_direction():
    with pytest.raises(ValueError, match="0 or more"):
        traced({"PL": 1.0}, {"PL": 1.0}, {("PL", "LT"): -1.0})


def test_hours_and_attributes_are_each_by_themselves():
    produced = np.array([[100.0, 100.0], [25.0, 25.0]])
    made = np.array([[[800.0, math.nan], [0.2, 0.2]], [[100.0, 100.0], [0.9, 0.9]]])
    flows = np.zeros((2, 2, 2))
    flows[1, 0] = 75.0
    found = consumption_based(produced, made, flows)
    assert found[1, 0, 0] == pytest.approx((25 * 100 + 75 * 800) / 100)
    assert math.isnan(found[1, 0, 1])
    assert found[1, 1].tolist() == pytest.approx([(25 * 0.9 + 75 * 0.2) / 100] * 2)
