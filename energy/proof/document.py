"""Signed documents of the ledger: a lock tells what a month read, a restatement what was changed in it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.line import Book, Written, load_book
from energy.proof.month_lock import Lock
from energy.proof.tables import CAUSE, RESTATEMENT
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.sheet import load_registers
from runtime.database import Database


@dataclass(frozen=True)
class Restatement:
    """The ``number``-th restatement of a locked month; the fields are those of ``energy_restatement``."""

    site: str
    period: str
    number: int
    cause: int
    at: datetime
    who: str
    reason: str
    document: str
    key: str
    signature: str

    @property
    def told(self) -> dict[str, Any]:
        """What was signed. Raises ValueError for a document that was damaged."""
        return parsed(self.document)


async def load_restatements(
    connection: AsyncConnection, site: str, period: str | None = None, as_of: datetime | None = None
) -> list[Restatement]:
    """Those of a site's ``period`` or of all that were made by ``as_of``, in their order."""
    wanted = select(RESTATEMENT).where(RESTATEMENT.c.site == site)
    if period is not None:
        wanted = wanted.where(RESTATEMENT.c.period == period)
    if as_of is not None:
        wanted = wanted.where(RESTATEMENT.c.at <= as_of)
    found = await connection.execute(wanted.order_by(RESTATEMENT.c.period, RESTATEMENT.c.number))
    return [Restatement(**row._mapping) for row in found]


def parsed(document: str) -> dict[str, Any]:
    """The object that ``document`` is. Raises ValueError for one that was damaged."""
    found = json.loads(document)
    if not isinstance(found, dict):
        raise ValueError("is no object")
    return found


def chained(before: Lock | Restatement) -> str:
    """What the next document of a month says of the one before it: a digest of what was signed, and how."""
    return hashlib.sha256(f"{before.document}\n{before.signature}".encode()).hexdigest()


async def month_content(
    database: Database, site: str, quarters: tuple[int, int], through: int, more: Sequence[Written] = ()
) -> tuple[str, int]:
    """Digest of how the quarters read after cause ``through``, by UTC day, and of how many intervals.

    ``more`` are rows that are yet to be written.
    """
    async with database.read() as connection:
        registers = await load_registers(connection, site)
    digest, intervals = hashlib.sha256(), 0
    for first, until in by_day(*quarters):
        async with database.read() as connection:
            book = await load_book(connection, registers, first, until)
        new = [row for row in more if first <= row.quarter < until]
        if new:
            book = Book(registers, [*book.rows, *new])
        intervals += await asyncio.to_thread(book.add_content, digest, through)
    return digest.hexdigest(), intervals


def by_day(first: int, until: int) -> list[tuple[int, int]]:
    """``first <= q < until`` cut at midnight UTC."""
    cuts = range((first // QUARTERS_A_DAY + 1) * QUARTERS_A_DAY, until, QUARTERS_A_DAY)
    edges = [first, *cuts, until]
    return list(pairwise(edges))


async def newest_cause(connection: AsyncConnection, site: str) -> int:
    """The number of the newest cause of ``site``; 0 before the first."""
    return int(await connection.scalar(select(func.max(CAUSE.c.id)).where(CAUSE.c.site == site)) or 0)
