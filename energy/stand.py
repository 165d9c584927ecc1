"""How the ledger of one site stood when it was looked at: what tells whether a kept copy still holds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.revisions import QUARTERS_A_DAY
from energy.sheet import LedgerRegister, load_registers, settled_until
from energy.tables import CHANGE

_RECENT_DAYS = 62
"""Read with the stand: this month and the last."""

_NEVER = 2**31 - 1
"""A day that never comes."""


@dataclass
class Stand:
    """``site`` as it stood at one time.

    Attributes:
        settled: the quarter before which every interval is settled; None at first.
        registers: every register that the ledger ever kept of the site.
        changes: how many settlements wrote to a day (numbered since 1970); none where it is not named.
        known_from: the day from which on ``changes`` were read.
    """

    site: str
    settled: int | None
    registers: tuple[LedgerRegister, ...]
    changes: dict[int, int]
    known_from: int

    def stamp(self, days: range) -> tuple[object, ...]:
        """Equal stamps of the same ``days`` (from ``known_from`` on): the same ledger."""
        return self.registers, tuple(self.changes.get(day, 0) for day in days)


async def load_stand(connection: AsyncConnection, site: str) -> Stand:
    """The stand of ``site`` now."""
    settled = await settled_until(connection, site)
    registers = tuple(await load_registers(connection, site))
    stand = Stand(site, settled, registers, {}, _NEVER)
    await load_changes(connection, stand, (settled or 0) // QUARTERS_A_DAY - _RECENT_DAYS)
    return stand


async def load_changes(connection: AsyncConnection, stand: Stand, first: int) -> None:
    """Let ``stand`` know the changes from day ``first`` on."""
    if first >= stand.known_from:
        return
    wanted = select(CHANGE.c.day, CHANGE.c.changes).where(
        CHANGE.c.site == stand.site, CHANGE.c.day >= first, CHANGE.c.day < stand.known_from
    )
    stand.changes |= {row.day: row.changes for row in await connection.execute(wanted)}
    stand.known_from = first
