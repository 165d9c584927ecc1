"""Rows of several sites as one."""

from __future__ import annotations

import numpy as np

from energy.interval import QUARTER, Period
from energy.reading.rows import Flows, joined, mixed
from energy.sums.totals import Totals
from tests.unit.energy.plant import START


def totals(expected: float, known: float, wh: float, **more: float) -> Totals:
    """Of a site without a battery."""
    same = {"edc": wh, "load": wh, "edc_known": known, "load_known": known}
    return Totals(expected=expected, **same, **more)


def test_a_site_that_has_settled_less_weighs_less_in_the_completeness_of_all():
    part = Period(START, START + 40 * QUARTER)
    flows = Flows({"pv": np.ones(40)}, {"pv": np.full(40, 2.0)}, frozenset({"pv"}))
    whole = mixed(part, totals(40, 40, 80, green=40, other=40), flows, (0, 40))
    begun = mixed(part, totals(2, 1, 3, green=1, unknown=2), flows, (0, 1))
    found = joined({"gdansk": whole, "kaunas": begun})
    assert found.completeness == 41 / 42
    assert (found.edc_wh, found.load_wh, found.other_wh, found.unknown_wh) == (83, 83, 40, 2)
    assert found.green == {"gdansk/pv": 40, "kaunas/pv": 1}
    assert found.available_wh == {"gdansk/pv": 80, "kaunas/pv": 2}
    assert found.surplus_wh == 41


def test_what_left_with_its_certificates_is_no_surplus():
    part, delivered = Period(START, START + 4 * QUARTER), np.array([2.0, 2.0, np.nan, 2.0])
    gone = {"ppa": np.array([0.5, 0.5, 1.0, 0.0]), "lost": np.ones(4)}
    flows = Flows({"ppa": np.full(4, 0.5)}, {"ppa": delivered}, frozenset({"ppa"}), gone=gone)
    found = mixed(part, totals(4, 4, 8, green=2, other=6), flows, (0, 4)).row
    assert (found.available_wh, found.surplus_wh) == ({"ppa": 6}, 2)


def test_where_nothing_is_known_of_any_site_nothing_is_told():
    part = Period(START, START + 4 * QUARTER)
    nothing = mixed(part, Totals(expected=4), Flows({"pv": np.full(4, np.nan)}, {}, frozenset()), (0, 4))
    found = joined({"gdansk": nothing, "kaunas": nothing})
    assert (found.edc_wh, found.other_wh, found.unknown_wh, found.completeness) == (None, None, None, 0)
    assert found.green == {}
