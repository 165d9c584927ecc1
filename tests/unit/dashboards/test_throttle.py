"""The login slows a guesser down, and nobody else for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboards.throttle import BY_ADDRESS, BY_NAME, LoginThrottle
from runtime.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 10, 5, tzinfo=UTC))


@pytest.fixture
def throttle(clock: ManualClock) -> LoginThrottle:
    return LoginThrottle(clock)


def test_a_few_mistakes_are_free(throttle: LoginThrottle) -> None:
    for _ in range(BY_NAME.free - 1):
        throttle.attempt("kim", "10.0.0.1")
    assert throttle.wait("kim", "10.0.0.1") == timedelta(0)


def test_then_each_wait_doubles_up_to_the_ceiling(throttle: LoginThrottle, clock: ManualClock) -> None:
    waits = []
    for n in range(BY_NAME.free + 7):
        throttle.attempt("kim", f"10.0.0.{n}")
        waits.append(throttle.wait("kim", "10.9.9.9").total_seconds())
        clock.advance(throttle.wait("kim", "10.9.9.9"))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]
    assert throttle.wait("kim", "10.9.9.9") == timedelta(0)


def test_one_address_trying_many_names_is_slowed(throttle: LoginThrottle) -> None:
    for n in range(BY_ADDRESS.free + 1):
        throttle.attempt(f"user {n}", "10.0.0.1")
    assert throttle.wait("somebody else", "10.0.0.1") == timedelta(seconds=2)
    assert throttle.wait("somebody else", "10.0.0.2") == timedelta(0)


def test_success_forgives_the_name_but_not_the_address(throttle: LoginThrottle) -> None:
    for _ in range(BY_ADDRESS.free):
        throttle.attempt("kim", "10.0.0.1")
    throttle.attempt("kim", "10.0.0.1")
    throttle.succeeded("kim", "10.0.0.1")
    assert throttle.wait("kim", "10.0.0.2") == timedelta(0)
    assert throttle.wait("kim", "10.0.0.1") == timedelta(seconds=1)


def test_an_hour_later_all_is_forgotten(throttle: LoginThrottle, clock: ManualClock) -> None:
    for _ in range(100):
        throttle.attempt("kim", "10.0.0.1")
    assert throttle.wait("kim", "10.0.0.1") == BY_ADDRESS.ceiling
    clock.advance(timedelta(hours=1, seconds=1))
    throttle.attempt("kim", "10.0.0.1")
    assert throttle.wait("kim", "10.0.0.1") == timedelta(0)


def test_memory_is_bounded(throttle: LoginThrottle) -> None:
    for n in range(6_000):
        throttle.attempt(f"user {n}", f"10.0.{n // 256}.{n % 256}")
    assert len(throttle._failures) == 10_000
