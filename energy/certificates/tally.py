"""Claims of one site added up: any number of periods within what was read, each by two look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from energy.certificates.claims import Claim, Claimed, spread
from energy.certificates.states import ClaimState
from energy.interval import QUARTER_MS, Period
from runtime.clock import to_ms

Sums = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Counted:
    """Of one period, whole Wh: what cancelled certificates add, and what allocated ones would.

    ``proven_wh`` is what cancelled ones prove of the site's own supplies, which adds nothing; ``proofs`` of
    how many plants and periods of consumption.

    ``left`` is how many allocations still wait for their cancellation, also of those that add nothing.
    """

    cancelled_wh: int = 0
    pending_wh: int = 0
    left: int = 0
    proven_wh: int = 0
    proofs: int = 0


class Tally:
    """Sums over ``claimed``; its period begins and ends on quarter-hours."""

    def __init__(self, claimed: Claimed) -> None:
        self._over = claimed.over
        self._first = to_ms(claimed.over.start) // QUARTER_MS
        self._untimed = [claim for claim in claimed.claims if not claim.timed]
        timed = [claim for claim in claimed.claims if claim.timed]
        adding = [claim for claim in timed if claim.adds]
        self._cancelled, self._pending = (self._sums(adding, state) for state in ("cancelled", "allocated"))
        self._proven = self._sums([claim for claim in timed if claim.proven], "cancelled")
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
            sum(claim.wh for claim in within if claim.proven) + int(self._proven[high] - self._proven[low]),
            len({(claim.supply, claim.start) for claim in within if claim.proven}),
        )

    def _sums(self, claims: list[Claim], state: ClaimState) -> Sums:
        """Wh up to each quarter."""
        quarters = -(-to_ms(self._over.end) // QUARTER_MS) - self._first
        column = np.zeros(quarters)
        for claim in claims:
            if claim.state == state:
                spread(claim, self._first, column)
        found: Sums = np.concatenate([[0.0], column.cumsum()]).astype(np.int64)
        return found

    def _place(self, at: datetime) -> int:
        place = -(-to_ms(at) // QUARTER_MS) - self._first
        return max(0, min(place, len(self._cancelled) - 1))


def _adding(claims: list[Claim], state: ClaimState) -> int:
    return sum(claim.wh for claim in claims if claim.state == state and claim.adds)
