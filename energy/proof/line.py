"""The canonical form of what the ledger holds, as bytes, and the digests over it.

A line is a JSON array without spaces, UTF-8, ended by a line feed. Registers are named by measurement, device
and channel, not by their number in a table; times are milliseconds since 1970.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.cause import Cause
from energy.settlement.registers import QUALITIES
from energy.sums.sheet import LedgerRegister, RegisterKey
from energy.tables import LEDGER
from runtime.clock import to_ms


class Written(NamedTuple):
    """One row of the ledger; ``cause`` is 0 where it was written before causes were kept."""

    register: int
    quarter: int
    revision: int
    amount: int | None
    quality: int
    reason: str | None
    settled_ms: int
    cause: int


class Book:
    """The rows of one site over some quarters, by register (in the order of names), time and revision."""

    def __init__(self, registers: Sequence[LedgerRegister], rows: Sequence[Written]) -> None:
        self.keys: Mapping[int, RegisterKey] = {register.id: register.key for register in registers}
        place = {register: n for n, register in enumerate(sorted(self.keys, key=self.keys.__getitem__))}
        self.rows = sorted(rows, key=lambda row: (place[row.register], row.quarter, row.revision))

    def between(self, after: int, through: int) -> list[Written]:
        """The rows of causes beyond ``after`` up to ``through``."""
        return [row for row in self.rows if after < row.cause <= through]

    def within(self, first: int, until: int) -> Book:
        """The same of the quarters ``first <= q < until`` alone."""
        part = Book((), ())
        part.keys, part.rows = self.keys, [row for row in self.rows if first <= row.quarter < until]
        return part

    def content(self, through: int) -> str:
        """Digest of how the quarters read after cause ``through``: the newest amount and quality of each.

        Neither when nor in how many steps it came to read so is part of it: the same readings give the same
        digest, in whatever order they arrive.
        """
        digest = hashlib.sha256()
        for line in self._content_lines(through):
            digest.update(line)
        return digest.hexdigest()

    def add_content(self, digest: Any, through: int) -> int:
        """The same, added to the ``digest`` of earlier quarters; how many intervals it holds."""
        count = 0
        for line in self._content_lines(through):
            digest.update(line)
            count += 1
        return count

    def _content_lines(self, through: int) -> Iterable[bytes]:
        newest = {(row.register, row.quarter): row for row in self.rows if row.cause <= through}
        for row in newest.values():
            yield line_of([*self.keys[row.register], row.quarter, row.amount, QUALITIES[row.quality]])

    def line(self, row: Written) -> bytes:
        """All that the ledger holds of ``row``."""
        return line_of(
            [*self.keys[row.register], row.quarter, row.revision, row.amount, QUALITIES[row.quality],
             row.reason, row.settled_ms, row.cause]
        )  # fmt: skip


async def load_book(
    connection: AsyncConnection, registers: Sequence[LedgerRegister], first: int, until: int
) -> Book:
    """Every revision of the quarters ``first <= q < until`` of ``registers``."""
    columns = LEDGER.c
    wanted = select(
        columns.register, columns.quarter, columns.revision, columns.amount, columns.quality, columns.reason,
        type_coerce(columns.settled_at, BigInteger), func.coalesce(columns.cause, 0),
    ).where(
        columns.register.in_([register.id for register in registers]),
        columns.quarter >= first,
        columns.quarter < until,
    )  # fmt: skip
    return Book(registers, [Written(*row) for row in await connection.execute(wanted)])


def digest_of(lines: Iterable[bytes]) -> str:
    """SHA-256 over ``lines``, as hexadecimal digits."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def cause_line(cause: Cause) -> bytes:
    """All that is known of ``cause``."""
    return line_of(
        [cause.id, cause.site, cause.kind, cause.who, cause.reason, to_ms(cause.at), cause.first, cause.until]
    )


def canonical(document: Mapping[str, Any]) -> str:
    """``document`` as canonical JSON: keys sorted, no spaces, nothing escaped that need not be."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def line_of(values: Sequence[Any]) -> bytes:
    """One canonical line."""
    return (json.dumps(values, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
