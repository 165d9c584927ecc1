"""A meter tree that cannot be right: every fault is named, with its place and its fix."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from runtime.errors import ConfigError
from settings import resolve
from tests.unit.energy.plant import site

MAIN = {"id": "main-1", "role": "utility"}
UPS = {"id": "ups-a", "role": "ups", "parent": "main-1"}


def problems(today=None, **tables):
    return site(**tables).problems("gdansk", today)


def test_a_sound_tree_has_no_fault():
    assert not problems(
        meter=[
            MAIN,
            {**UPS, "hall": "a", "calibrated": "2026-03-01", "accuracy_class": 0.5},
            {"id": "pdu-1", "role": "pdu", "parent": "ups-a", "hall": "a"},
            {"id": "pdu-2", "role": "pdu", "parent": "ups-a", "hall": "a"},
            {"id": "rack-1", "role": "it", "category": "pue3", "parent": "pdu-1", "hall": "a"},
            {"id": "office-1", "role": "office", "parent": "main-1"},
        ],
        cooling=[{"id": "chiller-1", "parent": "main-1"}],
        heat=[{"id": "condenser", "use": "removed"}],
        virtual=[{"id": "rest", "role": "other", "plus": ["main-1"], "minus": ["ups-a", "office-1"]}],
        today=date(2026, 10, 5),
    )


def test_five_faults_of_a_tree_are_each_named_in_one_message():
    found = problems(
        meter=[
            MAIN,
            {"id": "ups-a", "role": "ups", "parent": "pdu-1"},
            {"id": "pdu-1", "role": "other", "parent": "ups-a"},
            {"id": "ups-b", "role": "ups", "parent": "lost"},
            {"id": "ups-c", "role": "ups", "parent": "ups-b"},
            {"id": "office-1", "role": "office", "parent": "ups-b"},
        ],
        water=[{"id": "makeup"}],
        virtual=[{"id": "sum", "role": "other", "plus": ["main-1", "makeup"]}],
    )
    told = "\n".join(found)
    assert "sites.gdansk.meter 'ups-a': its parents lead back to itself; break the loop" in found
    assert "sites.gdansk.meter 'ups-b': parent = 'lost' is no meter of this site" in found
    assert "sites.gdansk.virtual 'sum': 'makeup' counts m³ of water, not Wh" in told
    assert "sites.gdansk: E_IT at pue1 counts 'ups-c' twice, as 'ups-b' holds it" in told
    assert "sites.gdansk.meter 'office-1': an office meter inside E_IT" in told
    assert len([line for line in found if "office-1" in line]) == 1


def test_the_service_does_not_start_with_a_tree_that_cannot_be_right():
    table = site(meter=[MAIN, UPS, {"id": "ups-b", "role": "ups", "parent": "ups-a"}]).model_dump(mode="json")
    with pytest.raises(ConfigError, match="E_IT at pue1 counts 'ups-b' twice, as 'ups-a' holds it"):
        resolve({"sites": {"gdansk": table}})


@pytest.mark.parametrize(
    ("virtual", "told"),
    [
        (
            [{"id": "a", "role": "other", "plus": ["b"]}, {"id": "b", "role": "other", "plus": ["a"]}],
            "virtual 'a': its members lead back to itself; break the loop",
        ),
        ([{"id": "a", "role": "other", "plus": ["main-9"]}], "'main-9' is no meter, supply or virtual"),
        ([{"id": "a", "role": "other", "plus": ["bess"]}], "'bess' is a battery, which has two registers"),
        ([{"id": "a", "role": "other", "plus": ["ups-a", "ups-a"]}], "counts 'ups-a' more than once"),
        ([{"id": "a", "role": "other", "plus": ["main-1", "ups-a"]}], "counts 'ups-a' twice, as 'main-1'"),
        ([{"id": "a", "role": "ups", "plus": ["ups-a"]}], "E_IT at pue1 counts 'ups-a' twice"),
        ([{"id": "a", "role": "utility", "plus": ["main-1"]}], "E_DC counts 'main-1' twice"),
        ([{"id": "a", "role": "utility", "plus": ["pv-roof"]}], "['pv-roof'] are no meters"),
        ([{"id": "main-1", "role": "other", "plus": ["ups-a"]}], "both have id = 'main-1'"),
    ],
)
def test_a_virtual_meter_that_cannot_be_is_named(virtual, told):
    supply = [
        {"id": "bess", "kind": "battery"},
        {"id": "pv-roof", "kind": "onsite_solar", "max_power_kw": 10},
    ]
    assert told in "\n".join(problems(meter=[MAIN, UPS], supply=supply, virtual=virtual))


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"meter": [UPS | {"parent": None}]}, "no meter has role = 'utility', so its consumption"),
        ({"meter": [MAIN]}, "no meter has role = 'it', so its PUE can never be known"),
        ({"heat": [{"id": "condenser", "use": "removed"}]}, "so its CER can never be known"),
        (
            {"meter": [MAIN, UPS, {"id": "c", "role": "cooling", "hall": "a"}]},
            "no meter of IT energy names hall = 'a', so its pPUE can never be known",
        ),
        (
            {"meter": [MAIN, UPS, {"id": "rack", "role": "it", "category": "pue3", "parent": "main-1"}]},
            "name the categories ['pue1', 'pue3'], and at none of them all of it is measured; one PUE needs",
        ),
        ({"meter": [MAIN, UPS], "pue_category": "pue3"}, "pue_category: no meter measures IT energy there"),
        ({"losses_percent": 0.05}, "losses_percent: 0.05 is written in percent; 5 % is 5"),
    ],
)
def test_a_figure_that_lacks_its_meter_is_named(tables, told):
    assert told in "\n".join(problems(**tables))


@pytest.mark.parametrize("ratio", [0.2, 0.002, 1.2, 0.9])
def test_t15_a_correction_entered_a_hundredfold_is_refused(ratio):
    ct = [{"since": "2026-01-01T00:00:00Z", "ratio": ratio}]
    found = problems(meter=[MAIN | {"ct": ct}, UPS])
    assert len(found) == 1
    assert f"ct[0].ratio = {ratio:g} is neither a correction nor a ratio of transformers" in found[0]
    assert "a correction of 0.2 % is written 1.002" in found[0]


@pytest.mark.parametrize("ratio", [1.002, 0.998, 1, 40, 1200, 0.5, 1.25])
def test_a_ratio_that_transformers_have_is_taken(ratio):
    ct = [{"since": "2026-01-01T00:00:00Z", "ratio": ratio}]
    assert not problems(meter=[MAIN | {"ct": ct}, UPS])


@pytest.mark.parametrize(
    ("meter", "told"),
    [
        (
            {
                "ct": [
                    {"since": "2026-05-01T00:00:00Z", "ratio": 40},
                    {"since": "2026-01-01T00:00:00Z", "ratio": 60},
                ]
            },
            "ct[1].since = 2026-01-01T00:00:00+00:00 is not after the entry before it",
        ),
        (
            {
                "ct": [
                    {"since": "2026-01-01T00:00:00Z", "ratio": 40},
                    {"since": "2026-05-01T00:00:00Z", "ratio": 40_000},
                ]
            },
            "ct[1].ratio = 40000 is 1000 times off the one before it",
        ),
        (
            {
                "swap": [
                    {"at": "2026-05-01T00:00:00Z", "end_wh": 5},
                    {"at": "2026-04-01T00:00:00Z", "end_wh": 9},
                ]
            },
            "swap[1].at = 2026-04-01T00:00:00+00:00 is not after the entry before it",
        ),
        ({"calibrated": "2026-10-07"}, "calibrated = 2026-10-07: lies in the future"),
        ({"accuracy_class": 0.005}, "accuracy_class = 0.005 is no class of a meter"),
    ],
)
def test_a_plate_that_cannot_be_right_is_named(meter, told):
    found = problems(date(2026, 10, 5), meter=[MAIN | meter, UPS])
    assert len(found) == 1
    assert told in found[0]


def test_the_plate_of_a_water_meter_is_checked_too():
    swaps = [{"at": f"2026-0{month}-01T00:00:00Z", "end_m3": 5} for month in (5, 4)]
    meter = {"id": "makeup", "swap": swaps, "accuracy_class": 20, "calibrated": "2027-01-01"}
    found = problems(date(2026, 10, 5), meter=[MAIN, UPS], water=[meter])
    assert [one.partition(": ")[0] for one in found] == ["sites.gdansk.water 'makeup'"] * 3
    assert "swap[1].at = 2026-04-01T00:00:00+00:00 is not after" in found[2]


def test_meters_that_follow_one_another_are_no_overlap():
    swap = "2026-10-05T12:00:00Z"
    assert not problems(
        meter=[
            MAIN | {"valid_until": swap},
            {"id": "feed", "role": "utility", "valid_from": swap},
            {"id": "feed-a", "role": "utility", "parent": "main-1", "valid_from": swap},
            UPS,
        ]
    )


@pytest.mark.parametrize(
    "meter",
    [
        {"id": "ups-a", "role": "ups", "category": "pue3"},
        {"id": "c", "role": "cooling", "category": "pue1"},
        {"id": "it", "role": "it"},
        {
            "id": "m",
            "role": "other",
            "valid_from": "2026-01-02T00:00:00Z",
            "valid_until": "2026-01-01T00:00:00Z",
        },
        {"id": "m", "role": "other", "valid_from": "2026-01-02T00:00:00"},
    ],
)
def test_what_a_single_entry_contradicts_is_refused_at_once(meter):
    with pytest.raises(ValidationError):
        site(meter=[MAIN, meter])
