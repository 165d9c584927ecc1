"""Writes intervals to the ledger: a new revision where a value or its quality has changed, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.month_lock import locked_within
from energy.proof.pending import keep, with_pending
from energy.proof.writing import Writing
from energy.settlement.noted import Told, unsaid
from energy.settlement.readings import Span
from energy.settlement.registers import ESTIMATED, INTEGRATED, MISSING, OK, SUBSTITUTED, Intervals
from energy.sums.sheet import NO_ROW, LedgerRegister, Sheet, load_sheet
from energy.tables import CHANGE, LEDGER, insert_into
from runtime.database import insert_rows

QUARTERS_A_DAY = 96


@dataclass(frozen=True)
class Entry:
    """Newly computed intervals of one register; ``estimated`` ones were not computed from its readings."""

    register: LedgerRegister
    span: Span
    intervals: Intervals
    estimated: bool = False


@dataclass(frozen=True)
class Written:
    """How many intervals were written for the first time, corrected, and kept for a locked month."""

    first: int = 0
    corrected: int = 0
    waiting: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.first + other.first, self.corrected + other.corrected, self.waiting + other.waiting
        )


async def write(connection: AsyncConnection, entries: Sequence[Entry], writing: Writing) -> Written:
    """Append what differs from the newest revisions, each row with its cause; count the change of each day.

    What differs in a locked month is kept beside the ledger until somebody restates the month.
    """
    if not entries:
        return Written()
    first = min(entry.span.first for entry in entries)
    until = max(entry.span.until for entry in entries)
    await writing.turn(connection)
    locked = await locked_within(connection, writing.site, first, until)
    # A device that was away for a while has an entry for each time that it was there.
    registers = {entry.register.id: entry.register for entry in entries}
    known = await load_sheet(connection, list(registers.values()), first, until - first)
    held = await with_pending(connection, known, locked)
    line = {register: number for number, register in enumerate(registers)}
    fresh = await unsaid(connection, _decisions(entries, locked))
    rows: list[dict[str, Any]] = []
    for entry in entries:
        rows += _changed(entry, held, line[entry.register.id], (fresh, writing))
    rows, waiting = _parted(rows, locked)
    if waiting:
        await writing.hold(connection, waiting, registers.values())
        await keep(connection, known, writing.site, waiting, writing.at)
    if rows:
        await writing.give(connection, rows, registers.values())
        await append(connection, writing.site, rows)
    corrected = sum(row["revision"] != 1 for row in rows)
    return Written(len(rows) - corrected, corrected, len(waiting))


async def append(connection: AsyncConnection, site: str, rows: Sequence[dict[str, Any]]) -> None:
    """Add complete ``rows`` to the ledger of ``site``, so that readers know which days have changed."""
    await insert_rows(connection, LEDGER, rows)
    await _count_changes(connection, site, {row["quarter"] // QUARTERS_A_DAY for row in rows})


def _parted(
    rows: list[dict[str, Any]], locked: Sequence[tuple[int, int]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those that the ledger may take, and those of a locked month."""
    if not locked:
        return rows, []
    parts: tuple[list[dict[str, Any]], list[dict[str, Any]]] = [], []
    for row in rows:
        parts[any(low <= row["quarter"] < high for low, high in locked)].append(row)
    return parts


def _decisions(entries: Sequence[Entry], locked: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """What was decided of intervals that are well known all the same; of a locked month nothing is added."""
    return {
        (entry.register.id, entry.span.first + i): words
        for entry in entries
        for i, words in entry.intervals.reasons.items()
        if entry.intervals.quality[i] == OK
        and not any(low <= entry.span.first + i < high for low, high in locked)
    }


def _changed(entry: Entry, known: Sheet, line: int, what: tuple[Told, Writing]) -> list[dict[str, Any]]:
    fresh, writing = what
    offset = entry.span.first - known.first
    part = slice(offset, offset + entry.span.until - entry.span.first)
    amount, quality = entry.intervals.amount, entry.intervals.quality
    same = (known.quality[line, part] == quality) & (
        (known.amount[line, part] == amount) | (np.isnan(known.amount[line, part]) & np.isnan(amount))
    )
    forgotten = _forgotten(known.quality[line, part], entry.intervals) & (not entry.estimated)
    again = np.zeros(len(amount), dtype=np.bool_)
    again[[q - entry.span.first for r, q in fresh if r == entry.register.id and entry.span.holds(q)]] = True
    changed = np.flatnonzero((~same | again | (known.quality[line, part] == NO_ROW)) & ~forgotten)
    columns = (changed, known.revision[line, part][changed] + 1, amount[changed], quality[changed])
    return [
        {
            "register": entry.register.id,
            "quarter": entry.span.first + i,
            "revision": revision,
            "amount": None if isnan(wh) else int(wh),
            "quality": code,
            "reason": entry.intervals.reasons.get(i),
            "settled_at": writing.at,
        }
        for i, revision, wh, code in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _forgotten(before: npt.NDArray[np.int8], now: Intervals) -> npt.NDArray[np.bool_]:
    """Where the store no longer keeps what an interval was settled from: what was once measured stays.

    Fewer readings make a measured interval an interpolated or an empty one; more do so only by what they say
    of one another. What was substituted for want of a measurement stays until there is one.
    """
    known = (before != NO_ROW) & (before != MISSING)
    measured = (before == OK) | (before == INTEGRATED)
    empty, spread = now.quality == MISSING, now.quality == ESTIMATED
    fewer = now.absent & ((known & empty) | (measured & spread))
    lost: npt.NDArray[np.bool_] = fewer | ((before == SUBSTITUTED) & empty)
    return lost


async def _count_changes(connection: AsyncConnection, site: str, days: set[int]) -> None:
    statement = insert_into(connection, CHANGE)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "day"], set_={"changes": CHANGE.c.changes + 1}
        ),
        [{"site": site, "day": day, "changes": 1} for day in sorted(days)],
    )
