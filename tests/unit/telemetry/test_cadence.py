"""The rhythm of a source is learned from its own times, and losing messages never makes it look better."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.cadence import Cadences

HOUR = 3_600_000
ONE = np.array([1])


def play(cadences: Cadences, times: Sequence[int], batch: int = 50) -> dict[int, float]:
    """Hear ``times`` in that order; what share of each hour, by its number, the messages in it stand for."""
    covered: dict[int, float] = {}
    for first in range(0, len(times), batch):
        at = np.array(times[first : first + batch], dtype=np.int64)
        source = np.ones(len(at), dtype=np.int64)
        for when, pace in zip(at.tolist(), cadences.pace_ms(source, at).tolist(), strict=True):
            covered[when // HOUR] = covered.get(when // HOUR, 0.0) + (pace / HOUR if pace == pace else 0.0)
        cadences.observe(source, at)
    return covered


def every(period: int, start: float, end: float) -> list[int]:
    return list(range(round(start * HOUR), round(end * HOUR), period))


def knowing(period: int) -> Cadences:
    """A source that has spoken every ``period`` for two hours."""
    cadences = Cadences()
    play(cadences, every(period, 0, 2))
    return cadences


_PERIODS = st.sampled_from([1_000, 10_000, 60_000])
_DROPS = st.one_of(
    st.integers(2, 12).map(lambda n: lambda k, _: k % n != 0),
    st.integers(2, 12).map(lambda n: lambda k, _: k % n == 0),
    st.floats(0.05, 0.95).map(lambda share: lambda _, random: random.random() < share),
    st.tuples(st.integers(0, 300), st.integers(0, 300)).map(
        lambda span: lambda k, _: span[0] <= k < span[0] + span[1]
    ),
)


@settings(max_examples=60, deadline=None)
@given(period=_PERIODS, drops=st.lists(_DROPS, min_size=1, max_size=3), seed=st.integers(0, 9))
def test_losing_more_of_an_hour_never_raises_its_share(period: int, drops: list, seed: int) -> None:
    left, shares = every(period, 2, 3), []
    for drop in drops:
        shares.append(play(knowing(period), left).get(2, 0.0))
        random = Random(seed)
        left = [at for k, at in enumerate(left) if not drop(k, random)]
    shares.append(play(knowing(period), left).get(2, 0.0))
    assert shares[0] == pytest.approx(1.0)
    assert all(more >= less for more, less in pairwise(shares)), shares
    assert shares[-1] == pytest.approx(len(left) * period / HOUR), "each message stands for itself"


@settings(max_examples=30, deadline=None)
@given(period=_PERIODS, lost=st.floats(0.4, 0.9), seed=st.integers(0, 99), jitter=st.floats(0, 0.1))
def test_days_of_random_loss_do_not_become_a_rhythm(
    period: int, lost: float, seed: int, jitter: float
) -> None:
    random = Random(seed)
    told = [
        at + round(random.uniform(-jitter, jitter) * period / 2)
        for at in every(period, 2, 8)
        if random.random() >= lost
    ]
    shares = play(knowing(period), told)
    for hour in range(2, 8):
        whole = HOUR // period
        came = sum(at // HOUR == hour for at in told) / whole
        assert shares.get(hour, 0.0) <= came * (1 + jitter) + 0.01


def test_gaps_in_a_constant_rhythm_are_gaps() -> None:
    told = [at for at in every(1_000, 2, 6) if not 3.5 <= at / HOUR < 4.25]
    shares = play(knowing(1_000), told)
    assert [round(shares[hour], 3) for hour in range(2, 6)] == [1.0, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(("before", "after"), [(300_000, 1_000), (900_000, 5_000), (60_000, 10_000)])
def test_each_hour_is_held_to_the_rhythm_of_its_time(before: int, after: int) -> None:
    cadences = Cadences()
    past = play(cadences, every(before, 0, 20.5), 6)
    now = play(cadences, every(after, 20.5, 24), 1)
    assert all(past[hour] == pytest.approx(1.0, abs=0.01) for hour in range(4, 20))
    # The first message at the new rhythm comes an old period after the last one, and stands for that.
    assert past[20] + now[20] == pytest.approx(1.0 + before / HOUR, abs=0.03)
    assert all(now[hour] == pytest.approx(1.0, abs=0.01) for hour in range(21, 24))


def test_a_slower_rhythm_is_believed_once_it_has_lasted() -> None:
    shares = play(knowing(1_000), every(10_000, 2, 30))
    assert [round(shares[hour], 2) for hour in range(2, 26)] == [0.1] * 24, "as far as anybody can know"
    assert [round(shares[hour], 2) for hour in (27, 28, 29)] == [1.0, 1.0, 1.0]


def test_a_day_of_trouble_that_ends_in_an_even_loss_is_no_slower_rhythm() -> None:
    random = Random(5)
    trouble = [at for at in every(1_000, 2, 26) if random.random() < 0.2]
    shares = play(knowing(1_000), trouble + every(10_000, 26, 27))
    assert shares[26] == pytest.approx(0.1)


def test_a_rhythm_that_is_gone_for_a_day_is_still_what_is_owed() -> None:
    cadences, random = knowing(10_000), Random(2)
    play(cadences, [at for at in every(10_000, 2, 50) if random.random() < 0.3])
    assert cadences.period_ms(ONE).tolist() == [10_000]


def test_a_faster_rhythm_is_believed_at_once_and_asking_changes_nothing() -> None:
    cadences = knowing(10_000)
    shares = play(cadences, every(1_000, 2, 3), 5)
    assert cadences.period_ms(ONE).tolist() == [1_000]
    assert shares[2] == pytest.approx(1.0, abs=0.02)
    assert np.isnan(cadences.period_ms(np.array([5_000, 1]))).tolist() == [True, False]


_LOSING = st.lists(st.tuples(st.integers(0, 7_199), st.integers(1, 2_400), st.integers(1, 12)), max_size=4)


@settings(max_examples=30, deadline=None)
@given(period=_PERIODS, less=_LOSING, more=_LOSING, jitter=st.sampled_from([0.0, 0.1]))
def test_losing_any_messages_more_never_makes_two_hours_look_fuller(
    period: int, less: list, more: list, jitter: float
) -> None:
    """Spans from some second on, in which one of so many messages comes."""
    random = Random(1)
    whole = [at + round(random.uniform(0, jitter) * period) for at in every(period, 2, 4)]

    def left(losing: list) -> list[int]:
        return [
            at
            for k, at in enumerate(whole)
            if not any(s <= at // 1_000 - 7_200 < s + span and k % n != 0 for s, span, n in losing)
        ]

    some, fewer = play(knowing(period), left(less)), play(knowing(period), left(less + more))
    for hour in (2, 3):
        # Where times scatter, so does the period that is learned of them.
        assert fewer.get(hour, 0.0) <= some.get(hour, 0.0) * (1 + 2 * jitter) + 1e-9


def test_what_is_told_of_the_past_has_a_rhythm_of_its_own() -> None:
    cadences = Cadences()
    play(cadences, every(1_000, 50, 51))
    # Live messages go on between those of the past.
    live, past = every(1_000, 51, 51.25), every(60_000, 10, 25)
    told = [at for pair in zip(live, past, strict=True) for at in pair]
    shares = play(cadences, told, 20)
    assert [round(shares[hour], 2) for hour in range(11, 25)] == [1.0] * 14
    assert shares[51] == pytest.approx(0.25)
    assert cadences.period_ms(ONE).tolist() == [1_000]
    assert cadences.early_ms(ONE, 11 * HOUR).tolist() == [60_000]


def test_a_past_of_which_half_is_lost_looks_no_better_for_coming_late() -> None:
    cadences, random = knowing(1_000), Random(3)
    play(cadences, every(1_000, 50, 51))
    told = [at for at in every(1_000, 10, 16) if random.random() < 0.5]
    shares = play(cadences, told)
    assert all(shares.get(hour, 0.0) <= 0.55 for hour in range(10, 16)), shares
    assert not cadences.early_ms(ONE, 11 * HOUR)[0] > 1_000


def test_who_speaks_when_it_likes_has_no_rhythm_and_who_begins_to_loses_his() -> None:
    random = Random(1)
    at, told = 0, []
    while at < 40 * HOUR:
        at += round(1_000 * 2 ** random.uniform(0, 12))
        told.append(at)
    cadences = Cadences()
    play(cadences, told)
    assert np.isnan(cadences.period_ms(ONE)).all()
    known = knowing(60_000)
    play(known, [2 * HOUR + at for at in told + [40 * HOUR + at for at in told]])
    assert known.period_ms(ONE).tolist() == [60_000], "two days may be an outage"
    play(
        known,
        [82 * HOUR + at for at in told] + [122 * HOUR + at for at in told] + [162 * HOUR + at for at in told],
    )
    assert np.isnan(known.period_ms(ONE)).all()


def test_a_burst_does_not_stay_in_memory_as_a_rhythm() -> None:
    """A backlog without times of its own comes at the times of its arrival."""
    cadences = knowing(10_000)
    play(cadences, [2 * HOUR + 50 * k for k in range(30)], 1)
    shares = play(cadences, every(10_000, 2.01, 4))
    assert shares[3] == pytest.approx(1.0)


def test_what_comes_again_stands_for_nothing_more() -> None:
    cadences = Cadences()
    once = play(cadences, every(300_000, 0, 2.5), 6)
    live = every(5_000, 2.5, 2.75)
    first = play(cadences, live, 3)
    again = play(cadences, live[-100:] + every(5_000, 2.75, 3), 40)
    assert once[2] + first[2] + again[2] == pytest.approx(1.0 + 300_000 / HOUR, abs=0.03)


def test_sources_do_not_mix_and_one_batch_may_hold_many_of_each() -> None:
    together, alone = Cadences(), [Cadences() for _ in range(3)]
    periods = [1_000, 7_000, 60_000]
    told = sorted((at, n) for n, period in enumerate(periods) for at in every(period, 0, 0.5))
    for first in range(0, len(told), 333):
        part = told[first : first + 333]
        at = np.array([when for when, _ in part], dtype=np.int64)
        source = np.array([n for _, n in part], dtype=np.int64)
        together.observe(source, at)
        for n, one in enumerate(alone):
            one.observe(source[source == n], at[source == n])
    assert together.period_ms(np.arange(3)).tolist() == periods
    assert [one.period_ms(np.array([n]))[0] for n, one in enumerate(alone)] == periods
