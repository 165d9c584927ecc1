"""From when to when a flood of alarms lasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from alerts.flood import BEARABLE, CALM, WITHIN, flooded_since

START = datetime(2026, 10, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def spread(counts: Sequence[int]) -> list[datetime]:
    """So many alarms in each ten minutes from the start on, evenly, the last at their end."""
    return [
        START + WITHIN * (number + (n + 1) / count)
        for number, count in enumerate(counts)
        for n in range(count)
    ]


def test_c12_a_flood_starts_in_the_first_bucket_and_ends_in_the_third() -> None:
    begun = spread([11, 6, 4])
    assert flooded_since(begun, START + WITHIN - SECOND) is None
    assert flooded_since(begun, START + WITHIN) == START
    assert flooded_since(begun, START + 2 * WITHIN) == START
    assert flooded_since(begun, START + 3 * WITHIN) is None
    ends = [at for n in range(1800) if flooded_since(begun, at := START + WITHIN + n * SECOND) is None]
    assert START + 2 * WITHIN < ends[0] <= START + 3 * WITHIN
    assert ends == [ends[0] + n * SECOND for n in range(len(ends))]


def test_empty_minutes_count_too() -> None:
    begun = spread([11])
    assert flooded_since(begun, START + 2 * WITHIN) is None
    assert flooded_since([], START) is None


def test_as_many_as_can_be_attended_to_are_no_flood_however_long_it_goes_on() -> None:
    begun = spread([BEARABLE] * 6)
    assert all(flooded_since(begun, START + n * timedelta(minutes=1)) is None for n in range(80))


def test_a_flood_that_came_back_counts_from_then() -> None:
    begun = spread([20, CALM - 1, 20])
    since = flooded_since(begun, START + 3 * WITHIN)
    assert since is not None
    assert since > START + WITHIN
    assert flooded_since(list(reversed(begun)), START + 3 * WITHIN) == since
