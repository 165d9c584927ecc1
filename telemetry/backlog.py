"""What the broker kept while nobody listened: after a start, nothing is judged before it has come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from runtime.clock import Clock, from_ms

AGE = timedelta(minutes=2)
"""Rows younger than this are as new as live ones."""

PATIENCE_S = 10.0
"""How long nothing newer may come from a connected broker before the backlog is taken to be over."""

NO_BROKER_S = 300.0
"""How long a broker that delivers nothing may be gone before it is judged without what it keeps.

After a power cut it may start minutes after us; people must hear of one that does not come back at all.
"""


class Backlog:
    """Watches the time of the newest row (``newest_ms``, None before the first) catch up with ``clock``.

    Without this a service that was down for two hours would settle them as missing, wake people for it, and
    correct it all a minute later. ``connected`` says whether the broker can deliver now: only then does
    silence mean that it has nothing more.
    """

    def __init__(
        self,
        newest_ms: Callable[[], int | None],
        clock: Clock,
        connected: Callable[[], bool],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._newest_ms, self._clock, self._connected = newest_ms, clock, connected
        self._patience_s = patience_s
        self.over = False

    async def wait(self) -> None:
        """Return once rows are as new as the clock, nothing newer came from the broker for a while, or it
        was gone for :data:`NO_BROKER_S`; then always."""
        looks = round(NO_BROKER_S / PATIENCE_S)
        quiet, seen, without = False, None, 0
        while not self.over:
            newest, listening = self._newest_ms(), self._connected()
            fresh = newest is not None and self._clock.now() - from_ms(newest) < AGE
            silent = quiet and listening and newest == seen
            self.over = fresh or newest is None or silent or without >= looks
            without = 0 if newest != seen else without + (not listening)
            quiet, seen = listening, newest
            if not self.over:
                await asyncio.sleep(self._patience_s)
