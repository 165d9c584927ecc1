"""Recomputes seals, causes, locks and restatements from the rows, and names what differs, and where."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.proof.cause import Cause
from energy.proof.difference import Difference
from energy.proof.document import Restatement, by_day, load_restatements
from energy.proof.key import SigningKey
from energy.proof.line import Book, cause_line, digest_of, load_book
from energy.proof.month_lock import Lock, load_locks
from energy.proof.paper import Papers
from energy.proof.seal import BEGINNING, Parts, Seal, causes_between, load_seals
from energy.reading.reader import LedgerFigures
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.sheet import LedgerRegister, load_registers
from energy.tables import CHANGE
from runtime.clock import from_ms
from runtime.database import Database

EVER = 2**31 - 1

_NAMED = 24
"""Intervals of one day that are named; where more differ, their meters are."""


@dataclass
class Found:
    """What was recomputed of one site, and what differs."""

    site: str
    seals: int = 0
    rows: int = 0
    head: tuple[int, str] | None = None
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class _State:
    """What is known of a site beside its rows."""

    seals: Sequence[Seal]
    causes: Sequence[Cause]
    locks: Sequence[Lock]
    restatements: Sequence[Restatement]
    registers: Sequence[LedgerRegister]
    changes: Mapping[int, int]

    @cached_property
    def numbers(self) -> Sequence[int]:
        """Those of the causes."""
        return [cause.id for cause in self.causes]

    @property
    def newest(self) -> int:
        """The last of them; 0 without any."""
        return self.numbers[-1] if self.numbers else 0

    @cached_property
    def known(self) -> frozenset[int]:
        """The same, to look one up."""
        return frozenset(self.numbers)


async def check_site(
    database: Database,
    site: str,
    key: SigningKey,
    chosen: Callable[[int], bool] | None = None,
    figures: LedgerFigures | None = None,
) -> Found:
    """Recompute the proof of ``site``; of the rows, those of the days (since 1970) that are ``chosen``.

    None: of all days; only then what locks and restatements say of their months is recomputed as well, and
    by ``figures`` what these come to. Writing may go on meanwhile.
    """
    state = await _load(database, site)
    found = Found(site, seals=len(state.seals), head=_head(state.seals))
    found.differences += _chain(site, state)
    papers = Papers((site, state.newest), key, state.locks, state.restatements, state.seals)
    found.differences += papers.signatures()
    found.differences += await papers.founded(database)
    by_day_number: dict[int, list[Seal]] = defaultdict(list)
    for seal in state.seals:
        by_day_number[seal.day].append(seal)
    months = {first // QUARTERS_A_DAY for lock in state.locks for first, _ in by_day(lock.first, lock.until)}
    for day in sorted(by_day_number.keys() | (months if chosen is None else set())):
        if chosen is not None and not chosen(day):
            continue
        async with database.read() as connection:
            first = day * QUARTERS_A_DAY
            book = await load_book(connection, state.registers, first, first + QUARTERS_A_DAY)
            if any(row.cause > state.newest for row in book.rows):  # written meanwhile, or never by us
                state = await _renewed(connection, site, state)
        found.rows += len(book.rows)
        found.differences += await asyncio.to_thread(_day, (site, day), by_day_number[day], book, state)
        found.differences += papers.rows(book)
    if chosen is None:
        found.differences += papers.contents()
        found.differences += [] if figures is None else await papers.figured(database, figures)
    return found


async def _renewed(connection: AsyncConnection, site: str, state: _State) -> _State:
    """``state`` with the causes and changes that ``connection`` sees, as it sees the rows."""
    wanted = select(CHANGE.c.day, CHANGE.c.changes).where(CHANGE.c.site == site)
    changes = {day: changes for day, changes in await connection.execute(wanted)}
    return replace(state, causes=await causes_between(connection, site, -1, EVER), changes=changes)


async def _load(database: Database, site: str) -> _State:
    async with database.read() as connection:
        wanted = select(CHANGE.c.day, CHANGE.c.changes).where(CHANGE.c.site == site)
        return _State(
            await load_seals(connection, site),
            await causes_between(connection, site, -1, EVER),
            await load_locks(connection, [site]),
            await load_restatements(connection, site),
            await load_registers(connection, site),
            {day: changes for day, changes in await connection.execute(wanted)},
        )


def _head(seals: Sequence[Seal]) -> tuple[int, str] | None:
    return (seals[-1].number, seals[-1].hash) if seals else None


def _chain(site: str, state: _State) -> Iterator[Difference]:
    """Whether each seal is what its hash is of, follows the one before it, and holds the causes since."""
    previous, through, number = BEGINNING, 0, 0
    for seal in state.seals:
        number += 1
        day = _day_name(seal.day)
        if seal.number != number:
            told = f"seal {number} is missing before seal {seal.number}"
            yield Difference(site, "seal", told, day)
            number = seal.number
        elif seal.previous != previous:
            yield Difference(site, "seal", f"seal {number} does not follow the one before it", day)
        if seal.hashed() != seal.hash:
            yield Difference(site, "seal", f"seal {number} was changed: its hash is not of what it says", day)
        since = state.causes[bisect_right(state.numbers, through) : bisect_right(state.numbers, seal.through)]
        if digest_of(map(cause_line, since)) != seal.causes:
            told = f"the causes from {through + 1} to {seal.through} are not those of seal {number}"
            yield Difference(site, "cause", told, day)
        previous, through = seal.hash, max(through, seal.through)


def _day(what: tuple[str, int], seals: Sequence[Seal], book: Book, state: _State) -> list[Difference]:
    return list(_differences(what, seals, book, state))


def _differences(
    what: tuple[str, int], seals: Sequence[Seal], book: Book, state: _State
) -> Iterator[Difference]:
    site, day = what
    through = max((seal.through for seal in seals), default=-1)
    for seal in seals:
        yield from _seal(site, seal, book)
    if seals and state.changes.get(day, 0) <= max(seal.changes for seal in seals):
        for row in book.between(through, EVER):
            place = _place(book.keys[row.register], row.quarter)
            told = f"revision {row.revision} was added past the ledger's own writing"
            yield Difference(site, "row", told, _day_name(day), **place)
    for row in book.rows:
        if row.cause and row.cause not in state.known:
            place = _place(book.keys[row.register], row.quarter)
            told = f"revision {row.revision} names cause {row.cause}, which there is not"
            yield Difference(site, "cause", told, _day_name(day), **place)


def _seal(site: str, seal: Seal, book: Book) -> Iterator[Difference]:
    """Which meters and intervals of the rows of ``seal`` differ from it."""
    rows = book.between(seal.after, seal.through)
    day = _day_name(seal.day)
    try:
        kept = Parts.read(seal.parts)
    except ValueError:
        yield Difference(site, "seal", f"what seal {seal.number} says of its rows cannot be read", day)
        return
    now = Parts.of(book, rows, seal.day)
    keys = sorted(kept.registers.keys() | now.registers.keys())
    meters = [name for name in keys if kept.registers.get(name) != now.registers.get(name)]
    quarters = [n for n in range(QUARTERS_A_DAY) if _at(kept.quarters, n) != now.quarters[n]]
    places = [(name, quarter) for name in meters for quarter in quarters]
    if len(places) > _NAMED:
        told = f"{len(quarters)} intervals are not as seal {seal.number} holds them"
        for name in meters:
            yield Difference(site, "row", told, day, **_place(name, None))
    elif places:
        for name, quarter in places:
            told = f"is not as seal {seal.number} holds it"
            yield Difference(site, "row", told, day, **_place(name, seal.day * QUARTERS_A_DAY + quarter))
    elif meters or quarters or (len(rows), book.content(seal.through)) != (seal.rows, seal.content):
        yield Difference(site, "seal", f"seal {seal.number} does not say what its rows do", day)


def _at(quarters: Sequence[str], number: int) -> str | None:
    return quarters[number] if number < len(quarters) else None


def _place(key: Sequence[str], quarter: int | None) -> dict[str, Any]:
    start = None if quarter is None else from_ms(quarter * QUARTER_MS).isoformat()
    return {"meter": key[1], "channel": key[2], "start": start}


def _day_name(day: int) -> str:
    return f"{from_ms(day * QUARTERS_A_DAY * QUARTER_MS):%Y-%m-%d}"


def rolling(today: int, recent: int = 35, share: int = 7) -> Callable[[int], bool]:
    """Of all days, the ``recent`` ones and every ``share``-th: in so many days each has had its turn."""
    return lambda day: day > today - recent or day % share == today % share
