"""Balance and hourly matching: vectors, the ladder, and what must hold for any data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy.kpis
from energy.kpi import KPIS
from energy.settlement.registers import ESTIMATED, INTEGRATED, MISSING, OK, RESET
from energy.sums.matching import match
from tests.unit.energy.arrays import NAN, account, hourly, sheet, summed
from tests.unit.energy.plant import site

KPIS.load(energy.kpis)
PV = {"id": "pv", "kind": "onsite_solar"}
WIND = {"id": "wind", "kind": "ppa_wind", "zone": "PL"}
SUN = {"id": "sun", "kind": "ppa_solar", "zone": "PL"}
NEVER = np.zeros(4, dtype=bool)


def matched(supplies, rows, qualities=None):
    found, _, green = account(site(supply=supplies), sheet(rows, qualities))
    return found, green


def test_c1_surplus_of_one_hour_earns_nothing_in_another():
    offer = {"w": np.array(hourly(0, 5, 20, 5))}
    found = match(np.array(hourly(10, 10, 10, 10)), np.zeros(16, bool), {"ppa": offer})
    assert found.matched.sum() == 20
    assert found.other.sum() == 20
    assert found.unknown.sum() == 0


def test_within_the_hour_supply_and_load_may_differ_by_the_quarter():
    offer = {"w": np.array([40.0, 0.0, 0.0, 0.0])}
    found = match(np.array([10.0, 30.0, 20.0, 20.0]), NEVER, {"ppa": offer})
    assert found.matched.tolist() == [5.0, 15.0, 10.0, 10.0]


def test_t8_energy_whose_certificates_are_sold_is_no_claim():
    rows = {"meter/main-1/energy": hourly(10), "supply/pv/energy": hourly(5)}
    sold = summed(site(supply=[{**PV, "certificates": "sold"}]), sheet(rows))
    assert (sold.edc, sold.green, sold.renewable) == (15, 0, 0)
    kept = summed(site(supply=[PV]), sheet(rows))
    assert (kept.green, kept.renewable) == (5, 5)


def test_t9_no_more_is_claimed_than_used():
    rows = {
        "meter/main-1/energy": hourly(0),
        "meter/main-1/export": hourly(20),
        "supply/pv/energy": hourly(30),
        "supply/wind/energy": hourly(50),
    }
    found = summed(site(supply=[PV, WIND]), sheet(rows))
    assert found.edc == 10
    assert found.green == 10
    assert KPIS["ref"].factory().figure(found, 0.9).value == 1.0


def test_the_ladder_takes_the_site_first_and_then_contracts_in_their_order():
    rows = {
        "meter/main-1/energy": hourly(90),
        "supply/wind/energy": hourly(80),
        "supply/sun/energy": hourly(40),
        "supply/pv/energy": hourly(10),
    }
    _, found = matched([WIND, SUN, PV], rows)
    assert list(found.green) == ["pv", "wind", "sun"]
    assert {name: green.sum() for name, green in found.green.items()} == {"pv": 10, "wind": 80, "sun": 10}


def test_what_is_exported_is_taken_from_all_own_plants():
    rows = {
        "meter/main-1/energy": hourly(0),
        "meter/main-1/export": hourly(10),
        "supply/pv/energy": hourly(30),
        "supply/pv2/energy": hourly(10),
    }
    _, found = matched([PV, {"id": "pv2", "kind": "onsite_wind", "certificates": "sold"}], rows)
    assert found.matched.sum() == 22  # three quarters of the 30 used on site, in whole Wh


def test_a_contract_in_another_zone_counts_by_volume_only():
    rows = {"meter/main-1/energy": hourly(10), "supply/lt/energy": hourly(8)}
    nowhere = summed(site(supply=[{"id": "lt", "kind": "ppa_wind", "zone": None}]), sheet(rows))
    assert nowhere.green == 0
    found = summed(site(supply=[{"id": "lt", "kind": "ppa_wind", "zone": "LT"}]), sheet(rows))
    assert (found.green, found.renewable) == (0, 8)


def test_a_site_that_gives_out_more_than_it_took_in_is_a_fault():
    rows = {"meter/main-1/energy": hourly(0), "meter/main-1/export": hourly(8)}
    assert np.isnan(matched([], rows)[0].edc).all()


def test_the_part_of_a_plant_that_is_bought_counts_and_no_more():
    rows = {"meter/main-1/energy": hourly(100, 100), "supply/wind/energy": hourly(120, 240)}
    found, green = matched([{**WIND, "share": 0.25}], rows)
    assert found.available["wind"].reshape(-1, 4).sum(axis=1).tolist() == [30, 60]
    assert green.matched.reshape(-1, 4).sum(axis=1).tolist() == [30, 60]


@pytest.mark.parametrize("kept", ["sold", "unissued"])
def test_t8_certificates_that_somebody_else_has_or_nobody_issued_are_no_claim(kept):
    rows = {"meter/main-1/energy": hourly(10), "supply/wind/energy": hourly(5)}
    found = summed(site(supply=[{**WIND, "certificates": kept}]), sheet(rows))
    assert (found.green, found.renewable) == (0, 0)


def test_time_stamped_certificates_cover_what_contracts_left():
    rows = {"meter/main-1/energy": hourly(100, 100), "supply/wind/energy": hourly(80, 20)}
    found, _, green = account(site(supply=[WIND]), sheet(rows), {"ee": hourly(30, 30)})
    hours = {name: wh.reshape(-1, 4).sum(axis=1).tolist() for name, wh in green.rungs.items()}
    assert hours == {"onsite": [0, 0], "storage": [0, 0], "ppa": [80, 20], "timed": [20, 30]}
    assert list(green.green) == ["wind", "certificates:ee"]
    assert (green.matched + green.other).tolist() == found.load.tolist()


def test_exports_that_are_integrated_from_power_are_told_as_estimated():
    rows = {
        "meter/main-1/energy": hourly(10),
        "meter/main-1/export": hourly(2),
        "supply/pv/energy": hourly(4),
    }
    marks = {"meter/main-1/export": [INTEGRATED] * 4}
    assert summed(site(supply=[PV]), sheet(rows)).edc_estimated == 0
    found, _ = matched([PV], rows, marks)
    assert (found.estimated.all(), found.loose.any()) == (True, False)


def test_a_reset_within_a_long_gap_is_no_better_known_than_the_gap():
    rows = {"meter/main-1/energy": hourly(10, 10, 10), "supply/sun/energy": hourly(8, 8, 8)}
    gap = [OK] * 2 + [ESTIMATED] * 6 + [OK] * 4
    reset = [OK] * 2 + [RESET] * 6 + [OK] * 4
    green = {}
    for name, marks in {"gap": gap, "reset": reset}.items():
        _, found = matched([SUN], rows, {"supply/sun/energy": marks})
        green[name] = found.matched.tolist()
    assert green["reset"] == green["gap"]
    assert sum(green["gap"][2:8]) == 0


def test_a_reset_within_its_hour_still_counts_as_the_lower_bound_that_it_is():
    rows = {"meter/main-1/energy": hourly(10, 10), "supply/sun/energy": hourly(8, 8)}
    marks = [OK, RESET, OK, OK, OK, OK, OK, OK]
    _, found = matched([SUN], rows, {"supply/sun/energy": marks})
    assert found.matched.sum() == 16


def test_a_supply_that_is_not_known_makes_the_rest_unknown_not_other():
    rows = {
        "meter/main-1/energy": [10.0] * 4,
        "supply/wind/energy": [6.0, 6.0, 6.0, NAN],
        "supply/sun/energy": [4.0] * 4,
    }
    _, found = matched([WIND, SUN], rows)
    assert found.matched.tolist() == [10, 10, 10, 4]
    assert found.unknown.tolist() == [0, 0, 0, 6]
    assert found.other.tolist() == [0, 0, 0, 0]


def test_unknown_consumption_is_nan_in_all_three():
    rows = {"meter/main-1/energy": [10.0, NAN, 10.0, 10.0], "supply/wind/energy": [8.0] * 4}
    _, found = matched([WIND], rows)
    for column in (found.matched, found.other, found.unknown):
        assert np.isnan(column).tolist() == [False, True, False, False]
    assert np.nansum(found.matched) == pytest.approx(24)


def test_a_gap_that_leaves_its_hour_claims_nothing_one_within_does():
    rows = {"meter/main-1/energy": [10.0] * 8, "supply/wind/energy": [10.0] * 8}
    within = {"supply/wind/energy": [OK, ESTIMATED, ESTIMATED, OK] + [OK] * 4}
    assert matched([WIND], rows, within)[1].matched.sum() == 80
    across = {"supply/wind/energy": [OK, OK, ESTIMATED, ESTIMATED, ESTIMATED, OK, OK, OK]}
    _, found = matched([WIND], rows, across)
    assert found.matched.tolist() == [10, 10, 0, 0, 0, 10, 10, 10]
    assert found.unknown.sum() == 30
    load = {"meter/main-1/energy": across["supply/wind/energy"]}
    energies, found = matched([WIND], rows, load)
    assert energies.edc.sum() == 80
    assert found.matched.tolist() == [10, 10, 0, 0, 0, 10, 10, 10]


def test_a_lower_bound_of_consumption_is_no_consumption():
    rows = {"meter/main-1/energy": [10.0] * 4, "supply/wind/energy": [6.0] * 4}
    reset = [OK, RESET, OK, OK]
    found, _ = matched([WIND], rows, {"meter/main-1/energy": reset})
    assert np.isnan(found.edc).tolist() == [False, True, False, False]
    _, green = matched([WIND], rows, {"supply/wind/energy": reset})
    assert green.matched.sum() == 24


def test_a_lower_bound_of_what_was_exported_claims_nothing():
    rows = {
        "meter/main-1/energy": [50.0] * 40,
        "meter/main-1/export": [50.0] * 40,
        "supply/pv/energy": [100.0] * 40,
    }
    whole = summed(site(supply=[PV]), sheet(rows))
    rows["meter/main-1/export"] = [50.0] * 39 + [0.0]
    less = summed(site(supply=[PV]), sheet(rows, {"meter/main-1/export": [OK] * 39 + [RESET]}))
    matched = KPIS["hourly_matched"].factory()
    assert matched.figure(whole, 0.9).value == 0.5
    assert less.edc_known == 39
    assert less.edc_missing == 150  # at most: nothing was exported
    assert matched.figure(less, 0.9).value == pytest.approx(39 * 50 / (39 * 100 + 150))


amounts = st.lists(st.integers(0, 1000), min_size=32, max_size=32)
holes = st.lists(st.booleans(), min_size=32, max_size=32)


def holed(values, gaps):
    return [NAN if gap else float(value) for value, gap in zip(values, gaps, strict=True)]


@given(st.tuples(amounts, amounts, amounts, amounts), holes, holes)
@settings(max_examples=60)
def test_green_other_and_unknown_are_all_of_consumption(flows, gaps, more):
    load, out, sun, wind = flows
    rows = {
        "meter/main-1/energy": holed(load, gaps),
        "meter/main-1/export": [float(min(a, b)) for a, b in zip(out, sun, strict=True)],
        "supply/pv/energy": [float(v) for v in sun],
        "supply/wind/energy": holed(wind, more),
    }
    energies, found = matched([PV, WIND], rows)
    known = ~np.isnan(energies.edc)
    total = found.matched + found.other + found.unknown
    by_supply = sum(found.green.values())
    assert (total[known] == energies.edc[known]).all()
    assert (by_supply[known] == found.matched[known]).all()
    for column in (found.matched, found.other, found.unknown, *found.green.values()):
        assert (column[known] >= 0).all()
        assert (column[known] == np.rint(column[known])).all()
        assert np.isnan(column[~known]).all()
    for name, green in found.green.items():
        claimed = np.nansum(green.reshape(-1, 4), axis=1)
        delivered = np.nansum(energies.available[name].reshape(-1, 4), axis=1)
        assert (claimed <= delivered).all()


@given(amounts, amounts, amounts)
@settings(max_examples=60)
def test_own_plants_that_give_all_that_is_used_leave_not_a_watt_hour(first, second, out):
    """However many share what is exported, and into whatever fractions."""
    export = [min(gone, one + other) for gone, one, other in zip(out, first, second, strict=True)]
    rows = {
        "meter/main-1/energy": [0.0] * 32,
        "meter/main-1/export": [float(gone) for gone in export],
        "supply/pv/energy": [float(given) for given in first],
        "supply/pv2/energy": [float(given) for given in second],
    }
    energies, found = matched([PV, {"id": "pv2", "kind": "onsite_wind"}], rows)
    assert (found.matched == energies.edc).all()
    assert found.other.tolist() == [0.0] * 32


@given(amounts, amounts, st.sampled_from(["wind", "sun", "pv"]), holes)
@settings(max_examples=60)
def test_dropping_supply_data_never_makes_anything_greener(load, wind, which, gaps):
    rows = {
        "meter/main-1/energy": [float(v) for v in load],
        "supply/wind/energy": [float(v) for v in wind],
        "supply/sun/energy": [float(v) for v in reversed(wind)],
        "supply/pv/energy": [v / 10 for v in load],
    }
    where = site(supply=[WIND, SUN, PV])
    less = {**rows, f"supply/{which}/energy": holed(rows[f"supply/{which}/energy"], gaps)}
    assert_no_greener(summed(where, sheet(rows)), summed(where, sheet(less)), which == "pv")


@given(amounts, amounts, holes)
@settings(max_examples=60)
def test_dropping_consumption_data_never_makes_anything_greener(load, wind, gaps):
    """As long as the highest consumption of the period stays known, after which the missing is counted."""
    rows = {"meter/main-1/energy": [float(v) for v in load], "supply/wind/energy": [float(v) for v in wind]}
    where = site(supply=[WIND])
    kept = [gap and value < max(load) for gap, value in zip(gaps, load, strict=True)]
    less = {**rows, "meter/main-1/energy": holed(load, kept)}
    assert_no_greener(summed(where, sheet(rows)), summed(where, sheet(less)), False)


INLET = ("meter/main-1/energy", "meter/main-1/export", "supply/pv/energy", "supply/sold/energy")


@given(
    st.tuples(amounts, amounts, amounts, amounts, amounts),
    st.sampled_from([*INLET, "supply/wind/energy"]),
    holes,
    st.sampled_from([NAN, 0.0, 0.5]),
)
@settings(max_examples=150)
def test_knowing_less_of_any_register_never_makes_anything_greener(flows, which, gaps, left):
    """Registers fall silent (NaN) or are reset (the ``left`` share of the amount remains, a lower bound).

    As above the highest consumption stays known, unless it is the export of which less is known.
    """
    load, sun, sold, wind, out = (np.array(flow, dtype=np.float64) for flow in flows)
    # What goes out is no more than what own plants gave; what comes in covers the rest of the load.
    export = np.minimum(out, sun + sold)
    rows = dict(zip(INLET, ((load + export), export, sun, sold), strict=True)) | {"supply/wind/energy": wind}
    used = load + sun + sold
    spared = (used == used.max()) & (which in INLET) & (which != "meter/main-1/export" or np.isnan(left))
    lost = np.array(gaps) & ~spared
    less = {**rows, which: np.where(lost, left * rows[which], rows[which])}
    quality = {which: np.where(lost, MISSING if np.isnan(left) else RESET, OK).tolist()}
    where = site(supply=[WIND, PV, {"id": "sold", "kind": "onsite_wind", "certificates": "sold"}])
    assert_no_greener(summed(where, sheet(rows)), summed(where, sheet(less, quality)), False)


def assert_no_greener(whole, less, consumption_changed):
    assert less.green <= whole.green + 1e-6
    if consumption_changed:
        return
    for name in ("hourly_matched", "ref"):
        kpi = KPIS[name].factory()
        before, after = kpi.figure(whole, 0.0).value, kpi.figure(less, 0.0).value
        if before is not None and after is not None:
            assert after <= before + 1e-9


@given(amounts, amounts)
@settings(max_examples=60)
def test_a_longer_balancing_period_never_claims_less(load, wind):
    rows = {"meter/main-1/energy": [float(v) for v in load], "supply/wind/energy": [float(v) for v in wind]}
    where, found = site(supply=[WIND]), sheet(rows)
    whole = summed(where, found)
    days = [
        summed(
            where,
            replace(
                found,
                amount=found.amount[:, part],
                quality=found.quality[:, part],
                revision=found.revision[:, part],
            ),
        )
        for part in (slice(0, 16), slice(16, 32))
    ]
    assert whole.green <= sum(day.renewable for day in days) + 1e-6
    assert sum(day.renewable for day in days) <= whole.renewable + 1e-6
    assert sum(day.green for day in days) == pytest.approx(whole.green)
    assert sum(day.edc for day in days) == whole.edc
