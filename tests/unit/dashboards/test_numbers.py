"""Numbers as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from dashboards import numbers
from energy.kpi import uncovered


@pytest.mark.parametrize(
    ("watts", "words"),
    [
        (None, "–"), (math.nan, "–"), (0.0, "0 W"), (40.4, "40 W"), (9_640, "9.6 kW"), (812_400, "812 kW"),
        (5_471_000, "5.47 MW"), (-930_000, "-930 kW"), (1.2e9, "1.20 GW"),
    ],
)  # fmt: skip
def test_power(watts: float | None, words: str) -> None:
    assert numbers.power(watts) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0.0, "0.00 %"),
        (0.29, "29.00 %"),
        (0.7139, "71.39 %"),
        (0.99999, "99.99 %"),
        (1.0, "100.00 %"),
    ],
)
def test_only_a_full_hundred_reads_as_one(value: float | None, words: str) -> None:
    assert numbers.share(value) == words


@pytest.mark.parametrize(
    ("wh", "whole", "words"),
    [
        (None, None, "–"),
        (0.0, None, "0 kWh"),
        (0.0, 13_459_000.0, "0 MWh"),
        (105_230.0, None, "105.2 kWh"),
        (234_600.0, 13_459_000.0, "0.235 MWh"),
        (3_190_000.0, 13_459_000.0, "3.190 MWh"),
        (2.4124e9, None, "2,412.4 MWh"),
        (24.124e9, None, "24.124 GWh"),
        (30_000.0, 2.4124e9, "< 0.1 MWh"),
        (0.2, None, "0 kWh"),
    ],
)
def test_energy_takes_the_unit_of_the_whole(wh: float | None, whole: float | None, words: str) -> None:
    assert numbers.energy(wh, whole) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(16_400.0, "kW", "16.40 MW"), (0.972, "share", "97.20 %"), (1.43, "", "1.430"), (34.1, "°C", "34.1 °C"),
     (12_500.0, "rows", "12,500 rows"), (None, "W", "–")],
)  # fmt: skip
def test_a_quantity_keeps_its_unit(value: float | None, unit: str, words: str) -> None:
    assert numbers.quantity(value, unit) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(8, "8 s"), (360, "6 min"), (12_000, "3 h 20 min"), (7_200, "2 h"), (187_200, "2 d 4 h"), (-3, "0 s")],
)
def test_a_lapse_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert numbers.lapse(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 ms"), (0.0124, "12 ms"), (0.9996, "1.0 s"), (1.44, "1.4 s"), (59.96, "59 s"), (200, "3 min")],
)
def test_a_brief_time_is_told_to_the_millisecond(seconds: float, words: str) -> None:
    assert numbers.brief(timedelta(seconds=seconds)) == words
    assert numbers.brief(None) == numbers.NOTHING


def test_a_figure_on_a_page_keeps_its_unit_beside_it() -> None:
    words = "100.00 % of 17.66 MW, 4,492.4 MWh, 40 W, 3.1 kB; 6 hours, 2 Boxes, 3 % of 5 %"
    held = numbers.unbroken(words)
    assert isinstance(held, str)
    assert held.replace(numbers.NO_BREAK, " ") == words
    assert held.split(" ") == [
        "100.00\xa0%", "of", "17.66\xa0MW,", "4,492.4\xa0MWh,", "40\xa0W,", "3.1\xa0kB;", "6", "hours,",
        "2", "Boxes,", "3\xa0%", "of", "5\xa0%",
    ]  # fmt: skip
    assert numbers.unbroken(5) == 5
    assert numbers.unbroken(Markup("<b>5 %</b>")) == "<b>5 %</b>"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            uncovered(0, 96, 0.9, "E_DC"),
            "the energy at the inlet is known for 0.00 % of the period, "
            "below the 90.00 % that a figure needs",
        ),
        (uncovered(0, 96, 0.9, "heat", ["Vilnius"]), "no heat meter at Vilnius"),
    ],
)
def test_a_reason_on_a_page_has_no_symbols(reason: str, words: str) -> None:
    assert numbers.plain(reason) == words


def test_sizes() -> None:
    assert [numbers.size(n) for n in (12, 3_100, 12e6, 1.4e9)] == ["12 B", "3.1 kB", "12.0 MB", "1.4 GB"]


def test_times_within_words_are_told_in_the_zone() -> None:
    warsaw = ZoneInfo("Europe/Warsaw")
    words = "silenced until 2026-10-20T15:02:11.250+00:00: pump B, 2026-10-25T01:15:00Z at the latest"
    told = "silenced until 2026-10-20 17:02 CEST: pump B, 2026-10-25 02:15 CET at the latest"
    assert numbers.zoned(words, warsaw) == told
    assert numbers.zoned("on 2026-10-20 at 15:02", warsaw) == "on 2026-10-20 at 15:02"
    assert numbers.stamp(datetime(2026, 10, 20, 15, 2, tzinfo=UTC), warsaw) == "2026-10-20 17:02 CEST"
    assert numbers.stamp(None, warsaw) == "–"
