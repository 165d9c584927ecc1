"""Losses by a publisher's own count: exact through repeats, other orders and new counts."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.counter import LARGEST_GAP, Counter
from telemetry.counted import REMEMBERED


def lost(told: Iterable[tuple[int, int]]) -> int:
    """All losses of messages given as (seq, time in ms)."""
    first, *rest = told
    counter = Counter(*first)
    return sum(counter.take(*one) for one in rest)


def steady(*numbers: int) -> list[tuple[int, int]]:
    """Numbers whose time goes with them."""
    return [(number, 1_000 * number) for number in numbers]


def test_a_gap_counts_what_it_leaves_out() -> None:
    assert lost(steady(5, 6, 9, 10, 300)) == 2 + 289


def test_what_a_broker_sends_again_is_no_loss_and_neither_is_what_follows() -> None:
    assert lost(steady(1, 2, 3, 4, 2, 3, 5, 6)) == 0
    # One that was killed and started with what it had on disk begins far back.
    assert lost(steady(*range(1000), *range(400, 420), 1000, 1001)) == 0


def test_what_comes_after_all_is_taken_back_once() -> None:
    counter = Counter(1, 1_000)
    assert [counter.take(*one) for one in steady(2, 5, 4, 4, 3, 6)] == [0, 2, -1, 0, -1, 0]


def test_a_lower_number_at_a_later_time_begins_a_new_count() -> None:
    assert lost([(1_000, 50), (0, 51), (1, 52), (4, 53)]) == 2
    assert lost([(7, 50), (0, 51), (1, 52), (2, 53)]) == 0


def test_a_clock_that_jumps_back_makes_no_loss() -> None:
    assert lost([(7, 50_000), (8, 1_000), (9, 2_000), (11, 3_000)]) == 1


def test_a_number_far_ahead_is_told_as_such_once() -> None:
    counter = Counter(1, 1_000)
    assert [counter.take(*one) for one in steady(2 + LARGEST_GAP, 3 + LARGEST_GAP)] == [LARGEST_GAP, 0]
    assert lost(steady(1, 1 + LARGEST_GAP)) == LARGEST_GAP - 1


def together(counts: list[list[int]], late_ms: int = 0) -> list[tuple[int, int]]:
    """Publishers that send each second, one after the other, each by a clock ``late_ms`` behind."""
    return [
        (seq, 1_000 * second + (900 * n) // len(counts) - late_ms * n)
        for second in range(max(map(len, counts)))
        for n, count in enumerate(counts)
        if second < len(count) and (seq := count[second]) >= 0
    ]


@pytest.mark.parametrize("late_ms", [0, 5_000])
@pytest.mark.parametrize("starts", [[1_000, 5], [5, 5], [5, 6], [9_000_000, 3], [7, 60, 900], [1, 2, 3]])
def test_publishers_that_share_a_topic_lose_nothing_by_that(starts: list[int], late_ms: int) -> None:
    told = together([list(range(start, start + 200)) for start in starts], late_ms)
    counter = Counter(*told[0])
    sums = [counter.take(*one) for one in told[1:]]
    assert not any(sums[2 * len(starts) :]), "but for the first that were heard, which may be a new count"
    if not late_ms:
        assert counter.shared()
        assert not counter.shared(), "since it was asked last"


def test_what_one_of_two_publishers_loses_is_counted() -> None:
    first = [1_000 + n if n % 10 else -1 for n in range(200)]
    told = together([first, list(range(5, 205))])
    counter = Counter(*told[0])
    sums = [counter.take(*one) for one in told[1:]]
    assert sum(sums[4:]) == 19


def test_a_device_that_starts_again_and_again_is_one_publisher() -> None:
    counter = Counter(0, 0)
    told = [counter.take(k % 30, 1_000 * k) for k in range(1, 900)]
    assert sum(told) == 0
    assert not counter.shared()


@given(st.data())
def test_the_sum_is_what_never_came(data: st.DataObject) -> None:
    came = data.draw(st.lists(st.integers(1, 400), max_size=60, unique=True))
    # Each number may come again, and others before it, as long as its place is still remembered.
    shifts = st.integers(0, REMEMBERED // 2 - 1)
    delayed = sorted([(n + data.draw(shifts), n) for n in came + data.draw(st.lists(st.sampled_from(came)))]
                     if came else [])  # fmt: skip
    told = steady(0, *(number for _, number in delayed))
    newest = max((number for number, _ in told), default=0)
    assert lost(told) == newest - len(set(came))
