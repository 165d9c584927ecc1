"""Which meters make E_DC and E_IT, by rule, and what a formula says of them."""

from __future__ import annotations

import pytest

from energy.tree import boundary
from energy.tree.formula import formulas
from energy.tree.members import terms_of
from tests.unit.energy.plant import site

MAIN = {"id": "main-1", "role": "utility"}
UPS_A = {"id": "ups-a", "role": "ups", "parent": "main-1", "hall": "a"}
UPS_B = {"id": "ups-b", "role": "ups", "parent": "main-1", "hall": "b"}


def pdu(name, parent, **more):
    return {"id": name, "role": "pdu", "parent": parent, **more}


def rack(name, parent, **more):
    return {"id": name, "role": "it", "category": "pue3", "parent": parent, **more}


def names(terms):
    return {name: times for (_, name), times in terms.items()}


@pytest.mark.parametrize(
    ("meters", "headline", "load"),
    [
        ([UPS_A, UPS_B], "pue1", {"ups-a": 1, "ups-b": 1}),
        ([UPS_A, UPS_B, pdu("p", "ups-a")], "pue1", {"ups-a": 1, "ups-b": 1}),
        ([UPS_A, UPS_B, pdu("p", "ups-a"), pdu("q", "ups-b")], "pue2", {"p": 1, "q": 1}),
        ([UPS_A, pdu("p", "ups-a"), pdu("q", "ups-a"), rack("r", "p")], "pue2", {"p": 1, "q": 1}),
        (
            [UPS_A, pdu("p", "ups-a"), pdu("q", "ups-a"), rack("r", "p"), rack("s", "q")],
            "pue3",
            {"r": 1, "s": 1},
        ),
        ([{"id": "it", "role": "it", "category": "pue2"}], "pue2", {"it": 1}),
        ([], None, {}),
    ],
)
def test_the_headline_is_the_most_advanced_point_at_which_all_is_measured(meters, headline, load):
    found = site(meter=[MAIN, *meters])
    assert boundary.headline(found) == headline
    assert names(boundary.it(found)) == load


def test_a_configured_point_is_the_headline():
    found = site(meter=[MAIN, UPS_A, pdu("p", "ups-a")], pue_category="pue1")
    assert boundary.headline(found) == "pue1"
    assert boundary.points(found) == ["pue1", "pue2"]
    assert names(boundary.it(found, "pue2")) == {"p": 1}


def test_a_virtual_meter_is_taken_apart_into_devices():
    found = site(
        meter=[MAIN, {"id": "cooling-1", "role": "cooling", "parent": "main-1"}, UPS_A],
        virtual=[
            {"id": "rest", "role": "other", "plus": ["main-1"], "minus": ["overhead", "ups-a"]},
            {"id": "overhead", "role": "other", "plus": ["cooling-1"]},
            {"id": "nothing", "role": "other", "plus": ["overhead"], "minus": ["cooling-1"]},
        ],
    )
    virtual = {one.id: one for one in found.virtual}
    assert names(terms_of(found, [virtual["rest"]])) == {"main-1": 1, "cooling-1": -1, "ups-a": -1}
    assert terms_of(found, [virtual["nothing"]]) == {}


def test_a_difference_may_be_the_it_energy():
    found = site(
        meter=[MAIN, {"id": "cooling-1", "role": "cooling", "parent": "main-1"}],
        virtual=[
            {"id": "load", "role": "it", "category": "pue1", "plus": ["main-1"], "minus": ["cooling-1"]}
        ],
    )
    assert not found.problems("gdansk")
    assert names(boundary.it(found)) == {"main-1": 1, "cooling-1": -1}


def test_the_topmost_offices_are_taken_out_of_the_inlet():
    found = site(
        meter=[
            MAIN,
            UPS_A,
            {"id": "office-1", "role": "office", "parent": "main-1"},
            {"id": "office-2", "role": "office", "parent": "office-1"},
        ]
    )
    assert names(boundary.office(found)) == {"office-1": 1}


def test_a_hall_is_its_topmost_meters_and_counts_each_once():
    found = site(
        meter=[
            MAIN,
            UPS_A,
            UPS_B,
            pdu("p", "ups-a", hall="a"),
            pdu("q", "ups-b", hall="b"),
            {"id": "light-a", "role": "lighting", "parent": "main-1", "hall": "a"},
        ],
        cooling=[{"id": "crah-a", "parent": "main-1", "hall": "a"}],
        virtual=[{"id": "sum-a", "role": "other", "hall": "a", "plus": ["p", "light-a"]}],
    )
    assert boundary.halls(found) == ["a", "b"]
    assert names(boundary.hall_it(found, "a")) == {"p": 1}
    assert names(boundary.hall_all(found, "a")) == {"ups-a": 1, "light-a": 1, "crah-a": 1}


def test_cooling_units_count_where_no_meter_has_that_role():
    units = [{"id": "chiller-1"}, {"id": "pump-1", "parent": "main-1"}]
    assert names(boundary.cooling(site(cooling=units))) == {"chiller-1": 1, "pump-1": 1}
    metered = site(meter=[MAIN, UPS_A, {"id": "cooling-1", "role": "cooling"}], cooling=units)
    assert names(boundary.cooling(metered)) == {"cooling-1": 1}


def test_a_formula_names_every_register_with_its_sign():
    found = site(
        meter=[
            MAIN,
            {"id": "main-2", "role": "utility", "exports": "none"},
            UPS_A,
            {"id": "office-1", "role": "office", "parent": "main-1"},
        ],
        supply=[
            {"id": "pv-roof", "kind": "onsite_solar", "max_power_kw": 10},
            {"id": "ppa", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 10},
        ],
    )
    told = {one.figure: one for one in formulas(found)}
    assert told["E_DC"].text == "E_DC = main-1 + main-2 + pv-roof − main-1 export − office-1"
    assert (told["E_IT"].text, told["E_IT"].category) == ("E_IT = ups-a", "pue1")
    assert told["E a"].text == "E a = ups-a"
    assert [(t.sign, t.id, t.channel) for t in told["E_DC"].terms if t.sign < 0] == [
        (-1, "main-1", "export"),
        (-1, "office-1", "energy"),
    ]
