from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.cron import ZonedCron

QUARTER = timedelta(minutes=15)


def moments(start: datetime, days: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, days * 86_400).map(lambda seconds: start + timedelta(seconds=seconds))


def dues(cron: ZonedCron, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    for _ in range(count):
        at = cron.get_next_fire_time(None, (found[-1] if found else after) + timedelta(milliseconds=1))
        assert at is not None
        found.append(at)
    return found


def warsaw(text: str) -> ZonedCron:
    return ZonedCron(text, "Europe/Warsaw")


def test_an_hour_that_dst_skips_is_run_once_right_after_the_gap() -> None:
    assert dues(warsaw("30 2 * * *"), datetime(2026, 3, 28, 12, tzinfo=UTC), 2) == [
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # 03:30 in Warsaw
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
    ]


def test_an_hour_that_dst_repeats_is_run_once() -> None:
    assert dues(warsaw("30 2 * * *"), datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


def test_every_real_quarter_is_due_when_dst_repeats_an_hour() -> None:
    found = dues(warsaw("*/15 * * * *"), datetime(2026, 10, 24, 23, tzinfo=UTC), 16)
    assert found == [datetime(2026, 10, 24, 23, tzinfo=UTC) + n * QUARTER for n in range(1, 17)]


def test_months_begin_in_the_zone() -> None:
    assert dues(warsaw("0 0 1 * *"), datetime(2026, 3, 15, tzinfo=UTC), 2) == [
        datetime(2026, 3, 31, 22, tzinfo=UTC),
        datetime(2026, 4, 30, 22, tzinfo=UTC),
    ]


@pytest.mark.parametrize("text", ["0 0 * * 0", "0 0 * * 1-5"])
def test_numbered_weekdays_are_refused_with_the_fix(text: str) -> None:
    with pytest.raises(ValueError, match="mon"):
        ZonedCron(text, "UTC")


@given(
    moments(datetime(2026, 1, 1, tzinfo=UTC), days=700),
    st.sampled_from(["Europe/Warsaw", "Europe/Vilnius", "Australia/Lord_Howe", "America/New_York", "UTC"]),
)
@settings(max_examples=60)
def test_first_of_the_month_is_the_next_midnight_of_a_first(at: datetime, zone: str) -> None:
    tz = ZoneInfo(zone)
    due = ZonedCron("0 0 1 * *", zone).get_next_fire_time(None, at)
    local = at.astimezone(tz)
    months = local.year * 12 + local.month - 1
    if (local.day, local.hour, local.minute, local.second, local.microsecond) != (1, 0, 0, 0, 0):
        months += 1
    assert due == datetime(months // 12, months % 12 + 1, 1, tzinfo=tz)


@given(
    moments(datetime(2026, 10, 24, tzinfo=UTC), days=3) | moments(datetime(2026, 3, 28, tzinfo=UTC), days=3)
)
@settings(max_examples=60)
def test_a_wildcard_hour_is_due_in_every_real_quarter(at: datetime) -> None:
    due = warsaw("*/15 * * * *").get_next_fire_time(None, at)
    assert due is not None
    assert timedelta(0) <= due - at < QUARTER
    assert due.timestamp() % 900 == 0
