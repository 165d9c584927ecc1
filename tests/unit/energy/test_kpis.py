"""KPIs from published and constructed vectors, and why they are withheld."""

from __future__ import annotations

import re
from dataclasses import fields

import numpy as np
import pytest

import energy.kpis
from energy.configuration.site import SiteOptions
from energy.figures import KpiRow
from energy.kpi import KPIS, Figure
from energy.settlement.registers import ESTIMATED, OK, RESET
from energy.sums.totals import Totals
from energy.uncertainty import pue_uncertainty, site_pue_uncertainty, uncertainties
from tests.unit.energy.arrays import NAN, grid, hourly, sheet, summed
from tests.unit.energy.plant import site

KPIS.load(energy.kpis)
FLOOR = 0.9


def figure(name: str, totals: Totals, floor: float = FLOOR):
    return KPIS[name].factory().figure(totals, floor)


def value(name: str, totals: Totals):
    found = figure(name, totals)
    assert found.withheld is None
    return found.value


def plain(**tables) -> SiteOptions:
    return site(**tables)


def test_every_kpi_that_the_api_promises_is_there_and_says_what_it_is():
    promised = {"pue", "ref", "hourly_matched", "cfe_score", "cue", "wue", "erf", "ere"}
    assert promised <= set(KPIS)
    assert promised <= {f.name for f in fields(KpiRow)}
    for name in KPIS:
        kpi = KPIS[name].factory()
        assert kpi.name == name
        assert all((kpi.label, kpi.unit, kpi.method))
        assert kpi.form in ("share", "ratio", "amount")


def test_t1_one_year_of_a_site():
    supplies = [
        {"id": "os", "kind": "onsite_solar"},
        {"id": "ppa", "kind": "ppa_wind", "zone": "PL"},
    ]
    where = plain(supply=supplies, water=[{"id": "w"}], heat=[{"id": "h"}])
    found = summed(
        where,
        sheet(
            {
                "meter/main-1/energy": hourly(9e9),
                "meter/ups-a/energy": hourly(8e9),
                "supply/os/energy": hourly(1e9),
                "supply/ppa/energy": hourly(5e9),  # 2 of guarantees of origin and 3 of contracts
                "water/w/volume": hourly(12_000_000),
                "heat/h/energy": hourly(1.5e9),
            }
        ),
    )
    assert found.edc == 10e9
    assert value("pue", found) == 1.25
    assert value("wue", found) == 1.5
    assert value("erf", found) == 0.15
    assert value("ref", found) == 0.6
    assert value("ere", found) == pytest.approx(1.25 * (1 - 0.15))


def test_t3_what_is_reused_over_what_was_used_is_the_erf():
    rows = {"meter/main-1/energy": hourly(147_000), "heat/h/energy": hourly(79_000)}
    found = summed(plain(heat=[{"id": "h"}]), sheet(rows))
    assert value("erf", found) == 79 / 147 == pytest.approx(0.54, abs=0.005)


def test_t5_water_over_the_energy_of_the_it_equipment_is_the_wue():
    rows = {"meter/ups-a/energy": hourly(582_600_000), "water/w/volume": hourly(928_000)}
    found = summed(plain(water=[{"id": "w"}]), sheet(rows))
    assert value("wue", found) == pytest.approx(1.593, abs=0.0005)


def test_t10_pue():
    found = summed(plain(), sheet({"meter/main-1/energy": hourly(1500), "meter/ups-a/energy": hourly(1000)}))
    assert value("pue", found) == 1.5


def test_c2_a_period_is_summed_before_it_is_divided():
    months = ((1300, 1000), (600, 500), (2400, 2200))
    parts = [
        summed(plain(), sheet({"meter/main-1/energy": hourly(edc), "meter/ups-a/energy": hourly(eit)}))
        for edc, eit in months
    ]
    assert value("pue", parts[0] + parts[1] + parts[2]) == pytest.approx(1.1622, abs=5e-5)
    assert sum(value("pue", part) for part in parts) / 3 == pytest.approx(1.1970, abs=5e-5)  # and wrong


def test_pue_takes_only_intervals_in_which_both_are_known():
    rows = {
        "meter/main-1/energy": [150.0] * 19 + [NAN],
        "meter/ups-a/energy": [NAN] + [100.0] * 19,
    }
    found = summed(plain(), sheet(rows))
    assert found.edc_known == 19
    assert value("pue", found) == 1.5


@pytest.mark.parametrize("eit", [150.0, 160.0])
def test_a_pue_of_one_or_less_is_a_metering_fault(eit):
    rows = {"meter/main-1/energy": [150.0] * 4, "meter/ups-a/energy": [eit] * 4}
    found = figure("pue", summed(plain(), sheet(rows)))
    assert found.value is None
    assert found.withheld.startswith("metering fault")


