"""Line protocol: what is told, in order, escaped."""

from __future__ import annotations

import pytest

from telemetry.catalogue import METER, SUPPLY
from telemetry.influx.line import LineFormat, plain
from telemetry.series import SeriesRegistry
from tests.fakes.frames import T0, Row, frame

MAIN = ("gdansk", "main-1")


def lines(*rows: Row) -> list[str]:
    registry = SeriesRegistry()
    return LineFormat(registry).lines(frame(registry, METER, rows))


def test_a_row_is_a_line_with_milliseconds() -> None:
    told = {"power_w": 703.1, "energy_wh": 9_007_199_254_740_991.0}
    assert lines((MAIN, 0.123, told)) == [
        f"meter,site=gdansk,meter=main-1 power_w=703.1,energy_wh=9007199254740991.0 {T0 + 123}"
    ]


def test_missing_fields_are_left_out_and_the_order_of_rows_stays() -> None:
    found = lines(
        (MAIN, 1, {"power_w": 1.0, "energy_wh": 5.0}),
        (MAIN, 1, {"power_w": 2.0}),
        (MAIN, 2, {}),
        (MAIN, 3, {"energy_wh": 6.0}),
        (MAIN, 4, {"power_w": 0.1, "energy_wh": 7.0}),
    )
    assert [line.split(" ")[1] for line in found] == [
        *("power_w=1.0,energy_wh=5.0", "power_w=2.0", "energy_wh=6.0", "power_w=0.1,energy_wh=7.0")
    ]


def test_nothing_told_is_no_line() -> None:
    registry = SeriesRegistry()
    empty = frame(registry, SUPPLY, [])
    assert LineFormat(registry).lines(empty) == []
    assert lines((MAIN, 1, {})) == []


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("a b", r"a\ b"),
        ("a,b", r"a\,b"),
        ("a=b", r"a\=b"),
        ('o\'hara "x"', 'o\'hara\\ "x"'),
        ("Gdańsk", "Gdańsk"),
        ("tail\\", "tail_"),
        ("two\nlines", "two_lines"),
    ],
)
def test_labels_are_escaped(label: str, written: str) -> None:
    [line] = lines(((label, "m"), 0, {"power_w": 1.0}))
    assert line == f"meter,site={written},meter=m power_w=1.0 {T0}"


def test_an_empty_label_is_left_out() -> None:
    assert lines((("", "m"), 0, {"power_w": 1.0})) == [f"meter,meter=m power_w=1.0 {T0}"]


@pytest.mark.parametrize("value", [1e-300, 1e22, -0.0, 123456789.123456789, 5e-324])
def test_numbers_keep_every_bit(value: float) -> None:
    [line] = lines((MAIN, 0, {"power_w": value}))
    assert float(line.split("power_w=")[1].split(" ")[0]) == value


def test_plain_keeps_what_is_harmless() -> None:
    assert plain("de-lu 1/2 'ü'") == "de-lu 1/2 'ü'"
