"""Of whatever tree and whatever holes in its readings: every kilowatt-hour of the inlet in one line."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.interval import QUARTER_MS, Period
from energy.sums.line import Lines
from energy.sums.sheet import LedgerRegister, Sheet
from energy.tree import boundary
from energy.tree.closure import closure
from energy.tree.cut import Cut
from energy.tree.members import terms_of
from runtime.clock import to_ms
from tests.unit.energy.plant import START, site

QUARTERS = 16
ROLES = ("utility", "ups", "pdu", "cooling", "lighting", "office", "other")


@st.composite
def trees(draw):
    """A site of up to eight meters, each below an earlier one or below none."""
    meters = [{"id": "m0", "role": "utility"}]
    for number in range(1, draw(st.integers(1, 8))):
        parent = draw(st.sampled_from([None, *(meter["id"] for meter in meters)]))
        role = draw(st.sampled_from(ROLES))
        meters.append({"id": f"m{number}", "role": role, "parent": parent})
    return site(meter=meters, supply=[{"id": "bess", "kind": "battery"}])


@st.composite
def sheets(draw, options):
    """Any energies of its registers, some of them not known."""
    names = [("meter", meter.id, "energy") for meter in options.meter]
    names += [("supply", "bess", "charge"), ("supply", "bess", "discharge")]
    registers = [LedgerRegister(number, name, None, None) for number, name in enumerate(names)]
    sheet = Sheet.blank(registers, to_ms(START) // QUARTER_MS, QUARTERS)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sheet.amount[:] = rng.integers(0, 1_000_000, sheet.amount.shape)
    sheet.amount[rng.random(sheet.amount.shape) < draw(st.sampled_from([0.0, 0.1, 0.5]))] = np.nan
    sheet.quality[:] = 0
    return sheet


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_lines_of_a_tree_add_up_to_the_inlet(data):
    options = data.draw(trees())
    sheet = data.draw(sheets(options))
    period = Period(START, START + timedelta(minutes=15 * QUARTERS))
    found = closure(options, Cut("gdansk", Lines(sheet), slice(0, QUARTERS), period), {})
    told = sum(share.energy_wh for share in found.shares)
    assert told == pytest.approx(found.inlet_wh or 0.0, abs=1e-3)
    for one in found.closings:
        if one.residual_wh is not None:
            assert one.residual_wh == pytest.approx(one.parent_wh - one.children_wh)


@settings(max_examples=25, deadline=None)
@given(trees(), st.data())
def test_a_sum_less_one_of_its_members_is_the_sum_of_the_others(options, data):
    names = [meter.id for meter in options.meter]
    one = data.draw(st.sampled_from(names))
    virtual = [
        {"id": "all", "role": "other", "plus": names},
        {"id": "rest", "role": "other", "plus": ["all"], "minus": [one]},
    ]
    found = site(meter=[m.model_dump() for m in options.meter], virtual=virtual)
    left = {name for _, name in terms_of(found, [found.virtual[1]])}
    assert left == set(names) - {one}


@settings(max_examples=25, deadline=None)
@given(trees())
def test_a_tree_without_a_fault_counts_no_device_twice(options):
    if options.problems("gdansk"):
        return
    chosen = boundary.headline(options)
    counted = {name for _, name in boundary.it(options)}
    assert chosen is not None
    for meter in options.meter:
        above, parent = [], meter.parent
        while parent is not None:
            above.append(parent)
            parent = next(m.parent for m in options.meter if m.id == parent)
        assert len(counted & {meter.id, *above}) <= 1