@pytest.mark.parametrize("name", ["hourly_matched", "ref", "cfe_score", "cue", "erf", "ere"])
def test_where_the_it_equipment_used_more_than_the_inlet_nothing_over_the_inlet_is_told(name):
    rows = {
        "meter/main-1/energy": hourly(10),
        "meter/ups-a/energy": hourly(64),
        "supply/w/energy": hourly(10),
        "heat/h/energy": hourly(1),
    }
    where = plain(supply=[{"id": "w", "kind": "ppa_wind", "zone": "PL"}], heat=[{"id": "h"}])
    found = figure(name, summed(where, sheet(rows), grid(4, 0.5, 300.0)))
    assert found.value is None
    assert found.withheld == "metering fault: E_DC / E_IT is 0.156, but cannot be 1 or less"


def test_an_inlet_that_stands_still_for_hours_makes_nothing_better():
    """A register whose readings go on without counting is no site that uses nothing."""
    where = plain(
        supply=[{"id": "w", "kind": "ppa_wind", "zone": "PL"}], heat=[{"id": "h"}], completeness_floor=0.9
    )
    rows = {
        "meter/main-1/energy": hourly(*[1200] * 20),
        "meter/ups-a/energy": hourly(*[1000] * 20),
        "supply/w/energy": hourly(*[300] * 20),
        "heat/h/energy": hourly(*[60] * 20),
    }
    mix = grid(80, 0.5, 300.0)
    true = summed(where, sheet(rows), mix)
    still = summed(where, sheet({**rows, "meter/main-1/energy": hourly(*[1200] * 18, 0, 0)}), mix)
    for name in ("hourly_matched", "ref", "cfe_score", "erf"):
        assert value(name, still) <= value(name, true)
    for name in ("pue", "cue", "ere"):
        assert value(name, still) >= value(name, true)
    assert value("hourly_matched", still) == pytest.approx(300 * 18 / (1200 * 20))
    longer = summed(where, sheet({**rows, "meter/main-1/energy": hourly(*[1200] * 17, 0, 0, 0)}), mix)
    for name in ("hourly_matched", "ref", "cfe_score", "pue"):
        told = figure(name, longer)
        assert told.value is None
        assert told.withheld.startswith("E_DC that E_IT does not contradict is known for 85.00 %")


def test_two_meters_that_differ_by_their_class_do_not_contradict_each_other():
    rows = {"meter/main-1/energy": hourly(1010, 985, 1010), "meter/ups-a/energy": hourly(1000, 1000, 1000)}
    found = summed(plain(), sheet(rows))
    assert (found.edc_refuted, found.edc_missing) == (0, 0)
    guess = {"meter/ups-a/energy": [OK] * 2 + [ESTIMATED] * 6 + [OK] * 4}
    lower = {**rows, "meter/main-1/energy": hourly(1500, 900, 1500)}
    assert summed(plain(), sheet(lower)).edc_refuted == 4
    # The shape of its hours is a guess: it is held against what was measured beside it, and proves no less.
    assert summed(plain(), sheet(lower, guess)).edc_refuted == 4


def test_a_battery_hides_no_metering_fault_by_what_it_takes_and_gives_again():
    rows = {
        "meter/main-1/energy": hourly(9, 5),
        "meter/ups-a/energy": hourly(8, 8),
        "supply/bat/charge": hourly(4, 0),
        "supply/bat/discharge": hourly(0, 4),
    }
    totals = summed(plain(supply=[{"id": "bat", "kind": "battery"}]), sheet(rows))
    assert figure("pue", totals).withheld == "metering fault: E_DC / E_IT is 0.875, but cannot be 1 or less"
    assert figure("ref", totals).value is None


def test_a_battery_that_feeds_the_load_is_no_metering_fault():
    rows = {
        "meter/main-1/energy": hourly(2),
        "meter/ups-a/energy": hourly(8),
        "supply/bat/charge": hourly(0),
        "supply/bat/discharge": hourly(8),
        "supply/w/energy": hourly(2),
    }
    where = plain(
        supply=[
            {"id": "w", "kind": "ppa_wind", "zone": "PL"},
            {"id": "bat", "kind": "battery", "round_trip": 1},
        ]
    )
    totals = summed(where, sheet(rows))
    assert value("hourly_matched", totals) == 0.2  # what charged it, and when, nobody knows
    assert figure("pue", totals).withheld == "a battery fed the load with energy that passed the inlet before"


