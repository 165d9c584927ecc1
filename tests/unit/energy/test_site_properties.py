"""Of whatever site with everything on: what figures keep, however much of it is not known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy.kpis
from energy.configuration.era import BEGINNING, FOREVER, Era
from energy.kpi import KPIS
from energy.settlement.registers import MISSING, OK, RESET, SUBSTITUTED
from energy.sums.columns import Columns, columns
from energy.sums.matching import RUNGS
from energy.sums.splice import spliced
from energy.sums.totals import Totals
from telemetry.frame import Floats
from tests.unit.energy.arrays import grid
from tests.unit.energy.worlds import (
    CHARGE,
    EFFICIENCY,
    EXPORT,
    GIVEN,
    IMPORT,
    OFFICE,
    QUARTERS,
    REGISTERS,
    SITE,
    SOLD,
    SUBSTITUTABLE,
    SUN,
    WIND,
    World,
    worlds,
)

KPIS.load(energy.kpis)
ERAS = (Era(BEGINNING, FOREVER, SITE),)
BOUNDS = {"edc_missing", "load_missing", "location_missing", "market_missing", "scope1_missing"}
"""No sums of their parts: what is missing is as high as the highest of the period that is asked for."""

CAPPED = {"renewable", "volume_onsite", "volume_ppa"}
"""No more than the load of the whole period: by volume, surplus of one part covers another."""


def accounted(world: World) -> tuple:
    return spliced(ERAS, world.sheet, world.timed)


def summed(world: World) -> Columns:
    return columns(*accounted(world), grid(QUARTERS, 0.5, 600.0))


def by_hour(wh: Floats) -> Floats:
    return np.nan_to_num(wh).reshape(-1, 4).sum(axis=1)


def value(name: str, totals: Totals) -> float | None:
    return KPIS[name].factory().figure(totals, 0.0).value


@settings(max_examples=25, deadline=None)
@given(worlds())
def test_green_other_and_unknown_are_the_load_and_no_rung_claims_more_than_there_was(world):
    balance, store, match = accounted(world)
    known = ~np.isnan(balance.load)
    whole = match.matched + match.other + match.unknown
    np.testing.assert_array_equal(whole[known], balance.load[known])
    np.testing.assert_array_equal(sum(match.rungs[rung] for rung in RUNGS)[known], match.matched[known])
    np.testing.assert_array_equal(sum(match.green.values())[known], match.matched[known])
    assert (match.matched[known] <= np.maximum(balance.load[known], 0)).all()
    assert all((green[known] >= 0).all() for green in match.green.values())
    for supply, register, share in (("wind", WIND, 0.5), ("pv", SUN, 1.0)):
        used = by_hour(match.green[supply]) + by_hour(store.kept[supply])
        assert (used < share * by_hour(world.rows[register]) + 1).all()  # fractions are not lost
    assert (by_hour(match.green["certificates:PL"]) < by_hour(world.timed["PL"]) + 1).all()
    kept = sum(by_hour(wh).cumsum() for wh in store.kept.values())
    assert (by_hour(match.green["bat"]).cumsum() <= EFFICIENCY * kept + 1e-6).all()


@settings(max_examples=25, deadline=None)
@given(worlds(), st.sampled_from([1, 4, 8, 24]))
def test_parts_of_a_period_add_up_to_it(world, length):
    found = summed(world)
    parts = [found.totals(at, at + length) for at in range(0, QUARTERS, length)]
    whole = found.totals(0, QUARTERS)
    for field in dataclasses.fields(Totals):
        if field.name not in BOUNDS | CAPPED | {"halls"} and isinstance(getattr(whole, field.name), float):
            told = sum(getattr(part, field.name) for part in parts)
            assert told == pytest.approx(getattr(whole, field.name), abs=1e-6), field.name


@settings(max_examples=25, deadline=None)
@given(worlds(known=True), st.sampled_from([4, 8, 24]))
def test_a_longer_period_never_claims_less_and_the_hours_least(world, length):
    found = summed(world)
    parts = [found.totals(at, at + length) for at in range(0, QUARTERS, length)]
    whole = found.totals(0, QUARTERS)
    by_hour = whole.rung_onsite + whole.rung_ppa  # what certificates add to REF is counted beside it
    # Of what batteries gave nothing counts by volume, nor of what passed the inlet for the load beside it.
    assert by_hour <= sum(part.renewable for part in parts) + whole.withdrawn + 1e-6
    assert sum(part.renewable for part in parts) <= whole.renewable + whole.withdrawn + 1e-6


@settings(max_examples=25, deadline=None)
@given(worlds())
def test_a_share_is_within_its_bounds(world):
    totals = summed(world).totals(0, QUARTERS)
    lower, upper = value("hourly_matched", totals), value("hourly_matched_upper", totals)
    if lower is not None and upper is not None:
        assert 0 <= lower <= upper <= 1
    contracted, with_grid = value("cfe_contracted", totals), value("cfe_score", totals)
    if contracted is not None and with_grid is not None:
        assert contracted <= with_grid <= 1 + 1e-9


@settings(max_examples=25, deadline=None)
@given(worlds(known=True))
def test_ere_is_pue_times_what_is_not_reused(world):
    totals = summed(world).totals(0, QUARTERS)
    ere, pue, erf = (value(name, totals) for name in ("ere", "pue", "erf"))
    if None not in (ere, pue, erf):
        assert ere == pytest.approx(pue * (1 - erf))


GREEN = tuple(name for name in REGISTERS if name in (IMPORT, EXPORT, OFFICE, WIND, SUN, SOLD, CHARGE, GIVEN))
LEFT = [(MISSING, 0.0), (RESET, 0.5), (RESET, 0.0), (SUBSTITUTED, 0.5), (SUBSTITUTED, 1.5)]


@settings(max_examples=60, deadline=None)
@given(worlds(), st.sampled_from(GREEN), st.sampled_from(LEFT), st.data())
def test_knowing_less_of_any_register_proves_no_more_green(world, register, left, data):
    """Whatever was not known before, as long as the highest load of the period stays known.

    Intervals that were measured are lost. Of a gap that was interpolated no reading that is lost makes a part
    missing: all that the gap touches is as well known as its worst interval.
    """
    if left[0] == SUBSTITUTED and register not in SUBSTITUTABLE:
        return
    gaps = data.draw(st.lists(st.booleans(), min_size=QUARTERS, max_size=QUARTERS))
    balance = accounted(world)[0]
    spared = np.nan_to_num(balance.told_load) == np.nan_to_num(balance.told_load).max()
    worse = np.array(gaps) & ~spared & (world.marks[register] == OK)
    less = world.known_less(register, worse, left)
    before, after = (summed(one).totals(0, QUARTERS) for one in (world, less))
    assert after.green <= before.green + 1e-6
