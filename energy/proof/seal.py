"""A chain of hashes over the closed days of a site: who changes a byte of them changes every later hash.

A seal holds the rows of one UTC day that no earlier seal holds. The first one of a day holds all that were
written when it was made; rows that come later (late readings, a restatement) get a seal of their own at the
end of the chain, so that no seal is ever made again. Which rows a seal holds, their causes tell: those
numbered beyond ``after``, up to ``through``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.cause import Cause, cause_of
from energy.proof.line import Book, Written, canonical, cause_line, digest_of, load_book
from energy.proof.tables import CAUSE, SEAL
from energy.proof.turn import wait_turn
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.sheet import load_registers, settled_until
from energy.tables import CHANGE
from runtime.clock import to_ms
from runtime.database import Database

BEGINNING = "0" * 64
"""What the first seal of a chain has in the place of the hash before it."""

_NOTHING = -1
"""The cause after which the first seal of a day begins: rows without a cause count as caused by 0."""


@dataclass(frozen=True)
class Seal:
    """One link of the chain; the fields are those of ``energy_seal``."""

    site: str
    number: int
    day: int
    after: int
    through: int
    rows: int
    content: str
    parts: str
    causes: str
    changes: int
    sealed_at: datetime
    previous: str
    hash: str = ""

    def hashed(self) -> str:
        """What its ``hash`` must be: SHA-256 over all the other fields, as canonical JSON."""
        told: dict[str, Any] = {name: value for name, value in vars(self).items() if name != "hash"}
        told["sealed_at"] = to_ms(self.sealed_at)
        return hashlib.sha256(canonical(told).encode()).hexdigest()


@dataclass(frozen=True)
class Parts:
    """Digests of a seal's rows, by register and by quarter: a row that was changed is where both differ.

    ``registers`` by measurement, device and channel; ``quarters`` one for each of the day, or empty.
    """

    registers: dict[tuple[str, ...], str]
    quarters: list[str]

    @classmethod
    def of(cls, book: Book, rows: Sequence[Written], day: int) -> Parts:
        """Those of ``rows``, which are in the order of ``book``."""
        registers: dict[int, Any] = defaultdict(hashlib.sha256)
        quarters: dict[int, Any] = defaultdict(hashlib.sha256)
        for row in rows:
            line = book.line(row)
            registers[row.register].update(line)
            quarters[row.quarter - day * QUARTERS_A_DAY].update(line)
        return cls(
            {book.keys[register]: found.hexdigest() for register, found in registers.items()},
            [quarters[n].hexdigest()[:16] if n in quarters else "" for n in range(QUARTERS_A_DAY)],
        )

    @classmethod
    def read(cls, text: str) -> Parts:
        """Raises ValueError for a text that :meth:`told` did not write."""
        found = json.loads(text)
        try:
            return cls({tuple(key): digest for key, digest in found["registers"]}, list(found["quarters"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no parts of a seal: {error}") from None

    def told(self) -> str:
        """As the table keeps them."""
        return canonical(
            {"registers": [[list(key), digest] for key, digest in self.registers.items()],
             "quarters": self.quarters}
        )  # fmt: skip


async def seal_days(database: Database, site: str, at: datetime) -> int:
    """Seal every closed UTC day of ``site`` with rows that no seal holds; how many seals were added.

    A day is closed when all of it is settled. Each seal is one transaction: whoever dies in between goes on
    where he was. What another process adds meanwhile is left to it.
    """
    async with database.begin() as connection:
        await wait_turn(connection, site)  # no transaction is open whose cause is numbered below these
        through = int(await connection.scalar(select(func.max(CAUSE.c.id)).where(CAUSE.c.site == site)) or 0)
        days = await _unsealed(connection, site)
    added = 0
    for day, changes in days:
        link = Seal(site, 0, day, _NOTHING, through, 0, "", "", "", changes, at, BEGINNING)
        added += await _add(database, link)
    return added


async def load_seals(connection: AsyncConnection, site: str) -> list[Seal]:
    """The chain of ``site`` from its beginning."""
    wanted = select(SEAL).where(SEAL.c.site == site).order_by(SEAL.c.number)
    return [Seal(**row._mapping) for row in await connection.execute(wanted)]


async def newest_seal(connection: AsyncConnection, site: str) -> Seal | None:
    """The end of the chain of ``site``; None before the first seal."""
    wanted = select(SEAL).where(SEAL.c.site == site).order_by(SEAL.c.number.desc()).limit(1)
    row = (await connection.execute(wanted)).first()
    return None if row is None else Seal(**row._mapping)


async def causes_between(connection: AsyncConnection, site: str, after: int, through: int) -> list[Cause]:
    """The causes of ``site`` numbered beyond ``after``, up to ``through``."""
    wanted = select(CAUSE).where(CAUSE.c.site == site, CAUSE.c.id > after, CAUSE.c.id <= through)
    return [cause_of(row) for row in await connection.execute(wanted.order_by(CAUSE.c.id))]


async def _unsealed(connection: AsyncConnection, site: str) -> list[tuple[int, int]]:
    """Closed days of which more was written than their seals hold, and how often they were written to."""
    closed = (await settled_until(connection, site) or 0) // QUARTERS_A_DAY
    newest = select(SEAL.c.day, func.max(SEAL.c.changes)).where(SEAL.c.site == site).group_by(SEAL.c.day)
    sealed = {day: changes for day, changes in await connection.execute(newest)}
    wanted = select(CHANGE.c.day, CHANGE.c.changes).where(CHANGE.c.site == site, CHANGE.c.day < closed)
    rows = await connection.execute(wanted.order_by(CHANGE.c.day))
    return [(day, changes) for day, changes in rows if changes > sealed.get(day, 0)]


async def _add(database: Database, link: Seal) -> bool:
    """Seal what the day of ``link`` holds beyond its seals, at the end of the chain."""
    first = link.day * QUARTERS_A_DAY
    async with database.read() as connection:
        last = await newest_seal(connection, link.site)
        same_day = select(func.max(SEAL.c.through)).where(SEAL.c.site == link.site, SEAL.c.day == link.day)
        before = await connection.scalar(same_day)
        told = await connection.scalar(select(func.max(SEAL.c.through)).where(SEAL.c.site == link.site))
        causes = await causes_between(connection, link.site, int(told or 0), link.through)
        registers = await load_registers(connection, link.site)
        book = await load_book(connection, registers, first, first + QUARTERS_A_DAY)
    after = _NOTHING if before is None else int(before)
    link = replace(
        link,
        number=last.number + 1 if last else 1,
        after=after,
        causes=digest_of(map(cause_line, causes)),
        previous=last.hash if last else BEGINNING,
    )
    link = await asyncio.to_thread(_worked_out, link, book)
    async with database.begin() as connection:
        await wait_turn(connection, link.site)
        newest = await newest_seal(connection, link.site)
        if (newest.number if newest else 0) != link.number - 1:
            return False
        await connection.execute(insert(SEAL).values(**vars(link)))
    return True


def _worked_out(link: Seal, book: Book) -> Seal:
    rows = book.between(link.after, link.through)
    parts = Parts.of(book, rows, link.day).told()
    whole = replace(link, rows=len(rows), content=book.content(link.through), parts=parts)
    return replace(whole, hash=whole.hashed())
