"""How the ledger of one site stood when it was looked at: what tells whether a kept copy still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.era import Era
from energy.configuration.recorded import Recorded, load_recorded
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER_MS
from energy.proof.knowledge import Restated
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.sheet import LedgerRegister, load_registers_of
from energy.tables import CHANGE, SETTLEMENT
from runtime.clock import to_ms

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
        recorded: what the site consisted of, as it was recorded, and as of when it is known.
    """

    site: str
    settled: int | None
    registers: tuple[LedgerRegister, ...]
    changes: dict[int, int]
    known_from: int
    recorded: Recorded
    _eras: tuple[SiteOptions, tuple[Era, ...]] | None = None

    def stamp(self, days: range) -> tuple[object, ...]:
        """Equal stamps of the same ``days`` (from ``known_from`` on): the same ledger."""
        return self.registers, self.recorded, tuple(self.changes.get(day, 0) for day in days)

    def eras(self, site: SiteOptions) -> tuple[Era, ...]:
        """What the site, which is configured as ``site``, consisted of one time after the other."""
        if self._eras is None or self._eras[0] is not site:
            self._eras = site, self.recorded.eras(site)
        return self._eras[1]


def joins(stands: Mapping[str, Stand]) -> dict[str, int]:
    """From which quarter on each of ``stands`` counts among all: a later site joins when it is configured.

    Or with its first reading, if that is earlier. What all sites used before is not unknown for its sake.
    """
    plans = {key: stand.recorded.plans for key, stand in stands.items()}
    noted = {key: known[0].known_at for key, known in plans.items() if known}
    first = min(noted.values(), default=None)
    late = {key for key, at in noted.items() if first is not None and at > first}
    return {key: joined_at(stand) if key in late else 0 for key, stand in stands.items()}


def joined_at(stand: Stand) -> int:
    """The quarter in which its site was first configured, or of its first reading, if that is earlier."""
    noted, read = to_ms(stand.recorded.plans[0].known_at) // QUARTER_MS, first_read(stand)
    return noted if read is None else min(noted, read)


def first_read(stand: Stand) -> int | None:
    """The quarter of the first reading of its site; None before it."""
    return min((r.since for r in stand.registers if r.since is not None), default=None)


async def load_stands(
    connection: AsyncConnection, sites: Sequence[str], but: Restated | None = None
) -> dict[str, Stand]:
    """The stand of each of ``sites`` now; ``but`` one locked month is known as if it were restated."""
    settled = {row.site: row.until for row in await connection.execute(_settled(tuple(sites)))}
    recorded = await load_recorded(connection, sites, None, but)
    registers = await load_registers_of(connection, {site: one.frozen for site, one in recorded.items()})
    stands = {
        site: Stand(site, settled[site], tuple(registers[site]), {}, _NEVER, recorded[site]) for site in sites
    }
    # Of a site that has left or was never heard, what was written long ago is read when somebody asks for it.
    first = max((until or 0) // QUARTERS_A_DAY for until in settled.values()) - _RECENT_DAYS
    await load_changes(connection, stands, first)
    return stands


@lru_cache(maxsize=16)
def _settled(sites: tuple[str, ...]) -> CompoundSelect[Any]:
    """Up to when each is settled, each by its index; made once, as it is asked for all day."""
    until = func.max(SETTLEMENT.c.until).label("until")
    return union_all(
        *(select(literal(site).label("site"), until).where(SETTLEMENT.c.site == site) for site in sites)
    )


async def load_changes(connection: AsyncConnection, stands: Mapping[str, Stand], first: int) -> None:
    """Let ``stands`` (by site) know the changes from day ``first`` on."""
    known_from = max(stand.known_from for stand in stands.values())
    wanted = select(CHANGE).where(
        CHANGE.c.site.in_(list(stands)), CHANGE.c.day >= first, CHANGE.c.day < known_from
    )
    for row in await connection.execute(wanted):
        stands[row.site].changes[row.day] = row.changes
    for stand in stands.values():
        stand.known_from = min(stand.known_from, first)
