"""How the ledger of one site stood when it was looked at: what tells whether a kept copy still holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.sheet import LedgerRegister, load_registers, settled_until
from energy.tables import CHANGE


@dataclass
class Stand:
    """``site`` as it stood at one time.

    Attributes:
        settled: the quarter before which every interval is settled; None at first.
        registers: every register that the ledger ever kept of the site.
        changes: by day (since 1970) how many settlements wrote to it, as far as that was read.
    """

    site: str
    settled: int | None
    registers: tuple[LedgerRegister, ...]
    changes: dict[int, int] = field(default_factory=dict)

    def knows(self, days: range) -> bool:
        """Whether the changes of ``days`` were read."""
        return all(day in self.changes for day in days)

    def stamp(self, days: range) -> tuple[object, ...]:
        """Equal stamps of the same ``days``: the same ledger. Raises KeyError where changes were not read."""
        return self.registers, tuple(self.changes[day] for day in days)


async def load_stand(connection: AsyncConnection, site: str) -> Stand:
    """The stand of ``site`` now, no changes read yet."""
    settled = await settled_until(connection, site)
    return Stand(site, settled, tuple(await load_registers(connection, site)))


async def load_changes(connection: AsyncConnection, stand: Stand, days: range) -> None:
    """Read the changes of those of ``days`` that ``stand`` does not know."""
    unknown = [day for day in days if day not in stand.changes]
    if not unknown:
        return
    wanted = select(CHANGE.c.day, CHANGE.c.changes).where(
        CHANGE.c.site == stand.site, CHANGE.c.day >= unknown[0], CHANGE.c.day <= unknown[-1]
    )
    found = {row.day: row.changes for row in await connection.execute(wanted)}
    stand.changes |= {day: found.get(day, 0) for day in unknown}
