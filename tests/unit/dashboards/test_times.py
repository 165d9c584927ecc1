"""Times and steps as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.times import iso_duration, parse_step, parse_time
from runtime.clock import from_ms

NOW = datetime(2026, 10, 25, 12, 34, 56, tzinfo=UTC)
WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("now", "2026-10-25T12:34:56+00:00"),
        ("now-6h", "2026-10-25T06:34:56+00:00"),
        ("now+15m", "2026-10-25T12:49:56+00:00"),
        ("now-1w", "2026-10-18T12:34:56+00:00"),
        ("now/h", "2026-10-25T12:00:00+00:00"),
        ("now/d", "2026-10-24T22:00:00+00:00"),  # midnight in Warsaw, still summer time
        ("now-1d/d", "2026-10-23T22:00:00+00:00"),
        ("1790805600000", "2026-09-30T22:00:00+00:00"),
        ("2026-10-01T00:00:00+02:00", "2026-09-30T22:00:00+00:00"),
        ("2026-10-01T00:00:00 02:00", "2026-09-30T22:00:00+00:00"),  # a plus sign that was not escaped
        ("2026-10-01T00:00:00.250Z", "2026-10-01T00:00:00.250+00:00"),
    ],
)
def test_a_time_is_understood(text: str, at: str) -> None:
    found = parse_time(text, NOW, WARSAW)
    assert found == datetime.fromisoformat(at)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "now-", "now-6", "now-6y", "now-999999w", "now/w", "٠١٢"),
        *("2026-10-01", "2026-10-01T00:00:00", "-5000000", "99999999999999", "9" * 30),
        *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_time(text, NOW)


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    for parse in (lambda t: parse_time(t, NOW), parse_step):
        refusal = None
        try:
            parse(text)
        except ValueError as error:
            refusal = str(error)
        assert refusal is None or "write for example" in refusal


@given(st.integers(0, 7_000_000_000_000))
def test_milliseconds_and_iso_are_the_same_time(ms: int) -> None:
    at = from_ms(ms)
    assert parse_time(str(ms), NOW) == parse_time(at.isoformat(), NOW) == at


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("PT15M", timedelta(minutes=15)),
        ("P1D", timedelta(days=1)),
        ("PT1H30M", timedelta(minutes=90)),
        ("PT1.5S", timedelta(seconds=1.5)),
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(minutes=90)),
        ("900", timedelta(seconds=900)),
    ],
)
def test_a_step_is_understood(text: str, step: timedelta) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "soon", "0", "0s", "100ms", "367d", "-5m", "9" * 15, "P999999999999D"]
)
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write for example PT15M"):
        parse_step(text)


@given(st.integers(1, 400 * 86_400))
def test_a_step_survives_being_told(seconds: int) -> None:
    step = timedelta(seconds=seconds)
    told = iso_duration(step)
    if step <= timedelta(days=366):
        assert parse_step(told) == step