@pytest.mark.parametrize("name", ["pue", "ref", "hourly_matched", "cfe_score", "cue", "ere"])
def test_below_the_floor_a_figure_is_withheld_with_the_share_that_is_known(name):
    rows = {
        "meter/main-1/energy": [150.0] * 10 + [NAN] * 2,
        "meter/ups-a/energy": [100.0] * 12,
        "heat/h/energy": [1.0] * 12,
    }
    where = plain(heat=[{"id": "h"}])
    found = figure(name, summed(where, sheet(rows), grid(12, 0.5, 600.0)))
    assert found.value is None
    assert re.search(r"83\.33 % .* floor of 90\.00 %", found.withheld)


def test_nothing_settled_is_told_as_such():
    for name in KPIS:
        if name != "completeness":
            assert figure(name, Totals()).withheld == "nothing is settled in this period yet"
    assert figure("completeness", Totals()).value == 0


def test_completeness_counts_every_register():
    rows = {"meter/main-1/energy": [1.0, NAN, 1.0, 1.0], "meter/ups-a/energy": [1.0, 1.0, NAN, NAN]}
    assert value("completeness", summed(plain(), sheet(rows))) == 5 / 8


def test_c1_cfe_and_its_parts():
    supplies = [{"id": "wind", "kind": "ppa_wind", "zone": "PL"}]
    rows = {"meter/main-1/energy": hourly(10, 10, 10, 10), "supply/wind/energy": hourly(0, 5, 20, 5)}
    mix = grid(16, np.repeat([0.2, 0.4, 0.6, 0.3], 4))
    found = summed(plain(supply=supplies), sheet(rows), mix)
    assert value("ref", found) == pytest.approx(0.75)
    assert value("hourly_matched", found) == pytest.approx(0.5)
    assert value("cfe_score", found) == pytest.approx(0.6375)


def test_cfe_needs_the_grid_mix_only_where_the_grid_was_needed():
    supplies = [{"id": "wind", "kind": "ppa_wind", "zone": "PL"}]
    rows = {"meter/main-1/energy": hourly(10, 10), "supply/wind/energy": hourly(10, 5)}
    found = summed(plain(supply=supplies), sheet(rows), grid(8, np.repeat([NAN, 0.5], 4)))
    assert value("cfe_score", found) == pytest.approx(0.875)
    blind = figure("cfe_score", summed(plain(supply=supplies), sheet(rows)))
    assert blind.value is None
    assert "carbon-free share is known for 75.00 %" in blind.withheld


def test_what_is_exported_is_taken_from_the_own_plant_alone_and_not_from_the_grid_as_well():
    supplies = [{"id": "pv", "kind": "onsite_solar", "max_power_kw": 100}]
    rows = {
        "meter/main-1/energy": hourly(20_000),
        "meter/main-1/export": hourly(20_000),
        "meter/ups-a/energy": hourly(30_000),
        "supply/pv/energy": hourly(40_000),
    }
    found = summed(plain(supply=supplies), sheet(rows), grid(4, 0.5, 700.0))
    assert (found.edc, found.green, found.other) == (40_000, 20_000, 20_000)
    assert found.told()["co2_g"] == 14_000
    assert value("cfe_score", found) == pytest.approx(0.75)


def test_a_generator_is_neither_green_nor_carbon_free():
    supplies = [{"id": "diesel", "kind": "generator", "carbon_g_per_kwh": 800.0}]
    rows = {
        "meter/main-1/energy": hourly(6000),
        "meter/ups-a/energy": hourly(8000),
        "supply/diesel/energy": hourly(4000),
    }
    found = summed(plain(supply=supplies), sheet(rows), grid(4, 0.5, 600.0))
    assert found.edc == 10_000
    assert value("hourly_matched", found) == 0
    assert value("cfe_score", found) == pytest.approx(0.3)
    assert value("cue", found) == pytest.approx((6 * 0.6 + 4 * 0.8) / 8)


def test_a_generator_without_a_factor_leaves_cue_unknown_while_it_runs():
    supplies = [{"id": "diesel", "kind": "generator"}]
    rows = {
        "meter/main-1/energy": [100.0] * 40,
        "meter/ups-a/energy": [80.0] * 40,
        "supply/diesel/energy": [0.0] * 38 + [50.0] * 2,
    }
    found = summed(plain(supply=supplies), sheet(rows), grid(40, 0.5, 600.0))
    assert found.co2_known == 38
    assert value("cue", found) == pytest.approx(0.6 * 100 / 80)


