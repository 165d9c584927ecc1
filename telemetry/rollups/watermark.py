"""The watermark: up to when rows are taken to have come, so that the minutes before it can close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.clock import MILLISECOND, to_ms
from telemetry.rollup import MINUTE_MS


@dataclass(frozen=True)
class Watermark:
    """Follows the times of the rows, ``grace`` behind the newest of them.

    So a recording or a backlog is rolled up as fast as it comes. Rows ahead of the wall clock move it only as
    far as the wall clock: a publisher whose clock is wrong closes no minute of the others. What comes behind
    the watermark is late, and is mended.
    """

    grace: timedelta

    def closing_ms(self, newest_ms: int, now: datetime) -> int:
        """Minutes that start before this close once a row of ``newest_ms`` has come."""
        reached = min(newest_ms, to_ms(now))
        return (reached - self.grace // MILLISECOND) // MINUTE_MS * MINUTE_MS

    def crowded_ms(self, newest_ms: int) -> int:
        """The same where there is no room to wait: also the minute of the newest row."""
        return newest_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS

    def idle_ms(self, newest_open_ms: int, now: datetime) -> int:
        """The same where nothing comes any more: what has rows closes, but nothing that may be on its way."""
        return min(newest_open_ms + MINUTE_MS, self.closing_ms(to_ms(now), now))
