"""The only place that reads the clock. Everything else is handed ``at`` or a :class:`Clock`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Unix time of an aware ``at`` in whole milliseconds, exactly (no float in between)."""
    return (at - EPOCH) // MILLISECOND


def from_ms(ms: int) -> datetime:
    """The UTC time of ``ms`` milliseconds since 1970."""
    return EPOCH + ms * MILLISECOND


class Clock(Protocol):
    """What time the service believes it is."""

    def now(self) -> datetime:
        """Aware UTC time."""
        ...

    def monotonic(self) -> timedelta:
        """Time since some moment in the past, for how long something lasts.

        It neither jumps nor runs backwards when the machine's clock is set.
        """
        ...

    async def sleep_until(self, at: datetime) -> None:
        """Return once ``now() >= at``; at once if it is already."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> timedelta:
        return timedelta(seconds=time.monotonic())

    async def sleep_until(self, at: datetime) -> None:
        # Short naps: a wall clock that is set forward must not oversleep a schedule.
        while (left := (at - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - no event: time passes
            await asyncio.sleep(min(left, 30.0))


class ManualClock:
    """A clock that a test moves by hand: time passes by :meth:`advance`, :meth:`set` sets the clock."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._passed = timedelta()
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> timedelta:
        return self._passed

    def advance(self, by: timedelta) -> None:
        """Let time pass and wake whoever waits."""
        self._passed += by
        self.set(self._now + by)

    def set(self, at: datetime) -> None:
        """Jump to ``at``, as a clock that is set, and wake whoever waits."""
        self._now = at
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep_until(self, at: datetime) -> None:
        while self._now < at:
            await self._moved.wait()


class ReplayClock(ManualClock):
    """Follows the newest timestamp seen on the wire, so a recorded month plays as fast as it arrives.

    Time never runs backwards, never passes the machine's clock, and becomes the machine's clock for good
    once :meth:`go_live` is called.
    """

    def __init__(self, start: datetime, wall: Clock | None = None) -> None:
        super().__init__(start)
        self._wall = wall or SystemClock()
        self.live = False

    def now(self) -> datetime:
        return self._wall.now() if self.live else self._now

    def monotonic(self) -> timedelta:
        return self._wall.monotonic()

    def observe(self, at: datetime) -> None:
        """A reading of time ``at`` is safely in the journal."""
        if not self.live and at > self._now:
            self.set(min(at, self._wall.now()))

    def go_live(self) -> None:
        """The recording has ended: from here on this is the machine's clock."""
        self.live = True
        self.set(self._wall.now())

    async def sleep_until(self, at: datetime) -> None:
        while not self.live and self._now < at:
            await self._moved.wait()
        if self.live:
            await self._wall.sleep_until(at)
