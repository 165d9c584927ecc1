"""The completeness ledger as people and rules read it: what was expected, what came, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from runtime.clock import from_ms, to_ms
from telemetry.completeness import Completeness
from telemetry.completeness_stored import StoredHours
from telemetry.frame import Floats, Millis
from telemetry.intake import COMPLETENESS, COUNTS, NOBODY
from telemetry.intake_account import IntakeAccount
from telemetry.intake_sources import Numbers
from telemetry.intake_tally import HOUR_MS
from telemetry.reason import REASONS


@dataclass(frozen=True)
class SourceHour:
    """One source in one hour (UTC).

    Messages: ``expected``, ``received``, ``missed`` by the publisher's counter, ``missing``, ``unstamped``.
    Rows: ``rows`` were not refused; of those ``duplicate`` had been stored before and ``late`` came after
    newer ones. ``rejected`` counts whole messages, and single rows where only those were at fault.
    ``missing`` is what the cadence or the publisher's counter shows to be lost, whichever is more; it and
    ``expected`` are None where nobody knows. The source ``""`` is what no known device told.
    """

    source: str
    hour: datetime
    expected: int | None
    received: int
    rows: int
    late: int
    duplicate: int
    rejected: Mapping[str, int]
    missing: int | None
    missed: int
    unstamped: int
    session_gaps: int


class CompletenessView(Protocol):
    """The ledger as the windows see it."""

    async def lines(
        self, start: datetime, end: datetime, wanted: Callable[[str], bool]
    ) -> Sequence[SourceHour]:
        """The hours with ``start <= hour < end`` of the sources whose name is wanted, by name, then hour."""
        ...

    def shares(self, at: datetime) -> Mapping[str, Sequence[int]]:
        """By source, how full the 24 hours up to that of ``at`` are: :mod:`telemetry.completeness_book`."""
        ...


class CompletenessLines:
    """Implements :class:`CompletenessView`: what is stored, and over it what memory holds."""

    def __init__(self, ledger: Completeness, stored: StoredHours, account: IntakeAccount) -> None:
        self._ledger = ledger
        self._stored = stored
        self._account = account

    async def lines(
        self, start: datetime, end: datetime, wanted: Callable[[str], bool]
    ) -> Sequence[SourceHour]:
        """See :class:`CompletenessView`. Raises StoreError."""
        found: dict[tuple[int, int], dict[str, float]] = {}
        chosen: dict[int, bool] = {}

        def take(sources: Numbers, hours: Millis, columns: Mapping[str, Floats]) -> None:
            values = zip(*(columns[name].tolist() for name in COMPLETENESS.field_names), strict=True)
            for source, hour, row in zip(sources.tolist(), hours.tolist(), values, strict=True):
                if source not in chosen:
                    chosen[source] = wanted(self._name(source))
                if chosen[source]:
                    found[source, hour] = dict(zip(COMPLETENESS.field_names, row, strict=True))

        async for sources, hours, columns in self._stored.rows(start, end):
            take(sources, hours, columns)
        for sources, hour, columns in self._ledger.now():
            if start <= from_ms(hour) < end:
                take(sources, np.full(len(sources), hour), columns)
        repeats = await self._repeats(start, end)
        lines = [self._line(key, row, repeats.pop(key, 0.0)) for key, row in found.items()]
        return sorted(lines, key=lambda one: (one.source, one.hour))

    def shares(self, at: datetime) -> Mapping[str, Sequence[int]]:
        """See :class:`CompletenessView`."""
        numbers = np.arange(1, len(self._account.sources))
        shares = self._ledger.history.shares(numbers, to_ms(at) // HOUR_MS * HOUR_MS)
        names = map(self._account.sources.name, numbers.tolist())
        return dict(zip(names, shares.tolist(), strict=True))

    async def _repeats(self, start: datetime, end: datetime) -> dict[tuple[int, int], float]:
        summed: dict[tuple[int, int], float] = {}
        sources, hours, rows = await self._stored.repeats(start, end)
        for source, hour, count in zip(sources.tolist(), hours.tolist(), rows.tolist(), strict=True):
            summed[source, hour] = summed.get((source, hour), 0.0) + count
        return summed

    def _name(self, source: int) -> str:
        name = self._account.sources.name(source)
        return "" if name == NOBODY else name

    def _line(self, key: tuple[int, int], row: Mapping[str, float], again: float) -> SourceHour:
        count = {name: 0 if np.isnan(row[name]) else round(row[name]) for name in COUNTS}
        duplicate = count["repeated"] + round(again)
        expected = None if np.isnan(row["expected"]) else round(row["expected"])
        return SourceHour(
            self._name(key[0]),
            from_ms(key[1]),
            expected,
            count["received"],
            count["rows"],
            max(0, count["not_newer"] - duplicate),
            duplicate,
            dict(_rejected(count)),
            _missing(expected, count, duplicate),
            count["missed"],
            count["unstamped"],
            count["session_gaps"],
        )


def _rejected(count: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for reason in REASONS:
        if count[f"rejected_{reason}"]:
            yield reason, count[f"rejected_{reason}"]


def _missing(expected: int | None, count: Mapping[str, int], duplicate: int) -> int | None:
    """Messages lost. One that came again is one: of the received as many count as rows were new."""
    if expected is None:
        return count["missed"] or None
    new = 1.0 if not count["rows"] else max(0.0, 1 - duplicate / count["rows"])
    return max(0, expected - round(new * count["received"]), count["missed"])
