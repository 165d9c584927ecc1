"""What a lost reading leaves is bounded by what is declared, and never better than what was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy.kpis
from energy.carbon.emission import SCOPES
from energy.kpi import KPIS
from energy.outlook.ceiling import load_ceiling
from energy.settlement.registers import ESTIMATED, OK, RESET
from energy.sums.totals import Totals
from tests.unit.energy.arrays import NAN, grid, sheet, summed
from tests.unit.energy.plant import site

KPIS.load(energy.kpis)
INLET, EXPORT, IT = "meter/main-1/energy", "meter/main-1/export", "meter/ups-a/energy"
WIND, GIVEN = "supply/wind/energy", "supply/bat/discharge"
CONTRACT = {"id": "wind", "kind": "ppa_wind", "max_power_kw": 600, "zone": "PL"}
BATTERY = {"id": "bat", "kind": "battery", "max_power_kw": 240, "round_trip": 0.8, "capacity_kwh": 2000}


def figure(name: str, totals: Totals, floor: float = 0.9):
    return KPIS[name].factory().figure(totals, floor)


def test_a_lost_discharge_is_bounded_by_what_the_battery_can_give_beside_the_contract():
    """It shaved a peak: 108 kWh a quarter at a contract of 64, of which 48 left the battery."""
    where = site(supply=[CONTRACT, BATTERY], contracted_kw=256)
    rows = {
        INLET: [64_000.0] * 36 + [60_000.0] * 4,
        WIND: [30_000.0] * 36 + [0.0] * 4,
        "supply/bat/charge": [4000.0] * 36 + [0.0] * 4,
        GIVEN: [0.0] * 36 + [48_000.0] * 4,
    }
    mix = grid(40, 0.5, 700.0)
    true = summed(where, sheet(rows), mix)
    found = summed(where, sheet({**rows, GIVEN: [0.0] * 36 + [NAN] * 4}), mix)
    for name in ("hourly_matched", "cfe_score", "ref"):
        assert figure(name, found).value <= figure(name, true).value
    assert found.load_missing == 4 * (64_000 + 60_000 / 0.8)
    assert figure("co2_location_kg", found).value == figure("co2_location_kg", true).value


def test_a_lost_inlet_draws_no_more_than_its_contract_and_uses_what_its_plants_give_besides():
    plant = {"id": "pv", "kind": "onsite_solar", "max_power_kw": 400}
    where = site(supply=[plant], contracted_kw=40)
    rows = {INLET: [5000.0] * 7 + [NAN], EXPORT: [0.0] * 8, "supply/pv/energy": [0.0] * 8}
    found = summed(where, sheet(rows), grid(8, 0.5, 700.0))
    assert found.edc_missing == found.load_missing == 110_000
    assert found.location_missing == 10 * 700
    assert load_ceiling([where], 0.0).per_hour == 4 * 110_000


DIESEL = {"id": "diesel", "kind": "generator", "max_power_kw": 400, "carbon_g_per_kwh": 800}
RUN = "supply/diesel/energy"


def blackout(told: list[float], marks: list[int] | None = None, **changed: object) -> Totals:
    rows = {INLET: [10_000.0] * 36 + [0.0] * 4, IT: [8000.0] * 40, RUN: [0.0] * 36 + told}
    quality = {} if marks is None else {RUN: [OK] * 36 + marks}
    supply = {name: value for name, value in {**DIESEL, **changed}.items() if value is not None}
    return summed(site(supply=[supply]), sheet(rows, quality), grid(40, 0.3, 700.0))


def test_the_lost_run_of_a_generator_emits_what_it_can_and_never_nothing():
    assert figure("co2_scope1_kg", blackout([10_000.0] * 4)).value == 32
    assert figure("co2_scope1_kg", blackout([NAN] * 4)).value == 4 * 100 * 0.8
    assert figure("co2_scope1_kg", blackout([100.0] * 4, [RESET] * 4)).value == 4 * 100 * 0.8


@pytest.mark.parametrize("lacking", ["max_power_kw", "carbon_g_per_kwh"])
def test_where_nothing_bounds_a_lost_run_there_is_no_scope_1(lacking):
    told = figure("co2_scope1_kg", blackout([NAN] * 4, **{lacking: None}))
    assert told.value is None
    assert told.withheld == (
        "4 quarter-hours of generators are not known and nothing bounds them; "
        "declare max_power_kw and carbon_g_per_kwh"
    )
    stood = figure("co2_scope1_kg", blackout([0.0] * 4, **{lacking: None}))
    assert stood.value == 0


def test_what_a_supply_gave_in_a_quarter_whose_load_is_lost_may_have_covered_the_rest_of_its_hour():
    where = site(supply=[CONTRACT], contracted_kw=40)
    rows = {INLET: [10_000.0] * 40, WIND: [40_000.0, 0.0, 0.0, 0.0] * 10}
    true = summed(where, sheet(rows))
    found = summed(where, sheet({**rows, INLET: [NAN] + [10_000.0] * 39}))
    assert (true.green, found.green, found.other, found.unknown) == (400_000, 360_000, 0, 30_000)
    assert figure("hourly_matched", found).value == 0.9
    assert figure("hourly_matched_upper", found).value == figure("hourly_matched", true).value == 1
    less = {**rows, WIND: [15_001.5, 0.0, 0.0, 0.0] * 10, INLET: [NAN] + [10_000.0] * 39}
    assert summed(where, sheet(less)).unknown == 15_002
    unheard = {**rows, WIND: [NAN, 0.0, 0.0, 0.0] * 10, INLET: [NAN] + [10_000.0] * 39}
    assert summed(where, sheet(unheard)).unknown == 390_000


quarters = st.lists(st.integers(0, 60_000), min_size=16, max_size=16)


@settings(max_examples=30, deadline=None)
@given(quarters, quarters, st.sets(st.integers(0, 15)), st.sets(st.integers(0, 15)))
def test_the_upper_bound_holds_whatever_is_lost(load, wind, dark, calm):
    """The site draws no more than it has contracted."""
    where = site(supply=[CONTRACT], contracted_kw=240)
    lost = {
        INLET: [NAN if at in dark else float(wh) for at, wh in enumerate(load)],
        WIND: [NAN if at in calm else float(wh) for at, wh in enumerate(wind)],
    }
    true = summed(where, sheet({INLET: [float(wh) for wh in load], WIND: [float(wh) for wh in wind]}))
    found = summed(where, sheet(lost))
    if true.load > 0 and found.edc_known:
        most = (found.green + found.unknown + found.load_missing) / (found.load + found.load_missing)
        assert most >= true.green / true.load - 1e-9


def phaseless(it: list[float], marks: list[int] | None = None) -> Totals:
    """Ten hours of 10 kWh a quarter, of which the inlet shows 2 in the last, as one of its phases is gone."""
    rows = {INLET: [10_000.0] * 36 + [2000.0] * 4, IT: it, WIND: [5000.0] * 40}
    return summed(site(supply=[CONTRACT]), sheet(rows, marks and {IT: marks}), grid(40, 0.5, 700.0))


@pytest.mark.parametrize("lost", [{36}, {39}, {36, 37, 38, 39}, {32, 35, 37}, set(range(32, 36))])
def test_losing_e_it_makes_nobody_believe_an_inlet_that_it_refuted(lost):
    true = phaseless([8000.0] * 40)
    found = phaseless([NAN if at in lost else 8000.0 for at in range(40)])
    assert true.edc_refuted == found.edc_refuted == 4
    for name in ("hourly_matched", "ref", "co2_location_kg"):
        assert figure(name, found, 0.5).value == figure(name, true, 0.5).value


def test_nor_does_what_was_interpolated_over_the_edge_of_an_hour_or_is_a_lower_bound():
    for marks in ([OK] * 35 + [ESTIMATED] * 2 + [OK] * 3, [OK] * 36 + [RESET] + [OK] * 3):
        it = [8000.0] * 36 + [0.0 if RESET in marks else 8000.0] + [8000.0] * 3
        assert phaseless(it, marks).edc_refuted == 4


def test_a_lost_e_it_contradicts_no_inlet_that_goes_on_as_before():
    rows = {INLET: [10_000.0] * 40, IT: [8000.0] * 20 + [NAN] * 20}
    assert summed(site(), sheet(rows)).edc_refuted == 0
    assert summed(site(), sheet({INLET: [10_000.0] * 8, IT: [NAN] * 8})).edc_refuted == 0


hours = st.lists(st.sampled_from([1000, 4000, 9000, 10_000, 12_000]), min_size=6, max_size=6)


@settings(max_examples=30, deadline=None)
@given(hours, hours, st.sets(st.integers(0, 23), max_size=5), st.sets(st.sampled_from([0, 2, 4])))
def test_losing_e_it_a_discharge_or_a_generator_raises_no_lower_bound(shown, wind, lost, dark):
    """E_IT is level, and lost in hours with others between. Contract and powers bound the rest."""
    diesel = {"id": "diesel", "kind": "generator", "max_power_kw": 20, "carbon_g_per_kwh": 800}
    store = {**BATTERY, "max_power_kw": 12}
    where = site(supply=[CONTRACT, store, diesel], contracted_kw=60)
    rows = {
        INLET: [float(wh) for wh in shown for _ in range(4)],
        IT: [8000.0] * 24,
        WIND: [float(wh) for wh in wind for _ in range(4)],
        "supply/bat/charge": ([1000.0] * 8 + [0.0] * 4) * 2,
        GIVEN: ([0.0] * 8 + [1200.0] * 4) * 2,
        RUN: [0.0] * 20 + [4000.0] * 4,
    }
    mix = grid(24, 0.25, 512.0)
    true = summed(where, sheet(rows), mix)
    for register in (IT, GIVEN, RUN, INLET, WIND):
        gone = {at for at in range(24) if at // 4 in dark} if register == IT else lost
        less = [NAN if at in gone else wh for at, wh in enumerate(rows[register])]
        found = summed(where, sheet({**rows, register: less}), mix)
        for name in ("hourly_matched", "cfe_contracted", "cfe_score", "ref"):
            before, after = figure(name, true, 0.0).value, figure(name, found, 0.0).value
            assert before is None or after is None or after <= before + 1e-9, (register, name)
        for scope in SCOPES:
            before, after = (getattr(t, f"{scope}_g") + getattr(t, f"{scope}_missing") for t in (true, found))
            assert after >= before - 1e-6, (register, scope)
