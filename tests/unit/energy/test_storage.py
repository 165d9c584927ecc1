"""What batteries earn: vectors, the queue, its losses, and what must hold for any data."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy.kpis
from energy.kpi import KPIS
from energy.settlement.registers import ESTIMATED, OK, RESET
from tests.unit.energy.arrays import FIRST, NAN, account, grid, hourly, sheet, summed
from tests.unit.energy.plant import site

KPIS.load(energy.kpis)
PV = {"id": "pv", "kind": "onsite_solar"}
WIND = {"id": "wind", "kind": "ppa_wind", "zone": "PL"}
BATTERY = {"id": "bat", "kind": "battery", "max_power_kw": 1}
LOSSLESS = {**BATTERY, "round_trip": 1}
IMPORT, OUT = "meter/main-1/energy", "meter/main-1/export"
CHARGE, GIVEN = "supply/bat/charge", "supply/bat/discharge"


def by_hour(column):
    return np.nansum(column.reshape(-1, 4), axis=1).tolist()


def figure(name, totals, floor=0.9):
    return KPIS[name].factory().figure(totals, floor)


def test_c3_a_charge_of_100_certified_can_be_claimed_as_85():
    rows = {
        IMPORT: hourly(100_000_000, 0),
        "supply/wind/energy": hourly(100_000_000, 0),
        CHARGE: hourly(100_000_000, 0),
        GIVEN: hourly(0, 85_000_000),
    }
    where = site(supply=[WIND, {**BATTERY, "round_trip": 0.85, "capacity_kwh": 100_000}])
    found, _, green = account(where, sheet(rows))
    assert by_hour(found.load) == [0, 100_000_000]
    assert by_hour(green.rungs["storage"]) == [0, 85_000_000]
    assert by_hour(green.other) == [0, 15_000_000]  # the loss: within the load, and not green
    totals = summed(where, sheet(rows))
    assert (totals.charged, totals.withdrawn, totals.lost) == (100_000_000, 100_000_000, 15_000_000)
    assert totals.edc == totals.load + totals.charged - totals.withdrawn == 100_000_000
    assert figure("hourly_matched", totals).value == 0.85


def test_without_a_battery_the_load_is_the_energy_at_the_inlet():
    rows = {IMPORT: [10.0, NAN, 8.0, 9.0], "supply/wind/energy": hourly(20)}
    found, _, _ = account(site(supply=[WIND]), sheet(rows))
    assert found.load is found.edc
    totals = summed(site(supply=[WIND]), sheet(rows))
    assert (totals.load, totals.load_known, totals.load_missing) == (27, 3, 10)


def test_only_what_its_own_hour_left_charges_as_green():
    rows = {
        IMPORT: hourly(150, 0),  # a load of 100 and a charge of 50
        "supply/wind/energy": hourly(120, 0),
        CHARGE: hourly(50, 0),
        GIVEN: hourly(0, 50),
    }
    _, store, green = account(site(supply=[WIND, LOSSLESS]), sheet(rows))
    assert by_hour(store.kept["wind"]) == [20, 0]
    assert by_hour(green.green["wind"]) == [100, 0]
    # Of the 50 that came in 20 were green: of what goes out as much.
    assert by_hour(green.green["bat"]) == [0, 20]
    assert by_hour(green.other) == [0, 30]


def test_grid_charge_is_not_green():
    rows = {IMPORT: hourly(110, 90), CHARGE: hourly(10, 0), GIVEN: hourly(0, 10)}
    totals = summed(site(supply=[WIND, LOSSLESS]), sheet({**rows, "supply/wind/energy": hourly(0, 0)}))
    assert (totals.green, totals.other) == (0, 200)


def test_what_came_in_first_goes_out_first():
    rows = {
        IMPORT: hourly(140, 140, 60, 60, 100),
        "supply/wind/energy": hourly(0, 140, 0, 0, 0),  # the second charge is green, the first is not
        CHARGE: hourly(40, 40, 0, 0, 0),
        GIVEN: hourly(0, 0, 40, 40, 0),
    }
    _, _, green = account(site(supply=[WIND, LOSSLESS]), sheet(rows))
    assert by_hour(green.rungs["storage"]) == [0, 0, 0, 40, 0]


def test_what_goes_in_and_out_within_one_hour_is_matched_in_it_and_earns_nothing_more():
    rows = {
        IMPORT: [40.0, 0.0, 0.0, 0.0, 10.0, 10.0, 10.0, 10.0],
        CHARGE: [30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        GIVEN: [0.0, 10.0, 10.0, 10.0, 0.0, 0.0, 0.0, 0.0],
        "supply/wind/energy": [60.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    }
    found, store, green = account(site(supply=[WIND, LOSSLESS]), sheet(rows))
    assert by_hour(found.load) == [40, 40]
    assert by_hour(green.rungs["ppa"]) == [40, 0]
    assert by_hour(store.kept["wind"]) == [20, 0]
    assert by_hour(green.rungs["storage"]) == [0, 0]


def test_on_site_first_then_the_battery_then_contracts():
    rows = {
        IMPORT: hourly(100, 20),
        "supply/pv/energy": hourly(0, 30),
        "supply/wind/energy": hourly(100, 60),
        CHARGE: hourly(50, 0),
        GIVEN: hourly(0, 50),
    }
    _, _, green = account(site(supply=[WIND, PV, LOSSLESS]), sheet(rows))
    assert {rung: by_hour(wh) for rung, wh in green.rungs.items()} == {
        "onsite": [0, 30],
        "storage": [0, 50],
        "ppa": [50, 20],
        "timed": [0, 0],
    }
    assert list(green.green) == ["pv", "bat", "wind"]


def test_two_batteries_share_one_surplus_once():
    rows = {
        IMPORT: hourly(60, 0),
        "supply/wind/energy": hourly(50, 0),
        CHARGE: hourly(30, 0),
        GIVEN: hourly(0, 30),
        "supply/bat-2/charge": hourly(30, 0),
        "supply/bat-2/discharge": hourly(0, 30),
    }
    _, store, green = account(site(supply=[WIND, LOSSLESS, {**LOSSLESS, "id": "bat-2"}]), sheet(rows))
    assert by_hour(store.kept["wind"]) == [50, 0]
    assert (by_hour(green.green["bat"]), by_hour(green.green["bat-2"])) == ([0, 30], [0, 20])


def test_what_a_battery_gives_the_grid_earns_nothing():
    rows = {
        IMPORT: hourly(0, 0, 4),
        OUT: hourly(0, 12, 0),
        "supply/pv/energy": hourly(20, 0, 0),
        CHARGE: hourly(16, 0, 0),
        GIVEN: hourly(0, 16, 0),
    }
    where = site(supply=[PV, LOSSLESS])
    found, _, green = account(where, sheet(rows))
    assert by_hour(found.edc) == [20, -12, 4]
    assert by_hour(found.load) == [4, 4, 4]
    assert by_hour(green.matched) == [4, 4, 0]
    totals = summed(where, sheet(rows))
    assert figure("hourly_matched", totals).value == pytest.approx(8 / 12)
    assert totals.renewable == 8


def test_a_battery_that_takes_more_than_the_site_leaves_the_load_unknown():
    rows = {IMPORT: hourly(10), CHARGE: hourly(20), GIVEN: hourly(0)}
    found, _, green = account(site(supply=[LOSSLESS]), sheet(rows))
    assert np.isnan(found.load).all()
    assert np.isnan(green.other).all()


CYCLE = {
    IMPORT: hourly(200, 100, 60, 60),
    "supply/wind/energy": hourly(200, 0, 0, 0),
    CHARGE: hourly(100, 0, 0, 0),
    GIVEN: hourly(0, 0, 40, 40),
}


def cycle(**less):
    """The cycle above with registers of which less is known: (values, marks) by name."""
    names = {"charge": CHARGE, "given": GIVEN}
    rows = CYCLE | {names[key]: values for key, (values, _) in less.items()}
    marks = {names[key]: mark for key, (_, mark) in less.items() if mark is not None}
    where = site(supply=[WIND, LOSSLESS])
    found, _, green = account(where, sheet(rows, marks))
    return found, green, summed(where, sheet(rows, marks))


def test_a_discharge_that_is_not_known_leaves_nothing_green_in_the_store():
    found, green, totals = cycle(given=([0.0] * 8 + [NAN, 10.0, 10.0, 10.0] + [10.0] * 4, None))
    assert np.isnan(found.load).nonzero()[0].tolist() == [8]
    assert by_hour(green.rungs["storage"]) == [0, 0, 0, 0]
    # It may have been green all the same: not other, but unknown, and within the upper bound.
    assert by_hour(green.unknown) == [0, 0, 30, 40]
    assert totals.load_missing > 0
    assert figure("hourly_matched_upper", totals).value > figure("hourly_matched", totals, 0.5).value


def test_a_charge_that_is_not_known_adds_nothing_green_and_stands_before_what_comes_later():
    found, green, _ = cycle(charge=([25.0, 25.0, 25.0, NAN] + [0.0] * 12, None))
    assert np.isnan(found.load).nonzero()[0].tolist() == [3]
    assert by_hour(green.rungs["storage"]) == [0, 0, 0, 0]
    assert by_hour(green.unknown) == [0, 0, 40, 40]


@pytest.mark.parametrize("mark", [RESET, ESTIMATED])
def test_a_lower_bound_or_a_guess_across_hours_is_not_known(mark):
    marks = [OK] * 6 + [mark] * 4 + [OK] * 6
    _, green, totals = cycle(given=(CYCLE[GIVEN], marks))
    assert by_hour(green.rungs["storage"]) == [0, 0, 0, 0]
    assert totals.load_known == (16 if mark == ESTIMATED else 12)


def test_a_gap_within_its_hour_is_known_well_enough():
    marks = [OK] * 9 + [ESTIMATED] * 2 + [OK] * 5
    _, green, _ = cycle(given=(CYCLE[GIVEN], marks))
    assert by_hour(green.rungs["storage"]) == [0, 0, 40, 40]


def test_c1_c2_of_the_score_with_and_without_the_grid():
    rows = {IMPORT: hourly(10, 10, 10, 10), "supply/wind/energy": hourly(0, 5, 20, 5)}
    found = summed(site(supply=[WIND]), sheet(rows), grid(16, np.repeat([0.2, 0.4, 0.6, 0.3], 4)))
    assert figure("ref", found).value == pytest.approx(0.75)
    assert figure("hourly_matched", found).value == figure("cfe_contracted", found).value == 0.5
    assert figure("hourly_matched_upper", found).value == 0.5
    assert figure("cfe_score", found).value == pytest.approx(0.6375)


def test_the_grid_is_credited_for_the_load_and_not_for_what_it_gave_a_battery():
    rows = {IMPORT: hourly(140, 60), CHARGE: hourly(40, 0), GIVEN: hourly(0, 40)}
    found = summed(site(supply=[LOSSLESS]), sheet(rows), grid(8, 0.5))
    assert found.rest_grid == 160  # 100 and 60; the 40 from the store were nobody's in their hour
    assert figure("cfe_score", found).value == pytest.approx(0.4)


def test_the_queue_begins_anew_with_every_month_of_utc():
    begin = FIRST + (26 * 24 + 22) * 4  # 31 October, 22:00 UTC
    rows = {IMPORT: hourly(200, 100, 60), "supply/wind/energy": hourly(200, 0, 0)}
    rows |= {CHARGE: hourly(100, 0, 0), GIVEN: hourly(0, 0, 40)}
    found = sheet(rows)
    where = site(supply=[WIND, LOSSLESS])
    assert by_hour(account(where, found)[2].rungs["storage"]) == [0, 0, 40]
    late = type(found)(begin, found.registers, found.amount, found.quality, found.revision)
    _, store, green = account(where, late)
    assert by_hour(store.kept["wind"]) == [100, 0, 0]
    assert by_hour(green.rungs["storage"]) == [0, 0, 0]


HOURS = 12
flows = st.lists(st.integers(0, 400), min_size=4 * HOURS, max_size=4 * HOURS)


def plausible(load, wind, moves, efficiency):
    """A battery that charges or discharges (``moves`` above or below 200), never more than it holds."""
    charge, given, content = [], [], Fraction(0)
    for use, move in zip(load, moves, strict=True):
        into = max(0, move - 200)
        out = min(max(0, 200 - move), use, int(content * Fraction(efficiency)))
        content += into - Fraction(out) / Fraction(efficiency)
        charge.append(float(into))
        given.append(float(out))
    bought = [use + a - b for use, a, b in zip(load, charge, given, strict=True)]
    return {
        IMPORT: [float(wh) for wh in bought],
        "supply/wind/energy": [float(wh) for wh in wind],
        CHARGE: charge,
        GIVEN: given,
    }


def traced(rows, efficiency):
    """Wh green by hour, in exact fractions, one parcel after the other: what the method says."""
    load, wind, charge, given = (
        [sum(rows[name][4 * h : 4 * h + 4]) for h in range(HOURS)]
        for name in (IMPORT, "supply/wind/energy", CHARGE, GIVEN)
    )
    drawn = [
        sum(int(np.ceil(wh / efficiency - 1e-9)) for wh in rows[GIVEN][4 * h : 4 * h + 4])
        for h in range(HOURS)
    ]
    queue: list[list[Fraction]] = []
    told = []
    for h in range(HOURS):
        used = load[h] - charge[h] + drawn[h]
        green, left = Fraction(0), Fraction(drawn[h])
        while left > 0 and queue:
            size, part = queue[0]
            taken = min(size, left)
            green, left = green + taken * part, left - taken
            queue[0][0] -= taken
            if queue[0][0] == 0:
                queue.pop(0)
        into = Fraction(charge[h])
        if into > left:
            surplus = min(Fraction(charge[h]), max(Fraction(0), Fraction(wind[h]) - Fraction(used)))
            queue.append([into - left, surplus / into])
        stored = int(green * Fraction(given[h]) / drawn[h]) if drawn[h] else 0
        told.append(min(used, stored) + min(used - min(used, stored), wind[h]))
    return told


@given(flows, flows, flows, st.sampled_from([0.5, 0.75, 1.0]))
@settings(max_examples=25)
def test_the_queue_in_arrays_is_the_queue_of_parcels(load, wind, moves, efficiency):
    rows = plausible(load, wind, moves, efficiency)
    where = site(supply=[WIND, {**BATTERY, "round_trip": efficiency}])
    found, store, green = account(where, sheet(rows))
    assert by_hour(green.matched) == traced(rows, efficiency)
    assert (green.matched + green.other + green.unknown == found.load).all()
    assert (green.matched >= 0).all()
    claimed = np.sum(list(green.green.values()), axis=0).reshape(-1, 4).sum(axis=1)
    assert (claimed <= found.load.reshape(-1, 4).sum(axis=1)).all()
    whole = green.rungs["ppa"] + store.kept["wind"]
    assert (np.array(by_hour(whole)) <= np.array(by_hour(found.available["wind"]))).all()
    assert green.rungs["storage"].sum() <= efficiency * store.kept["wind"].sum() + 1e-6


@given(flows, flows, flows)
@settings(max_examples=25)
def test_losses_never_make_a_share_greener_and_a_longer_period_never_claims_less(load, wind, moves):
    rows = plausible(load, wind, moves, 0.75)
    drawn = [float(np.ceil(wh / 0.75 - 1e-9)) for wh in rows[GIVEN]]
    rows[IMPORT] = [wh + 500 for wh in rows[IMPORT]]
    ideal = {**rows, GIVEN: drawn}  # whose losses reach the load
    lossy = summed(site(supply=[WIND, {**BATTERY, "round_trip": 0.75}]), sheet(rows))
    whole = summed(site(supply=[WIND, LOSSLESS]), sheet(ideal))
    assert (lossy.load, lossy.withdrawn) == (whole.load, whole.withdrawn)
    assert lossy.green <= whole.green
    assert min(lossy.green, lossy.edc) <= lossy.renewable <= lossy.edc


@given(flows, flows, flows, st.sampled_from([IMPORT, "supply/wind/energy", CHARGE, GIVEN]), st.data())
@settings(max_examples=40)
def test_dropping_any_reading_never_makes_anything_greener(load, wind, moves, which, data):
    """As long as the highest load of the period stays known."""
    rows = plausible(load, wind, moves, 0.75)
    where = site(supply=[WIND, {**BATTERY, "round_trip": 0.75}])
    found, _, before = account(where, sheet(rows))
    spared = found.load == found.load.max()
    gaps = data.draw(st.lists(st.booleans(), min_size=4 * HOURS, max_size=4 * HOURS))
    lost = np.array(gaps) & ~(spared & (which != "supply/wind/energy"))
    less = {**rows, which: np.where(lost, np.nan, rows[which])}
    whole, lean = summed(where, sheet(rows)), summed(where, sheet(less))
    assert lean.green <= whole.green + 1e-6
    _, _, after = account(where, sheet(less))
    so_far = np.nancumsum(after.matched), np.nancumsum(before.matched)
    assert (so_far[0].reshape(-1, 4)[:, -1] <= so_far[1].reshape(-1, 4)[:, -1] + 1e-6).all()
    first, second = figure("hourly_matched", whole, 0.0).value, figure("hourly_matched", lean, 0.0).value
    if first is not None and second is not None:
        assert second <= first + 1e-9


def test_the_worked_example_of_adr_18():
    rows = {
        IMPORT: hourly(140_000, 160_000, 66_000, 49_000),
        "supply/wind/energy": hourly(0, 160_000, 0, 0),
        CHARGE: hourly(40_000, 60_000, 0, 0),
        GIVEN: hourly(0, 0, 34_000, 51_000),
    }
    where = site(supply=[WIND, {**BATTERY, "round_trip": 0.85, "capacity_kwh": 100_000}])
    found, _, green = account(where, sheet(rows))
    assert by_hour(found.load) == [100_000, 100_000, 106_000, 109_000]
    assert by_hour(green.rungs["ppa"]) == [0, 100_000, 0, 0]
    assert by_hour(green.rungs["storage"]) == [0, 0, 0, 51_000]