@pytest.mark.parametrize(
    ("meter", "names"), [("water/w/volume", ("wue",)), ("heat/h/energy", ("erf", "ere"))]
)
def test_a_site_without_the_meter_is_named_and_never_taken_for_one_that_uses_nothing(meter, names):
    kind, key, _ = meter.split("/")
    rows = {"meter/main-1/energy": hourly(15), "meter/ups-a/energy": hourly(10), meter: hourly(2)}
    with_it = summed(plain(**{kind: [{"id": key}]}), sheet(rows))
    without = summed(plain(name="Kaunas"), sheet({k: v for k, v in rows.items() if k != meter}))
    for name in names:
        assert value(name, with_it) == pytest.approx({"wue": 200.0, "erf": 2 / 15, "ere": 1.3}[name])
        for found in (without, with_it + without, without + with_it):
            assert figure(name, found) == Figure(None, f"no {kind} meter at Kaunas")
    assert figure(names[0], without + without).withheld == f"no {kind} meter at Kaunas and Kaunas"


def test_the_sums_behind_a_figure_are_told_where_they_are_known():
    where = plain(water=[{"id": "w"}], heat=[{"id": "h"}])
    rows = {
        "meter/main-1/energy": hourly(1500),
        "meter/ups-a/energy": hourly(1000),
        "water/w/volume": hourly(2),
        "heat/h/energy": hourly(30),
    }
    found = summed(where, sheet(rows), grid(4, 0.5, 600.0))
    told = found.told()
    assert told["co2_g"] / told["co2_eit_wh"] == value("cue", found) == pytest.approx(0.9)
    assert told["grid_wh"] * 600 / 1000 == told["co2_g"]
    assert 1000 * told["water_l"] / told["water_eit_wh"] == value("wue", found)
    assert told["reused_wh"] / told["reused_edc_wh"] == value("erf", found)
    assert told["carbon_free_wh"] == told["rest_grid_wh"] * 0.5
    assert value("cfe_score", found) == told["carbon_free_wh"] / (1500 + told["missing_wh"])
    unknown = summed(plain(), sheet({k: v for k, v in rows.items() if "meter" in k})).told()
    assert {"renewable_wh", "missing_wh", "rest_grid_wh", "carbon_free_wh"} <= unknown.keys()
    assert unknown.keys().isdisjoint({"co2_g", "water_l", "reused_wh", "battery_charged_wh"})
    assert (
        (found + summed(plain(name="Kaunas"), sheet(rows))).told().keys().isdisjoint({"water_l", "reused_wh"})
    )


def test_a_lower_bound_of_the_water_that_was_used_is_left_out():
    rows = {"meter/ups-a/energy": [100.0] * 20, "water/w/volume": [0.2] * 19 + [0.0]}
    found = summed(plain(water=[{"id": "w"}]), sheet(rows, {"water/w/volume": [OK] * 19 + [RESET]}))
    assert found.water_known == 19
    assert value("wue", found) == pytest.approx(2.0)


def test_c8_uncertainty_of_pue():
    relative = pue_uncertainty(0.5, 0.5)
    assert relative == pytest.approx(0.0082, abs=5e-5)
    assert 1.25 * relative == pytest.approx(0.010, abs=5e-4)
    assert pue_uncertainty(1, 1) == pytest.approx(0.016, abs=5e-4)
    assert pue_uncertainty(2, 2) == pytest.approx(0.033, abs=5e-4)


def test_uncertainty_of_a_site_needs_every_class_and_takes_the_worst():
    def meters(*classes):
        roles = [("utility", None), ("utility", None), ("it", "pue1")]
        return [
            {"id": f"m{n}", "role": role, "category": category, "accuracy_class": accuracy}
            for n, ((role, category), accuracy) in enumerate(zip(roles, classes, strict=True))
        ]

    assert site_pue_uncertainty(site(meter=meters(0.2, 0.5, 0.5))) == pue_uncertainty(0.5, 0.5)
    assert site_pue_uncertainty(site(meter=meters(0.2, None, 0.5))) is None


def test_own_plants_are_a_part_of_the_inlet_and_water_has_an_uncertainty_of_its_own():
    meters = [
        {"id": "main", "role": "utility", "accuracy_class": 0.5},
        {"id": "ups", "role": "it", "category": "pue1", "accuracy_class": 0.5},
    ]
    plant = {"id": "pv", "kind": "onsite_solar", "max_power_kw": 1}
    assert "pue" not in uncertainties(site(meter=meters, supply=[plant]))
    found = uncertainties(site(meter=meters, supply=[plant | {"accuracy_class": 2}], water=[{"id": "w"}]))
    assert found == {"pue": pue_uncertainty(2, 0.5)}
    water = [{"id": "w", "accuracy_class": 2}, {"id": "x", "accuracy_class": 1}]
    assert uncertainties(site(meter=meters, water=water))["wue"] == pue_uncertainty(2, 0.5)
