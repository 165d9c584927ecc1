"""Documents of the transparency platform: what they tell, and everything that is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from energy.carbon.entsoe import hourly_energy, hourly_load, parse
from energy.carbon.generation import intensity, written
from energy.carbon.hours import hour_of
from energy.carbon.library import packaged
from runtime.errors import BadDocument
from tests.unit.energy.carbon.documents import LT, PL, acknowledgement, document, series

AT = datetime(2026, 10, 5, 10, tzinfo=UTC)
HOUR = hour_of(AT)

C4 = {"B05": 8000.0, "B04": 1000.0, "B16": 500.0, "B19": 2500.0, "B10": 200.0}


def test_c4_intensity_and_share_of_a_mix_without_pumped_storage():
    body = document(*(series(code, AT, [mw]) for code, mw in C4.items()))
    told = hourly_energy(parse(body), PL)
    assert told.hours == {HOUR: C4}
    found = intensity([written(C4)], packaged()["ipcc-2014-lifecycle"], "PL", HOUR)
    assert found[2, 0] == pytest.approx(591.67, abs=0.005)
    assert found[0, 0] == found[1, 0] == 0.25


def test_sixty_and_fifteen_minutes_tell_the_same_energy():
    by_hour = hourly_energy(parse(document(series("B05", AT, [400.0]))), PL)
    quarters = hourly_energy(parse(document(series("B05", AT, [100.0, 300.0, 500.0, 700.0], 15))), PL)
    assert by_hour.hours == quarters.hours == {HOUR: {"B05": 400.0}}


def test_a03_leaves_out_what_does_not_change_and_a01_may_not():
    told = [100.0, None, None, 200.0]
    filled = hourly_energy(parse(document(series("B05", AT, told, 15, "A03"))), PL)
    assert filled.hours == {HOUR: {"B05": 125.0}}
    assert hourly_energy(parse(document(series("B05", AT, [100.0], 15, "A03", length=4))), PL).hours == {
        HOUR: {"B05": 100.0}
    }
    holed = hourly_energy(parse(document(series("B05", AT, told, 15))), PL)
    assert (holed.hours, holed.incomplete) == ({}, {HOUR})


def test_a03_that_lacks_its_first_position_is_not_filled_from_nowhere():
    holed = hourly_energy(parse(document(series("B05", AT, [None, 100.0, None, 200.0], 15, "A03"))), PL)
    assert (holed.hours, holed.incomplete) == ({}, {HOUR})


def test_what_pumped_storage_takes_is_no_generation():
    body = document(
        series("B05", AT, [800.0]),
        series("B10", AT, [50.0]),
        series("B10", AT, [300.0], out=True),
    )
    told = hourly_energy(parse(body), PL)
    assert told.hours == {HOUR: {"B05": 800.0, "B10": 50.0, "B10-": 300.0}}
    found = intensity([written(told.hours[HOUR])], packaged()["ipcc-2014-direct"], "PL", HOUR)
    assert found[:, 0].tolist() == [0.0, 0.0, 760.0]


def test_a_type_in_several_series_is_put_together_and_must_not_contradict_itself():
    later = datetime(2026, 10, 5, 11, tzinfo=UTC)
    whole = hourly_energy(parse(document(series("B05", AT, [1.0]), series("B05", later, [2.0]))), PL)
    assert whole.hours == {HOUR: {"B05": 1.0}, HOUR + 1: {"B05": 2.0}}
    with pytest.raises(BadDocument, match="two series of B05 tell different values of one time"):
        hourly_energy(parse(document(series("B05", AT, [1.0]), series("B05", AT, [2.0]))), PL)


def test_an_hour_that_lacks_a_type_is_not_told():
    body = document(series("B05", AT, [800.0, 900.0]), series("B16", AT, [10.0]))
    told = hourly_energy(parse(body), PL)
    assert list(told.hours) == [HOUR]
    assert told.incomplete == {HOUR + 1}


def test_only_the_zone_that_was_asked_for_is_told():
    body = document(series("B05", AT, [800.0]), series("B19", AT, [70.0], zone=LT))
    assert hourly_energy(parse(body), LT).hours == {HOUR: {"B19": 70.0}}


def test_the_load_of_a_zone():
    body = document(series(None, AT, [18_000.0, 18_400.0], out=True), kind="A65")
    assert hourly_load(parse(body), PL) == {HOUR: 18_000.0, HOUR + 1: 18_400.0}
    assert hourly_energy(parse(body), PL).hours == {}


def test_no_data_comes_with_a_good_status_and_is_named():
    answer = parse(acknowledgement())
    assert answer.series == ()
    assert answer.reason == "No matching data found for Data item Actual Generation"
    assert parse(document()).reason == "the document holds no time series"


def test_a_question_that_was_refused_is_no_lack_of_data():
    with pytest.raises(BadDocument, match=r"refuses the question: The combination is not valid \(code 999\)"):
        parse(acknowledgement(text="The combination is not valid"))
    with pytest.raises(BadDocument, match="code 401"):
        parse(acknowledgement("401", "Unauthorized"))


BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;">]>
<GL_MarketDocument><type>&l2;</type></GL_MarketDocument>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BOMB, "DOCTYPE"),
        (OUTSIDE, "DOCTYPE"),
        (b"", "not XML"),
        (b"<html>busy", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (b"<Publication_MarketDocument><type>A44</type></Publication_MarketDocument>", "'A44' are not read"),
        (document(series("B99", AT, [1.0])), "'B99' is none"),
        (document(series("B05", AT, [1.0], curve="A02")), "curve type 'A02'"),
        (document(series("B05", AT, [1.0], minutes=7)), "resolution 'PT7M'"),
        (document(series("B05", AT, [-5.0])), "quantity is -5"),
        (document(series("B05", AT, [float("nan")])), "quantity is nan"),
        (document(series("B05", AT, [1.0, 2.0], length=1)), "position 2 lies beyond"),
        (document(series("B05", AT, [1.0])).replace(b"MAW", b"MWH"), "unit is 'MWH'"),
        (document(series("B05", AT, [1.0])).replace(b"T10:00Z", b"T10:00"), "names no time zone"),
        (document(series("B05", AT, [1.0])).replace(b"T10:00Z", b"T10:07Z"), "no whole number of its steps"),
        (document(series("B05", AT, [1.0])).replace(b"<position>1</position>", b""), "no position"),
        (document(series("B05", AT, [1.0], zone="")), "names no bidding zone"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(body, said):
    with pytest.raises(BadDocument, match=said):
        parse(body)


def test_a_type_without_a_factor_leaves_the_intensity_unknown_and_not_lower():
    direct = packaged()["ipcc-2014-direct"]
    partial = direct.model_copy(
        update={"factor": tuple(f for f in direct.factor if "oil" not in f.technology)}
    )
    found = intensity([written({"B19": 100.0, "B06": 1.0})], partial, "PL", HOUR)
    assert np.isnan(found[2, 0])
    assert found[0, 0] == pytest.approx(100 / 101)
