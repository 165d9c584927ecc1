"""Cumulative registers: exact integer sums over a fixed grid of minutes, straight lines in between."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock

import numpy as np

from runtime.clock import from_ms
from runtime.errors import ServiceError
from simulator.noise import DAY_MS, MINUTE_MS, Ints

_KEPT_DAYS = 48
_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True)
class Grid:
    """One UTC day: ``rate`` per minute, and ``before`` it the sum of that day; both (rows, 1440)."""

    rate: Ints
    before: Ints


@dataclass(frozen=True)
class Reading:
    """Rates at some times, and what they have summed up to since the epoch; arrays of shape (rows, times).

    The sum is ``whole`` (rate x minutes) plus ``rate`` x ``within_ms`` of the minute that has begun.
    """

    rate: Ints
    whole: Ints
    within_ms: Ints

    def per_hour(self) -> Ints:
        """The sum in rate-hours, rounded down: Wh for W, litres for litres an hour."""
        rest: Ints = (self.whole % 60) * MINUTE_MS + self.rate * self.within_ms
        count: Ints = self.whole // 60 + rest // _MS_PER_HOUR
        return count


class Registers:
    """Sums up what ``compute`` (day number -> rates of shape (rows, 1440)) gives, from the epoch on.

    Sums are integers, so the answer is the same however and in whatever order it is asked for. Days are kept
    while they are in use; the totals of all days passed stay.
    """

    def __init__(self, epoch_ms: int, compute: Callable[[int], Ints]) -> None:
        if epoch_ms % DAY_MS:
            raise ServiceError("a simulator's epoch must be a midnight UTC; round it down to the day")
        self.epoch_ms = epoch_ms
        self._first = epoch_ms // DAY_MS
        self._compute = compute
        self._grids: OrderedDict[int, Grid] = OrderedDict()
        self._totals: list[Ints] = []
        self._lock = RLock()  # a history is computed in a thread beside the live readings

    def _grid(self, day: int) -> Grid:
        found = self._grids.get(day)
        if found is None:
            rate = self._compute(day)
            found = Grid(rate, np.cumsum(rate, axis=1) - rate)
            self._grids[day] = found
            if len(self._grids) > _KEPT_DAYS:
                self._grids.popitem(last=False)
        self._grids.move_to_end(day)
        return found

    def read(self, rows: Sequence[int] | Ints, times_ms: Ints) -> Reading:
        """Rates and sums of some rows at some times. Raises ServiceError for a time before the epoch."""
        if len(times_ms) and int(times_ms.min()) < self.epoch_ms:
            raise ServiceError(
                f"the simulator knows nothing before its epoch {from_ms(self.epoch_ms).isoformat()}; "
                "choose an earlier epoch"
            )
        which = np.asarray(rows, dtype=np.int64)
        rate = np.empty((len(which), len(times_ms)), dtype=np.int64)
        whole = np.empty_like(rate)
        days = times_ms // DAY_MS
        for day in np.unique(days):
            mine = np.flatnonzero(days == day)
            minute = (times_ms[mine] - day * DAY_MS) // MINUTE_MS
            with self._lock:
                grid, total = self._grid(int(day)), self._total(int(day))
            cell = np.ix_(which, minute)
            rate[:, mine] = grid.rate[cell]
            whole[:, mine] = grid.before[cell] + total[which][:, None]
        return Reading(rate, whole, times_ms % MINUTE_MS)

    def _total(self, day: int) -> Ints:
        while len(self._totals) <= day - self._first:
            if not self._totals:
                self._totals.append(np.zeros(len(self._grid(self._first).rate), dtype=np.int64))
                continue
            last = self._grid(self._first + len(self._totals) - 1)
            self._totals.append(self._totals[-1] + last.before[:, -1] + last.rate[:, -1])
        return self._totals[day - self._first]
