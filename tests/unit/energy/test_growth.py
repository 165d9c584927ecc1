"""A view of a ledger that has grown tells what one that is worked out anew tells, to the last bit."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.configuration.era import BEGINNING, FOREVER, Era
from energy.reading.view import View
from energy.sums.gridmix import GridMix
from energy.sums.growth import unchanged
from energy.sums.sheet import NO_ROW, Sheet
from tests.unit.energy.arrays import FIRST
from tests.unit.energy.worlds import HOURS, QUARTERS, SITE, World, worlds

PLAIN = SITE.model_copy(update={"supply": SITE.supply[:2]})
"""The site before it had a battery and a plant whose certificates are sold."""


def settled(whole: Sheet, until: int) -> Sheet:
    """``whole`` as it was when it was settled up to index ``until``."""
    arrays = (array.copy() for array in (whole.amount, whole.quality, whole.revision))
    then = Sheet(whole.first, whole.registers, *arrays)
    then.amount[:, until:], then.quality[:, until:], then.revision[:, until:] = np.nan, NO_ROW, 0
    return then


def corrected(sheet: Sheet, line: int, at: int) -> Sheet:
    """With another revision of one interval, of which nothing is known any more."""
    then = settled(sheet, sheet.quarters)
    then.amount[line, at], then.revision[line, at] = np.nan, then.revision[line, at] + 1
    return then


def assert_same(one: Any, other: Any) -> None:
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


@settings(max_examples=30, deadline=None)
@given(worlds(), st.integers(4, HOURS - 1), st.integers(0, QUARTERS), st.integers(0, 10), st.booleans())
def test_what_is_kept_of_an_old_view_is_what_would_be_worked_out(
    world: World, hour: int, begins: int, line: int, late: bool
) -> None:
    whole = world.sheet
    eras = (Era(BEGINNING, FIRST + begins, PLAIN), Era(FIRST + begins, FOREVER, SITE))
    old = View.of(eras, settled(whole, 4 * hour - 2 * (line % 2)), world.timed)
    assert old.without_mix.matrix.size
    new = corrected(whole, line, 4 * hour - 5) if late else whole
    kept, anew = View.of(eras, new, world.timed, old=old), View.of(eras, new, world.timed)
    for name in ("balance", "store", "match", "without_mix"):
        assert_same(getattr(kept, name), getattr(anew, name))


@given(world=worlds(known=True))
@settings(max_examples=2, deadline=None)
def test_sums_are_worked_out_once_for_each_mix_and_the_last_is_kept(world: World) -> None:
    view = View.of((Era(BEGINNING, FOREVER, SITE),), world.sheet, world.timed)
    one, other = (GridMix.unknown(QUARTERS) for _ in range(2))
    assert view.without_mix is view.without_mix
    first = view.columns(one)
    assert view.columns(one) is first
    assert view.columns(other) is not first
    assert view.columns(one) is not first


@given(world=worlds(known=True))
@settings(max_examples=3, deadline=None)
def test_an_hour_before_the_first_that_differs_is_not_kept(world: World) -> None:
    whole = world.sheet
    assert unchanged(settled(whole, 38), whole) == 32
    assert unchanged(settled(whole, QUARTERS), whole) == QUARTERS - 4
    assert unchanged(whole, corrected(whole, 3, 21)) == 16
    assert unchanged(whole, corrected(whole, 3, 10)) == 0  # too early for anything to be kept


@given(world=worlds(known=True))
@settings(max_examples=3, deadline=None)
def test_nothing_is_kept_of_another_beginning_other_registers_or_after_one_fell_silent(world: World) -> None:
    whole = world.sheet
    assert unchanged(replace(whole, first=whole.first - 4), whole) == 0
    assert unchanged(replace(whole, registers=whole.registers[:-1]), whole) == 0
    silent = settled(whole, QUARTERS)
    silent.quality[2, 12:] = NO_ROW
    assert unchanged(silent, silent) == 0


@given(world=worlds(known=True))
@settings(max_examples=3, deadline=None)
def test_other_certificates_or_another_configuration_let_nothing_be_kept(world: World) -> None:
    eras, whole = (Era(BEGINNING, FOREVER, SITE),), world.sheet
    old = View.of(eras, settled(whole, 40), world.timed)
    for then, timed in (
        ((Era(BEGINNING, FOREVER, PLAIN),), world.timed),
        (eras, {}),
        (eras, {"PL": world.timed["PL"] + 1}),
    ):
        kept, anew = View.of(then, whole, timed, old=old), View.of(then, whole, timed)
        for name in ("balance", "store", "match"):
            assert_same(getattr(kept, name), getattr(anew, name))
