"""What the broker kept while nobody listened: after a start, nothing is judged before it has come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from runtime.clock import Clock, from_ms

AGE = timedelta(minutes=2)
"""Rows younger than this are as new as live ones."""

PATIENCE_S = 10.0
"""How long nothing newer may come before the backlog is taken to be over."""


class Backlog:
    """Watches the time of the newest row (``newest_ms``, None before the first) catch up with ``clock``.

    Without this a service that was down for two hours would settle them as missing, wake people for it, and
    correct it all a minute later.
    """

    def __init__(
        self, newest_ms: Callable[[], int | None], clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self._newest_ms, self._clock, self._patience_s = newest_ms, clock, patience_s
        self.over = False

    async def wait(self) -> None:
        """Return once rows are as new as the clock, or nothing newer has come for a while; then always."""
        seen: int | None = None
        while not self.over:
            newest = self._newest_ms()
            fresh = newest is not None and self._clock.now() - from_ms(newest) < AGE
            self.over = fresh or newest is None or newest == seen
            seen = newest
            if not self.over:
                await asyncio.sleep(self._patience_s)
