"""Claims of one site added up: any number of periods within what was read, each by two look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from energy.certificates.claims import Claim, Claimed, ClaimState, spread
from energy.interval import QUARTER_MS, Period
from runtime.clock import to_ms

Sums = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Counted:
    """Of one period, whole Wh: what cancelled certificates add, and what allocated ones would.

    ``left`` is how many allocations still wait for their cancellation, also of those that add nothing.
    """

    cancelled_wh: int = 0
    pending_wh: int = 0
    left: int = 0


class Tally:
    """Sums over ``claimed``; its period begins and ends on quarter-hours."""

    def __init__(self, claimed: Claimed) -> None:
        self._over = claimed.over
        self._first = to_ms(claimed.over.start) // QUARTER_MS
        self._untimed = [claim for claim in claimed.claims if not claim.timed]
        timed = [claim for claim in claimed.claims if claim.timed]
        self._cancelled, self._pending = (self._sums(timed, state) for state in ("cancelled", "allocated"))
        self._waiting = [claim for claim in timed if claim.state == "allocated"]

    def of(self, period: Period) -> Counted:
        """What counts in ``period``: of untimed ones those that are for no more than it."""
        low, high = self._place(period.start), self._place(period.end)
        within = [c for c in self._untimed if period.start <= c.start and c.end <= period.end]
        waiting = [c for c in self._waiting if c.start < period.end and c.end > period.start]
        return Counted(
            _adding(within, "cancelled") + int(self._cancelled[high] - self._cancelled[low]),
            _adding(within, "allocated") + int(self._pending[high] - self._pending[low]),
            sum(claim.state == "allocated" for claim in within) + len(waiting),
        )

    def _sums(self, claims: list[Claim], state: ClaimState) -> Sums:
        """Wh up to each quarter."""
        quarters = -(-to_ms(self._over.end) // QUARTER_MS) - self._first
        column = np.zeros(quarters)
        for claim in claims:
            if claim.state == state and claim.adds:
                spread(claim, self._first, column)
        found: Sums = np.concatenate([[0.0], column.cumsum()]).astype(np.int64)
        return found

    def _place(self, at: datetime) -> int:
        place = -(-to_ms(at) // QUARTER_MS) - self._first
        return max(0, min(place, len(self._cancelled) - 1))


def _adding(claims: list[Claim], state: ClaimState) -> int:
    return sum(claim.wh for claim in claims if claim.state == state and claim.adds)
