"""What the stored hours of the completeness ledger tell of sources: how full they were, who is expected."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from runtime.clock import from_ms, to_ms
from telemetry.cadence import Cadences
from telemetry.completeness_book import FORGET, HOURS, SourceHistory
from telemetry.completeness_stored import StoredHours
from telemetry.expectation import came
from telemetry.frame import Floats
from telemetry.intake_sources import Numbers
from telemetry.intake_tally import HOUR_MS

FIELDS = ("received", "refused", "rows", "repeated", "expected")
"""Columns that tell how full an hour was."""


class Repeats:
    """Rows that the store had before, by source, of the last hours: only the store finds them."""

    def __init__(self, stored: StoredHours) -> None:
        self._stored = stored
        self._rows: dict[int, Floats] = {}

    def of(self, hour: int, sources: Numbers) -> Floats:
        """float64[n], rows of ``sources`` in ``hour`` that the store found; 0 of older hours."""
        known = self._rows.get(hour)
        found = np.zeros(len(sources))
        if known is not None:
            there = sources < len(known)
            found[there] = known[sources[there]]
        return found

    async def refresh(self, now_ms: int) -> list[int]:
        """Ask the store; tells the hours of which it knows others than before. Raises StoreError."""
        first = now_ms // HOUR_MS * HOUR_MS - (HOURS - 1) * HOUR_MS
        sources, hours, rows = await self._stored.repeats(from_ms(first), from_ms(now_ms + HOUR_MS))
        ours = sources > 0
        told: dict[int, Floats] = {}
        for hour in np.unique(hours[ours]).tolist():
            mine = ours & (hours == hour)
            told[hour] = np.bincount(sources[mine], rows[mine]).astype(np.float64)
        before, self._rows = self._rows, told
        return [hour for hour in told if not np.array_equal(told[hour], before.get(hour, ()))]


async def note_stored(
    history: SourceHistory, stored: StoredHours, repeats: Repeats, start: datetime, end: datetime
) -> None:
    """Note in ``history`` how full the stored hours in [start, end) were. Raises StoreError."""
    rows = [one async for one in stored.rows(start, end, FIELDS)]
    for sources, hours, columns in rows:
        counts = {name: np.nan_to_num(columns[name]) for name in FIELDS}
        for hour in np.unique(hours).tolist():
            one = hours == hour
            mine = {name: column[one] for name, column in counts.items()}
            new = came(mine, mine["repeated"] + repeats.of(hour, sources[one]))
            history.grow(int(sources.max()) + 1)
            history.note(hour, sources[one], new, columns["expected"][one])


async def remember(history: SourceHistory, stored: StoredHours, cadences: Cadences, newest_ms: int) -> None:
    """Since when sources speak, when they last did and how often, by the hours up to ``newest_ms``.

    Raises StoreError.
    """
    end = from_ms(newest_ms + HOUR_MS)
    sources, hours, columns = await stored.latest(end - FORGET, end)
    history.grow(int(sources.max(initial=-1)) + 1)
    cadences.recall(sources, columns["period_ms"])
    history.keep_pace(sources, columns["period_ms"])
    never = np.isnan(columns["silent"])
    for hour in np.unique(hours[never]).tolist():
        history.expect(sources[never & (hours == hour)], hour)
    sources, hours = sources[~never], hours[~never]
    silent, from_ms_ = columns["silent"][~never], columns["from_ms"][~never]
    last = hours - silent.astype(np.int64) * HOUR_MS
    since = np.where(last == hours, np.nan_to_num(from_ms_), 0.0)
    for hour in np.unique(last).tolist():
        mine = last == hour
        history.heard(sources[mine], hour, since[mine])


def day_until(at: datetime) -> tuple[datetime, datetime]:
    """The hours whose shares are kept: those up to the hour of ``at``."""
    end = to_ms(at) // HOUR_MS * HOUR_MS + HOUR_MS
    return from_ms(end - HOURS * HOUR_MS), from_ms(end)
