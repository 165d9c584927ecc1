"""Slows down guessing at the login, by name and by address."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.clock import Clock


@dataclass(frozen=True)
class Pace:
    """After ``free`` failures in a row wait 1 s, then twice as long each time, up to ``ceiling``."""

    free: int
    ceiling: timedelta

    def pause(self, failures: int) -> timedelta:
        """How long to wait after so many failures in a row."""
        if failures < self.free:
            return timedelta(0)
        return min(self.ceiling, timedelta(seconds=2 ** min(failures - self.free, 30)))


BY_NAME = Pace(5, timedelta(seconds=30))
"""Low ceiling: whoever knows a name must not be able to lock its owner out."""

BY_ADDRESS = Pace(20, timedelta(minutes=15))
"""Many people may share an address, so more mistakes are free, but a guesser soon stands still."""

_KEPT = 10_000
_FORGET_AFTER = timedelta(hours=1)


class LoginThrottle:
    """Remembers failures of the last hour, in memory and bounded.

    An attempt counts as failed from its beginning until it succeeds, so that a thousand at once gain nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def wait(self, name: str, address: str) -> timedelta:
        """How long this login must still wait; zero when it may try."""
        return max(self._wait(f"name {name}", BY_NAME), self._wait(f"from {address}", BY_ADDRESS))

    def attempt(self, name: str, address: str) -> None:
        """One more attempt, wrong until :meth:`succeeded`."""
        now = self._clock.now()
        for key in (f"name {name}", f"from {address}"):
            count, _ = self._recent(key)
            self._failures[key] = (count + 1, now)
            self._failures.move_to_end(key)
        while len(self._failures) > _KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """The right password: this name's failures are forgiven, of the address's only this attempt."""
        self._failures.pop(f"name {name}", None)
        count, last = self._recent(f"from {address}")
        self._failures[f"from {address}"] = (max(0, count - 1), last)

    def _wait(self, key: str, pace: Pace) -> timedelta:
        count, last = self._recent(key)
        return max(timedelta(0), last + pace.pause(count) - self._clock.now()) if count else timedelta(0)

    def _recent(self, key: str) -> tuple[int, datetime]:
        now = self._clock.now()
        count, last = self._failures.get(key, (0, now))
        return (0, now) if now - last > _FORGET_AFTER else (count, last)
