"""The completeness ledger: sums what the journal tells of every batch into hours, and stores them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np
import structlog

from runtime.clock import Clock, to_ms
from runtime.errors import StoreError
from telemetry.completeness_book import FORGET, SourceHistory
from telemetry.completeness_hour import HourTable
from telemetry.completeness_memory import Repeats, day_until, note_stored, remember
from telemetry.completeness_state import LedgerState
from telemetry.completeness_stored import StoredHours
from telemetry.expectation import TOLD, Asked, Known, came, expectation
from telemetry.follower import Follower
from telemetry.frame import Floats, Frame
from telemetry.intake import COMPLETENESS, INTAKE
from telemetry.intake_account import IntakeAccount
from telemetry.intake_sources import NOT_ONE, Numbers
from telemetry.intake_tally import HOUR_MS
from telemetry.journal import Journal

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)
"""How often changed hours are stored."""

GRACE = timedelta(minutes=2)
"""How long after its end an hour waits for messages that are on their way."""

_SHARE = 4
"""Changes are stored early when the journal keeps more than one part in so many for them alone."""

_MS = timedelta(milliseconds=1)

MOST_CELLS = 16_000_000
"""Numbers kept of open hours, 8 bytes each; beyond that they are stored and let go of early."""


class Completeness:
    """A sink of the journal that also writes to it: the hours so far, and where in the journal that is.

    Both in one transaction, so after a kill nothing is counted twice. An hour that was stored and has left
    memory is read back before anything is added to it, once ``reader`` has brought the store there.
    """

    name = "completeness"

    def __init__(
        self, journal: Journal, reader: Follower, stored: StoredHours, account: IntakeAccount, clock: Clock
    ) -> None:
        self._journal, self._reader, self._stored = journal, reader, stored
        self._account, self._clock = account, clock
        self._state = LedgerState(journal)
        self._turn = asyncio.Lock()
        self._hours: dict[int, HourTable] = {}
        self._history = SourceHistory()
        self._repeats = Repeats(stored)
        self._position = 0
        self._since_ms = 0
        self._pending = False
        self.opened = False
        """Whether it counts: what was known of the sources has been read."""

    @property
    def safe(self) -> int:
        """The position up to which nothing is needed again."""
        return self._state.position if self._pending else self._position

    @property
    def hours(self) -> Mapping[int, HourTable]:
        """What memory holds, by the start of the hour in ms."""
        return self._hours

    @property
    def history(self) -> SourceHistory:
        """What is known of each source over the last hours."""
        return self._history

    def now(self) -> Iterator[tuple[Numbers, int, dict[str, Floats]]]:
        """Sources, hour and columns of what memory holds; of this hour also of who has said nothing yet.

        Hours of which a part is only in the store are left out: a minute later they are stored as a whole.
        """
        this = to_ms(self._clock.now()) // HOUR_MS * HOUR_MS
        hours = self._hours
        if this not in hours and this > self._state.newest_ms:
            hours = {**hours, this: HourTable(this, whole=True)}
        for table in [table for table in hours.values() if table.whole]:
            sources = table.there()
            if table.at_ms == this:
                sources = np.union1d(sources, self._alive(this))
            yield sources, table.at_ms, self._columns(table, sources)

    async def open(self) -> int:
        """Go on from what the journal knows, once the store has followed that far. Raises StoreError."""
        async with self._turn:
            self._hours, self._history, self._pending = {}, SourceHistory(), False
            self._position = max(self._state.position, self._journal.places.get(self.name, 0))
            now = self._clock.now()
            self._since_ms = to_ms(now)
            if newest := self._state.newest_ms:
                await self._reader.wait_for(self._journal.head)
                await remember(self._history, self._stored, self._account.cadences, newest)
                await self._repeats.refresh(self._since_ms)
                await note_stored(self._history, self._stored, self._repeats, *day_until(now))
            self._expect_configured()
            self._note_memory()
            self.opened = True
            return self._position

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Add what ``frames`` tell of the intake. Raises StoreError."""
        async with self._turn:
            await self._account.sources.learn()
            for frame in frames:
                if frame.measurement is INTAKE:
                    self._add(frame)
            self._position = position
            if self._holds_much():
                await self._store_changes()
            if sum(table.cells for table in self._hours.values()) > MOST_CELLS:
                await self._store_changes()
                self._let_go(0)

    async def run(self) -> None:
        """Store what has changed, every minute, until cancelled."""
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            try:
                await self.tend()
            except StoreError as error:
                log.warning("completeness_waits", error=str(error))

    async def tend(self) -> None:
        """Store what has changed, and the hours that have ended. Raises StoreError."""
        async with self._turn:
            if self.opened:
                await self._store_changes()
                await self._end_hours()
                self._note_memory()
                self._let_go(2)
                await self._note_repeats()

    async def close(self) -> None:
        """Nothing to release: what is not stored yet is counted again from the journal."""

    def _holds_much(self) -> bool:
        """Whether a minute of traffic is much of what the journal takes."""
        entries = max(1, self._journal.status().entries)
        mine = self._journal.held * (self._position - self.safe) / entries
        return mine * _SHARE > self._journal.limit_bytes

    def _add(self, frame: Frame) -> None:
        sources = self._account.sources.of_ids(frame.series)
        known = sources != NOT_ONE
        self._history.grow(len(self._account.sources))
        for hour in np.unique(frame.at_ms).tolist():
            mine = np.flatnonzero(known & (frame.at_ms == hour))
            counts = {name: np.nan_to_num(column[mine]) for name, column in frame.columns.items()}
            self._table(hour).add(sources[mine], counts)
            spoke = counts["received"] > 0 if "received" in counts else np.zeros(len(mine), dtype=np.bool_)
            spoke &= sources[mine] > 0
            since = frame.columns.get("from_ms")
            self._history.heard(sources[mine][spoke], hour, None if since is None else since[mine][spoke])
        self._pending = True

    def _table(self, hour: int) -> HourTable:
        table = self._hours.get(hour)
        if table is None:
            # What is newer than all that was ever stored needs no look at the store.
            table = self._hours[hour] = HourTable(hour, whole=hour > self._state.newest_ms)
        return table

    async def _store_changes(self) -> None:
        changed = [table for table in self._hours.values() if len(table.changed())]
        for table in changed:
            await self._make_whole(table)
        rows = [(table, table.changed()) for table in changed]
        told = [self._columns(table, sources) for table, sources in rows]
        frames = [self._frame(*one, columns) for one, columns in zip(rows, told, strict=True)]
        await self._state.write(frames, position=self._position)
        for (table, sources), columns in zip(rows, told, strict=True):
            table.stored(sources, columns)
            self._note(table.at_ms, sources, columns)
        self._pending = False

    async def _end_hours(self) -> None:
        """Also who was silent for the whole of an hour that has ended gets a row of it."""
        closed = self._state.closed_ms
        if not closed:
            closed = min([self._since_ms // HOUR_MS * HOUR_MS, *self._hours])
        now = to_ms(self._clock.now() - GRACE)
        closed = max(closed, (now - FORGET // _MS) // HOUR_MS * HOUR_MS)  # nobody is expected for longer
        while closed + HOUR_MS <= now:
            table = self._table(closed)
            await self._make_whole(table)
            sources = np.union1d(self._alive(closed), table.there())
            columns = self._columns(table, sources, self._history.silent_hours(sources, closed))
            frame = self._frame(table, sources, columns)
            await self._state.write([frame], closed_ms=closed + HOUR_MS)
            table.stored(sources, columns)
            self._history.keep_pace(sources, columns["period_ms"])
            self._note(closed, sources, columns)
            closed += HOUR_MS
            self._let_go(2)

    def _alive(self, hour: int) -> Numbers:
        """Who can be missed in ``hour``."""
        cadences = self._account.cadences
        alive = self._history.alive(hour, cadences.declared(len(self._account.sources)))
        return alive[~np.isnan(cadences.period_ms(alive))]

    def _columns(self, table: HourTable, sources: Numbers, silent: Floats | None = None) -> dict[str, Floats]:
        """All that is to be told of ``sources`` in the hour of ``table`` now."""
        counts, told, cadences = table.counts(sources), table.told(sources), self._account.cadences
        declared = cadences.declared_ms(sources)
        believed = cadences.period_ms(sources)
        believed[sources == 0] = np.nan  # nobody in particular has no cadence
        known = Known(
            declared_ms=declared,
            early_ms=cadences.early_ms(sources, table.at_ms + HOUR_MS),
            before_ms=self._history.pace(sources),
            now_ms=believed,
            since_ms=self._history.since(sources),
            silent=told["silent"] if silent is None else silent,
            told=told,
        )
        closed = table.at_ms < self._state.closed_ms
        hour = Asked(table.at_ms, to_ms(self._clock.now()), closed)
        return counts | expectation(hour, counts, known)

    def _frame(self, table: HourTable, sources: Numbers, columns: Mapping[str, Floats]) -> Frame:
        """The rows of ``sources`` as they are to be stored; a count that nobody ever had is left out."""
        there = table.columns.union(TOLD)
        kept = {name: column for name, column in columns.items() if name in there}
        at_ms = np.full(len(sources), table.at_ms, dtype=np.int64)
        return Frame(COMPLETENESS, self._account.sources.ids(sources), at_ms, kept)

    def _note(self, hour: int, sources: Numbers, columns: Mapping[str, Floats]) -> None:
        new = came(columns, columns["repeated"] + self._repeats.of(hour, sources))
        self._history.note(hour, sources, new, columns["expected"])

    def _note_memory(self) -> None:
        """Who has said nothing in this hour has no row of it yet."""
        for sources, hour, columns in self.now():
            self._note(hour, sources, columns)

    async def _note_repeats(self) -> None:
        """Hours in which the store has found more rows that it had before are less full than they looked."""
        now = self._clock.now()
        stale = await self._repeats.refresh(to_ms(now))
        start, end = day_until(now)
        if any(hour not in self._hours for hour in stale):
            await self._reader.wait_for(self._journal.head)
            await note_stored(self._history, self._stored, self._repeats, start, end)
        if stale:
            self._note_memory()

    async def _make_whole(self, table: HourTable) -> None:
        if not table.whole:
            await self._reader.wait_for(self._journal.head)
            sources, columns = await self._stored.hour(table.at_ms)
            self._history.grow(len(self._account.sources))
            table.found(sources, columns)

    def _expect_configured(self) -> None:
        says = self._account.cadences.declared(len(self._account.sources))
        self._history.grow(len(says))
        self._history.expect(np.flatnonzero(says), self._since_ms)

    def _let_go(self, keep: int) -> None:
        """Of hours that are stored as they are, keep only the newest in memory."""
        stored = sorted(h for h, table in self._hours.items() if not len(table.changed()))
        for hour in stored[: max(0, len(stored) - keep)]:
            del self._hours[hour]
