"""What is estimated, lost or declared too well never makes a figure better."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy.kpis
from energy.carbon.emission import SCOPES
from energy.kpi import KPIS
from energy.settlement.registers import ESTIMATED, MISSING, OK, SUBSTITUTED
from energy.sums.basis import Basis
from energy.sums.totals import Totals
from tests.unit.energy.arrays import NAN, account, grid, hourly, sheet, summed
from tests.unit.energy.plant import site

KPIS.load(energy.kpis)
INLET, IT, DESKS = "meter/main-1/energy", "meter/ups-a/energy", "meter/desks/energy"
WIND = {"id": "wind", "kind": "ppa_wind", "max_power_kw": 600, "zone": "PL"}


def figure(name: str, totals: Totals, floor: float = 0.0):
    return KPIS[name].factory().figure(totals, floor)


def basis(name: str, totals: Totals) -> Basis:
    return KPIS[name].factory().basis(totals)


@pytest.mark.parametrize("guessed", [INLET, IT, DESKS])
def test_an_estimate_makes_no_ratio_and_is_told(guessed):
    """A hall that is switched off with its meter: the weeks before would stand in for it."""
    tables = {
        "meter": [
            {"id": "main-1", "role": "utility"},
            {"id": "ups-a", "role": "it", "category": "pue1"},
            {"id": "desks", "role": "office", "parent": "main-1"},
        ],
        "water": [{"id": "w"}],
    }
    rows = {INLET: [7000.0] * 8, IT: [4000.0] * 8, DESKS: [1000.0] * 8, "water/w/volume": [8.0] * 8}
    flattering = {**rows, guessed: rows[guessed][:4] + [rows[guessed][4] * 1.2] * 4}
    mix = grid(8, 0.5, 700.0)
    true = summed(site(**tables), sheet(rows), mix)
    found = summed(site(**tables), sheet(flattering, {guessed: [OK] * 4 + [SUBSTITUTED] * 4}), mix)
    for name in ("pue", "cue", "cue_market"):
        assert figure(name, found).value == figure(name, true).value
        assert figure(name, found, 0.9).value is None  # half of it is not known by measuring
        assert basis(name, found).completeness == 0.5
    assert figure("wue", found).value == figure("wue", true).value
    assert basis("pue", found).estimated == pytest.approx(0.5, abs=0.06)
    assert basis("wue", found).completeness == (0.5 if guessed == IT else 1)
    assert found.estimated("edc", "eit") > 0.4
    assert found.covered()["eit_wh" if guessed == IT else "edc_wh"].share == 0.5


def test_an_estimate_of_the_cooling_makes_no_cooling_ratio():
    tables = {"cooling": [{"id": "c"}], "heat": [{"id": "h", "use": "removed"}]}
    rows = {INLET: [9.0] * 8, "cooling/c/energy": [2.0] * 4 + [1.0] * 4, "heat/h/energy": [6.0] * 8}
    marks = {"cooling/c/energy": [OK] * 4 + [SUBSTITUTED] * 4}
    found = summed(site(**tables), sheet(rows, marks))
    assert figure("cer", found).value == 3
    assert basis("cer", found) == Basis(0.5, pytest.approx(4 / 12))
    assert figure("cer", found, 0.9).value is None


def test_what_a_supply_gave_at_a_guessed_time_is_told_of_the_figures_that_rest_on_it():
    rows = {INLET: [9.0] * 8, IT: [6.0] * 8, "supply/wind/energy": [2.0] * 8}
    marks = {"supply/wind/energy": [OK] * 5 + [ESTIMATED] * 3}
    found = summed(site(supply=[WIND]), sheet(rows, marks))
    assert basis("hourly_matched", found) == basis("ref", found) == Basis(1.0, 3 / 8)
    assert basis("pue", found) == Basis(1.0, 0.0)
    assert found.estimated("edc", "eit", "supply") == 3 / 8


@pytest.mark.parametrize("mark", [MISSING, SUBSTITUTED])
def test_losing_the_highest_quarters_of_a_contract_that_is_used_up_makes_nothing_greener(mark):
    where = site(supply=[WIND], contracted_kw=240)
    rows = {INLET: [6000.0] * 36 + [60_000.0] * 4, "supply/wind/energy": [6000.0] * 40}
    mix = grid(40, np.repeat([0.5], 40), 700.0)
    true = summed(where, sheet(rows), mix)
    assert figure("hourly_matched", true).value == pytest.approx(240 / 456)
    told = NAN if mark == MISSING else 6000.0
    less = {**rows, INLET: [6000.0] * 36 + [told] * 4}
    found = summed(where, sheet(less, {INLET: [OK] * 36 + [mark] * 4}), mix)
    for name in ("hourly_matched", "ref", "cfe_score"):
        assert figure(name, found).value <= figure(name, true).value
    for name in ("co2_location_kg", "co2_market_kg"):
        assert figure(name, found).value >= figure(name, true).value
    assert figure("hourly_matched_upper", found).value >= figure("hourly_matched", true).value


def test_a_lost_quarter_emits_as_much_as_the_highest_draw_at_the_highest_factor():
    rows = {INLET: [4000.0, 8000.0, NAN, 4000.0]}
    mix = grid(4, 0.5)
    mix.carbon_g_per_kwh[:] = [600.0, 300.0, 700.0, 500.0]
    found = summed(site(), sheet(rows), mix)
    assert found.location_g == 2400 + 2400 + 2000
    assert found.location_missing == 8 * 700


loads = st.lists(st.integers(0, 60_000), min_size=16, max_size=16)


@settings(max_examples=30, deadline=None)
@given(loads, loads, st.sets(st.integers(0, 15)), st.sampled_from([MISSING, SUBSTITUTED]))
def test_losing_any_reading_of_the_inlet_raises_no_lower_bound_and_lowers_no_emission(load, wind, lost, mark):
    """Without exceptions, as the site draws no more than it has contracted."""
    where = site(supply=[WIND], contracted_kw=240)
    rows = {INLET: [float(wh) for wh in load], "supply/wind/energy": [float(wh) for wh in wind]}
    marks = [mark if at in lost else OK for at in range(16)]
    less = [(NAN if mark == MISSING else wh // 2) if at in lost else wh for at, wh in enumerate(rows[INLET])]
    mix = grid(16, 0.25, 512.0)
    true = summed(where, sheet(rows), mix)
    found = summed(where, sheet({**rows, INLET: less}, {INLET: marks}), mix)
    for name in ("hourly_matched", "cfe_contracted", "cfe_score"):
        before, after = figure(name, true).value, figure(name, found).value
        assert before is None or after is None or after <= before + 1e-9
    for scope in SCOPES:
        before, after = (
            getattr(one, f"{scope}_g") + getattr(one, f"{scope}_missing") for one in (true, found)
        )
        assert after >= before - 1e-6


def test_more_heat_reused_than_energy_taken_in_is_a_fault_and_not_zero():
    rows = {INLET: hourly(10_000), IT: hourly(8000), "heat/h/energy": hourly(12_000)}
    found = summed(site(heat=[{"id": "h"}]), sheet(rows))
    for name in ("erf", "ere"):
        told = figure(name, found)
        assert told.value is None
        assert told.withheld == "metering fault: more heat was reused than energy taken in, 12 kWh of 10 kWh"


def test_a_site_without_a_battery_has_no_battery_to_blame():
    """Most of its E_DC is refuted: what is left is no ratio either."""
    found = Totals(
        expected=10, both_known=10, both_edc=130, both_eit=100, pue_edc=90, pue_eit=95, pue_known=9.5
    )
    assert figure("pue", found).withheld == "metering fault: E_DC / E_IT is 0.947, but cannot be 1 or less"


def test_the_factor_by_volume_divides_by_what_was_taken_in():
    battery = {"id": "bat", "kind": "battery", "max_power_kw": 100, "round_trip": 0.8}
    rows = {
        INLET: hourly(140_000, 68_000),
        "supply/wind/energy": hourly(60_000, 0),
        "supply/bat/charge": hourly(40_000, 0),
        "supply/bat/discharge": hourly(0, 32_000),
    }
    found = summed(site(supply=[WIND, battery]), sheet(rows))
    assert (found.edc, found.load) == (208_000, 208_000)
    noon = summed(site(supply=[WIND, battery]), sheet({name: wh[:4] for name, wh in rows.items()}))
    assert (noon.edc, noon.load) == (140_000, 100_000)
    assert figure("ref", noon).value == pytest.approx(60 / 140)
    assert figure("hourly_matched", noon).value == 0.6
    assert noon.volume_ppa / noon.edc == figure("ref", noon).value


def battery(**more: object) -> dict[str, object]:
    return {"id": "bat", "kind": "battery", "max_power_kw": 600, "capacity_kwh": 40, **more}


def cycles(*, kept: float, green: tuple[bool, ...]) -> dict[str, list[float]]:
    """An hour of charging 40 kWh and one of giving what is ``kept`` of it, again and again; green or not."""
    charge = [wh for _ in green for wh in [10_000.0] * 4 + [0.0] * 4]
    given = [wh for _ in green for wh in [0.0] * 4 + [kept * 10_000.0] * 4]
    wind = [wh for made in green for wh in [20_000.0 * made] * 4 + [0.0] * 4]
    bought = [10_000 + into - out for into, out in zip(charge, given, strict=True)]
    return {
        INLET: bought,
        "supply/wind/energy": wind,
        "supply/bat/charge": charge,
        "supply/bat/discharge": given,
    }


def test_losses_that_were_not_declared_make_no_grid_charge_green():
    rows = cycles(kept=0.8, green=(True, False, False))
    true = summed(site(supply=[WIND, battery(round_trip=0.8)]), sheet(rows))
    assert (true.rung_storage, true.spilt) == (32_000, 0)
    found = summed(site(supply=[WIND, battery(round_trip=1)]), sheet(rows))
    assert found.rung_storage == 32_000
    assert found.spilt == 24_000 - 8000  # all that was lost but what the store may still hold
    assert found.told()["battery_spilt_wh"] == 16_000
    assert found.load + found.load_missing >= true.load - 40_000
    lower, upper = (figure(name, found).value for name in ("hourly_matched", "hourly_matched_upper"))
    assert lower < upper  # what may have been green all the same is unknown
    assert figure("hourly_matched", true).value <= upper


def test_a_battery_as_it_is_declared_contradicts_nothing():
    found = summed(site(supply=[WIND, battery(round_trip=0.8)]), sheet(cycles(kept=0.8, green=(True,) * 12)))
    assert found.spilt == 0
    assert found.rung_storage == 12 * 32_000
    empty = {name: [0.0] * 8 + wh for name, wh in cycles(kept=0.8, green=(True, True)).items()}
    empty["supply/bat/discharge"][0:4] = [9000.0] * 4  # it was full when the month began
    empty[INLET][0:4] = [1000.0] * 4
    assert summed(site(supply=[WIND, battery(round_trip=0.8)]), sheet(empty)).spilt == 0


def test_a_gap_of_which_the_total_is_known_contradicts_nothing_and_a_lost_charge_may_have_filled_it():
    rows = cycles(kept=0.8, green=(True, True))
    where = site(supply=[WIND, battery(round_trip=0.8)])
    marks = {"supply/bat/charge": [OK] * 2 + [ESTIMATED] * 8 + [OK] * 6}
    level = {**rows, "supply/bat/charge": [10_000.0] * 2 + [3750.0] * 8 + [7500.0] * 4 + [0.0] * 2}
    assert summed(where, sheet(level, marks)).spilt == 0
    lost = {**rows, "supply/bat/charge": [NAN, *rows["supply/bat/charge"][1:]]}
    found = summed(where, sheet(lost))
    assert found.spilt == 0 or found.rung_storage == 0


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.5, 0.95),
    st.floats(0.5, 0.98),
    st.lists(st.booleans(), min_size=3, max_size=8),
)
def test_storage_claims_no_more_than_its_registers_bear_out(true, declared, green):
    """Over any span from the month's begin up to a claim: the green charge x what came out / what went in,
    and what the store may still hold."""
    rows = cycles(kept=true, green=tuple(green))
    rows["supply/bat/discharge"] = [float(np.floor(wh)) for wh in rows["supply/bat/discharge"]]
    rows[INLET] = [
        10_000 + into - out
        for into, out in zip(rows["supply/bat/charge"], rows["supply/bat/discharge"], strict=True)
    ]
    where = site(supply=[WIND, battery(round_trip=declared)])
    _, store, found = account(where, sheet(rows))
    claimed, kept = found.rungs["storage"].cumsum(), sum(store.kept.values()).cumsum()
    charged, given = (np.cumsum(rows[f"supply/bat/{way}"]) for way in ("charge", "discharge"))
    at = np.flatnonzero(found.rungs["storage"] > 0)
    assert (claimed[at] <= kept[at] * given[at] / charged[at] + 40_000 + 1e-6).all()
    assert claimed[-1:] <= kept[-1:]
    whole = summed(where, sheet(rows))
    drawn = whole.withdrawn + whole.spilt
    assert drawn >= charged[-1] - 40_000 / declared - 2


def test_of_a_battery_that_may_claim_it_is_known_how_much_it_holds():
    sizeless = battery(capacity_kwh=None)
    sold = {"id": "pv", "kind": "onsite_solar", "max_power_kw": 9, "certificates": "sold"}
    (told,) = (one for one in site(supply=[WIND, sizeless]).problems("gdansk") if "capacity_kwh" in one)
    assert told.startswith("sites.gdansk.supply 'bat': nothing tells how much it holds")
    for supplies in ([WIND, battery()], [sold, sizeless], [sizeless]):
        assert not any("capacity_kwh" in one for one in site(supply=supplies).problems("gdansk"))


def test_no_battery_is_declared_to_lose_next_to_nothing():
    told = site(supply=[battery(round_trip=0.99)]).problems("gdansk")
    assert any("round_trip = 0.99 is more than a battery gives back" in one for one in told)
    assert not any("round_trip" in one for one in site(supply=[battery(round_trip=0.98)]).problems("gdansk"))
    with pytest.raises(ValueError, match="capacity_kwh belongs to a battery"):
        site(supply=[{**WIND, "capacity_kwh": 1}])
