"""The completeness ledger as people and rules read it: what was expected, what came, what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from runtime.clock import from_ms, to_ms
from telemetry.completeness_book import SourceHistory
from telemetry.completeness_stored import HourRows, StoredHours
from telemetry.expectation import came
from telemetry.frame import Floats, Mask
from telemetry.intake import ADDED, COMPLETENESS, is_nobody
from telemetry.intake_sources import IntakeSources, Numbers
from telemetry.intake_tally import HOUR_MS
from telemetry.reason import REASONS


@dataclass(frozen=True)
class SourceHour:
    """One source in one hour (UTC).

    Messages: ``expected``, ``received``, ``missed`` by the publisher's counter, ``missing``, ``unstamped``.
    Rows: ``rows`` were not refused; of those ``duplicate`` had been stored before and ``late`` came after
    newer ones. ``rejected`` counts whole messages, and single rows where only those were at fault.
    Of ``kept`` messages something new was: those received less what was refused whole and what came again.
    ``missing`` is what is ``expected`` and not kept, or what the publisher's counter shows to be lost,
    whichever is more; it and ``expected`` are None where nobody knows. The source ``""`` is what no known
    device told, to whichever process.
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
    kept: int


class CompletenessView(Protocol):
    """The ledger as the windows see it."""

    async def lines(
        self,
        start: datetime,
        end: datetime,
        wanted: Callable[[str], bool] | None = None,
        only: Collection[str] | None = None,
    ) -> Sequence[SourceHour]:
        """The hours with ``start <= hour < end``, by name, then hour.

        Of all sources, of those whose name is ``wanted``, or ``only`` of these. Raises StoreError.
        """
        ...

    def shares(self, at: datetime) -> Mapping[str, Sequence[int]]:
        """By source, how full the 24 hours up to that of ``at`` are: :mod:`telemetry.completeness_book`."""
        ...


class Counted(Protocol):
    """What the lines need of :class:`telemetry.completeness.Completeness`."""

    @property
    def history(self) -> SourceHistory:
        """What is known of each source over the last hours."""
        ...

    def now(self) -> Iterator[tuple[Numbers, int, dict[str, Floats]]]:
        """Sources, hour and columns of what memory holds."""
        ...


class Named(Protocol):
    """What the lines need of :class:`telemetry.intake_account.IntakeAccount`."""

    @property
    def sources(self) -> IntakeSources:
        """The names of all sources."""
        ...


class CompletenessLines:
    """Implements :class:`CompletenessView`: what is stored, and over it what memory holds."""

    def __init__(self, ledger: Counted, stored: StoredHours, account: Named) -> None:
        self._ledger = ledger
        self._stored = stored
        self._account = account

    async def lines(
        self,
        start: datetime,
        end: datetime,
        wanted: Callable[[str], bool] | None = None,
        only: Collection[str] | None = None,
    ) -> Sequence[SourceHour]:
        """See :class:`CompletenessView`."""
        names = None if only is None else self._stored_as(only)
        rows = [one async for one in self._stored.rows(start, end, only=names)]
        for sources, hour, columns in self._ledger.now():
            if start <= from_ms(hour) < end:
                rows.append((sources, np.full(len(sources), hour), columns))
        repeats = await self._repeats(start, end)
        known = [self._name(number) for number in range(len(self._account.sources))]
        chosen = [(wanted is None or wanted(name)) and (only is None or name in only) for name in known]
        # A day of a gigafactory is 300,000 rows: the event loop has others to serve meanwhile.
        return await asyncio.to_thread(_lines, rows, repeats, known, np.array(chosen, dtype=np.bool_))

    def shares(self, at: datetime) -> Mapping[str, Sequence[int]]:
        """See :class:`CompletenessView`."""
        numbers = np.arange(1, len(self._account.sources))
        shares = self._ledger.history.shares(numbers, to_ms(at) // HOUR_MS * HOUR_MS)
        names = map(self._name, numbers.tolist())
        return {name: told for name, told in zip(names, shares.tolist(), strict=True) if name}

    async def _repeats(self, start: datetime, end: datetime) -> dict[tuple[int, int], float]:
        summed: dict[tuple[int, int], float] = {}
        sources, hours, rows = await self._stored.repeats(start, end)
        for source, hour, count in zip(sources.tolist(), hours.tolist(), rows.tolist(), strict=True):
            summed[source, hour] = summed.get((source, hour), 0.0) + count
        return summed

    def _name(self, source: int) -> str:
        name = self._account.sources.name(source)
        return "" if is_nobody(name) else name

    def _stored_as(self, only: Collection[str]) -> list[str]:
        """Names under which sources are stored: each process has a nobody of its own."""
        if "" not in only:
            return list(only)
        every = map(self._account.sources.name, range(len(self._account.sources)))
        return [*filter(None, only), *filter(is_nobody, every)]


def _lines(
    rows: Sequence[HourRows], repeats: Mapping[tuple[int, int], float], known: Sequence[str], chosen: Mask
) -> list[SourceHour]:
    """A line of each source and hour that is chosen; of two rows the later one counts."""
    found: dict[tuple[int, int], Sequence[float]] = {}
    for sources, hours, columns in rows:
        mine = chosen[sources]
        values = zip(*(columns[name][mine].tolist() for name in COMPLETENESS.field_names), strict=True)
        for source, hour, row in zip(sources[mine].tolist(), hours[mine].tolist(), values, strict=True):
            found[source, hour] = row
    unnamed: dict[int, list[Sequence[float]]] = {}
    for key in [key for key in found if not known[key[0]]]:
        unnamed.setdefault(key[1], []).append(found.pop(key))
    lines = [_line(known[key[0]], key[1], row, repeats.get(key, 0.0)) for key, row in found.items()]
    lines += [
        _line("", hour, _summed(several), repeats.get((0, hour), 0.0)) for hour, several in unnamed.items()
    ]
    return sorted(lines, key=lambda one: (one.source, one.hour))


def _summed(rows: Sequence[Sequence[float]]) -> Sequence[float]:
    """What no known device told to any process; nobody in particular has no cadence."""
    if len(rows) == 1:
        return rows[0]
    summed: list[float] = np.where(np.isnan(rows).all(axis=0), np.nan, np.nansum(rows, axis=0)).tolist()
    return summed


def _line(source: str, hour: int, row: Sequence[float], again: float) -> SourceHour:
    told = dict(zip(COMPLETENESS.field_names, row, strict=True))
    count = {name: 0 if told[name] != told[name] else round(told[name]) for name in ADDED}
    duplicate = count["repeated"] + round(again)
    expected = None if told["expected"] != told["expected"] else round(told["expected"])
    kept = _kept(count, duplicate)
    lost = None if expected is None else max(0, expected - kept, count["missed"])
    return SourceHour(
        source,
        from_ms(hour),
        expected,
        count["received"],
        count["rows"],
        max(0, count["not_newer"] - duplicate),
        duplicate,
        dict(_rejected(count)),
        count["missed"] or None if expected is None else lost,
        count["missed"],
        count["unstamped"],
        count["session_gaps"],
        kept,
    )


def _rejected(count: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for reason in REASONS:
        if count[f"rejected_{reason}"]:
            yield reason, count[f"rejected_{reason}"]


def _kept(count: Mapping[str, int], duplicate: int) -> int:
    """Messages of which something new was kept."""
    if not count["refused"] and not duplicate:
        return count["received"]
    counts = {name: np.array([float(count[name])]) for name in ("received", "refused", "rows")}
    return round(float(came(counts, np.array([float(duplicate)]))[0]))
