"""The completeness ledger: sums what the journal tells of every batch into hours, and stores them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np
import structlog

from runtime.clock import Clock, from_ms, to_ms
from runtime.errors import StoreError
from telemetry.completeness_book import FORGET, HOURS, SourceHistory
from telemetry.completeness_hour import HourTable
from telemetry.completeness_pace import is_final, period_ms
from telemetry.completeness_stored import StoredHours
from telemetry.follower import Follower
from telemetry.frame import Floats, Frame
from telemetry.intake import COMPLETENESS, INTAKE
from telemetry.intake_account import IntakeAccount
from telemetry.intake_sources import NOT_ONE, Numbers
from telemetry.intake_tally import HOUR_MS
from telemetry.journal import Journal

log = structlog.get_logger(__name__)

POSITION, CLOSED, NEWEST = "completeness.position", "completeness.closed_ms", "completeness.newest_ms"
"""Counters of the journal in which the state stands, committed with the rows that it is about."""

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
        self._turn = asyncio.Lock()
        self._hours: dict[int, HourTable] = {}
        self._history = SourceHistory()
        self._position = 0
        self._since_ms = 0
        self._pending = False
        self.opened = False
        """Whether it counts: what was known of the sources has been read."""

    @property
    def safe(self) -> int:
        """The position up to which nothing is needed again."""
        return self._state(POSITION) if self._pending else self._position

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
        if this not in self._hours and this > self._state(NEWEST):
            self._table(this)
        for table in [table for table in self._hours.values() if table.whole]:
            sources = table.there()
            if table.at_ms == this:
                sources = np.union1d(sources, self._alive(this))
            columns = {name: table.get(name, sources) for name in COMPLETENESS.field_names}
            columns["period_ms"], columns["expected"] = self._expected(table, sources)
            yield sources, table.at_ms, columns

    async def open(self) -> int:
        """Go on from what the journal knows, once the store has followed that far. Raises StoreError."""
        async with self._turn:
            self._hours, self._history, self._pending = {}, SourceHistory(), False
            self._position = max(self._state(POSITION), self._journal.places.get(self.name, 0))
            self._since_ms = to_ms(self._clock.now())
            newest = self._state(NEWEST)
            if newest:
                await self._reader.wait_for(self._journal.head)
                await self._recall(newest)
            self._expect_configured()
            self._note_this_hour()
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
                self._note_this_hour()
                self._let_go(2)

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
            table = self._hours[hour] = HourTable(hour, whole=hour > self._state(NEWEST))
        return table

    async def _store_changes(self) -> None:
        changed = [table for table in self._hours.values() if len(table.changed())]
        for table in changed:
            await self._make_whole(table)
        frames = [self._rows(table, table.changed()) for table in changed]
        await self._write(frames, {POSITION: self._position})
        for table in changed:
            table.written()
        self._pending = False

    async def _end_hours(self) -> None:
        """Also who was silent for the whole of an hour that has ended gets a row of it."""
        closed = self._state(CLOSED)
        if not closed:
            closed = min([self._since_ms // HOUR_MS * HOUR_MS, *self._hours])
        now = to_ms(self._clock.now() - GRACE)
        closed = max(closed, (now - FORGET // _MS) // HOUR_MS * HOUR_MS)  # nobody is expected for longer
        while closed + HOUR_MS <= now:
            table = self._table(closed)
            await self._make_whole(table)
            rows = np.union1d(self._alive(closed), table.there())
            frame = self._rows(table, rows, self._history.silent_hours(rows, closed))
            self._history.keep_pace(rows, table.get("period_ms", rows))
            closed += HOUR_MS
            await self._write([frame], {CLOSED: closed})
            table.written()
            self._let_go(2)

    def _alive(self, hour: int) -> Numbers:
        """Who can be missed in ``hour``."""
        cadences = self._account.cadences
        alive = self._history.alive(hour, cadences.declared(len(self._account.sources)))
        return alive[~np.isnan(cadences.period_ms(alive))]

    def _note_this_hour(self) -> None:
        """Who has said nothing in it has no row of it yet."""
        for sources, hour, columns in self.now():
            self._history.note(hour, sources, columns["received"], columns["expected"])

    def _rows(self, table: HourTable, sources: Numbers, silent: Floats | None = None) -> Frame:
        """The rows of ``sources`` as they are to be stored, with what was to be expected."""
        if len(sources):
            period, expected = self._expected(table, sources)
            table.put(sources, "period_ms", period)
            table.put(sources, "expected", expected)
            since = self._history.since(sources) - table.at_ms
            table.put(sources, "from_ms", np.where((since > 0) & (since < HOUR_MS), since, np.nan))
            received = table.get("received", sources)
            known = table.get("silent", sources) if silent is None else silent
            table.put(sources, "silent", np.where(received > 0, 0.0, known))
            self._history.note(table.at_ms, sources, received, expected)
        return table.frame(sources, self._account.sources.ids(sources))

    def _expected(self, table: HourTable, sources: Numbers) -> tuple[Floats, Floats]:
        """Period and messages expected; once an hour was closed both stay as they were."""
        cadences, now = self._account.cadences, to_ms(self._clock.now())
        current = now < table.at_ms + HOUR_MS
        before = np.full(len(sources), np.nan) if current else self._history.pace(sources)
        period = period_ms(table, sources, cadences, before)
        period[sources == 0] = np.nan
        since = np.maximum(table.at_ms, self._history.since(sources))
        until = np.full(len(sources), float(table.at_ms + HOUR_MS))
        if current:  # the newest may be on its way
            until = now - np.nan_to_num(period)
        expected = np.floor(np.maximum(0.0, until - since) / period)
        if table.at_ms < self._state(CLOSED):
            held = is_final(table, sources, cadences)
            expected[held] = table.get("expected", sources)[held]
            period[held] = table.get("period_ms", sources)[held]
        return period, expected

    async def _make_whole(self, table: HourTable) -> None:
        if not table.whole:
            await self._reader.wait_for(self._journal.head)
            sources, columns = await self._stored.hour(table.at_ms)
            self._history.grow(len(self._account.sources))
            table.found(sources, columns)

    async def _recall(self, newest: int) -> None:
        """What the stored hours tell of each source."""
        end = from_ms(newest + HOUR_MS)
        sources, hours, columns = await self._stored.latest(end - FORGET, end)
        self._history.grow(len(self._account.sources))
        self._account.cadences.recall(sources, columns["period_ms"])
        self._history.keep_pace(sources, columns["period_ms"])
        never = np.isnan(columns["silent"])
        for hour in np.unique(hours[never]).tolist():
            self._history.expect(sources[never & (hours == hour)], hour)
        sources, hours = sources[~never], hours[~never]
        columns = {name: column[~never] for name, column in columns.items()}
        last = hours - columns["silent"].astype(np.int64) * HOUR_MS
        since = np.where(last == hours, np.nan_to_num(columns["from_ms"]), 0.0)
        for hour in np.unique(last).tolist():
            mine = last == hour
            self._history.heard(sources[mine], hour, since[mine])
        first = from_ms(newest - (HOURS - 1) * HOUR_MS)
        async for mine, at_ms, shown in self._stored.rows(first, end, ("received", "expected")):
            for hour in np.unique(at_ms).tolist():
                one = at_ms == hour
                self._history.note(
                    hour, mine[one], np.nan_to_num(shown["received"][one]), shown["expected"][one]
                )

    def _expect_configured(self) -> None:
        says = self._account.cadences.declared(len(self._account.sources))
        self._history.grow(len(says))
        self._history.expect(np.flatnonzero(says), self._since_ms)

    def _let_go(self, keep: int) -> None:
        """Of hours that are stored as they are, keep only the newest in memory."""
        stored = sorted(h for h, table in self._hours.items() if not len(table.changed()))
        for hour in stored[: max(0, len(stored) - keep)]:
            del self._hours[hour]

    def _state(self, name: str) -> int:
        return self._journal.counters.get(name, 0)

    async def _write(self, frames: Iterable[Frame], state: dict[str, int]) -> None:
        """Write ``frames`` and the state that they bring about in one transaction."""
        full = [frame for frame in frames if len(frame)]
        state[NEWEST] = max([self._state(NEWEST), *(int(f.at_ms[0]) for f in full)])
        moved = {name: value - self._state(name) for name, value in state.items()}
        if full or moved.get(CLOSED):
            await self._journal.append(full, {n: by for n, by in moved.items() if by}, derived=True)
