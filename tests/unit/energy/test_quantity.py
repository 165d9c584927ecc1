"""Quantities as people read them, on pages, in alarms and in messages alike."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from energy.quantity import counted, day_words, moment, month_words, percent, quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (49.879, "49.87 %"),
        (79.9999, "79.99 %"),
        (28.999999999999996, "29.00 %"),
        (100.0, "100.00 %"),
        (0.0, "0.00 %"),
    ],
)
def test_percent_is_never_rounded_up_to_a_goal(value: float | None, text: str) -> None:
    assert percent(value) == quantity(value, "%") == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.0, "sources", "1 source"),
        (12_500.0, "sources", "12,500 sources"),
        (0.0, "s", "0 s"),
        (312.44, "s", "312 s"),
        (120_345.4, "kW", "120.35 MW"),
        (2_412_400.0, "Wh", "2.412 MWh"),
        (1.4041, "", "1.404"),
    ],
)
def test_quantities(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_what_is_counted_knows_its_singular() -> None:
    assert [counted(n, "message") for n in (0, 1, 1200)] == ["0 messages", "1 message", "1,200 messages"]


def test_periods_and_moments_are_told_in_their_zone() -> None:
    warsaw = ZoneInfo("Europe/Warsaw")
    at = datetime(2026, 10, 1, 22, tzinfo=UTC)
    local = at.astimezone(warsaw)
    assert (day_words(local), month_words(local)) == ("2 October 2026", "October 2026")
    assert moment(at, warsaw) == "2026-10-02 00:00 CEST"
