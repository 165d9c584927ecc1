"""Delays grow, differ and stop growing; what may pass is tried again, what may not is raised."""

from __future__ import annotations

import pytest

from runtime.backoff import CEILING_S, Backoff, insist
from runtime.errors import ConfigError, StoreError


def test_delays_double_up_to_the_ceiling_with_jitter() -> None:
    backoff = Backoff(first=1.0, ceiling=4.0)
    for step in (1.0, 2.0, 4.0, 4.0):
        assert step / 2 <= backoff.next() <= step
    backoff.reset()
    assert backoff.next() <= 1.0


def test_delays_stay_below_the_ceiling_for_ever() -> None:
    backoff = Backoff()
    assert max(backoff.next() for _ in range(5_000)) <= CEILING_S
    assert backoff.next() >= CEILING_S / 2


class Flaky:
    """Fails so many times with ``error``, then works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    async def work(self) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error


async def test_what_may_pass_is_tried_again() -> None:
    flaky = Flaky(3, StoreError("gone"))
    await insist(flaky.work, (StoreError,), attempts=4, backoff=Backoff(first=0.0))
    assert flaky.calls == 4


async def test_the_last_attempt_tells_why() -> None:
    flaky = Flaky(9, StoreError("gone"))
    with pytest.raises(StoreError, match="gone"):
        await insist(flaky.work, (StoreError,), attempts=3, backoff=Backoff(first=0.0))
    assert flaky.calls == 3


async def test_what_cannot_pass_is_not_tried_again() -> None:
    flaky = Flaky(1, ConfigError(["wrong"]))
    with pytest.raises(ConfigError):
        await insist(flaky.work, (StoreError,), backoff=Backoff(first=0.0))
    assert flaky.calls == 1
