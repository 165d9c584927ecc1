"""What the blocks of a site rest on: it tells which of those that are kept still say what the ledger does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

import energy
from energy.carbon.tables import CARBON_USE, GRID_AMOUNT, GRID_HOUR
from energy.carbon.zones import reach
from energy.configuration.era import Era
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind
from energy.interval import QUARTER_MS
from energy.proof.cause import KINDS
from energy.proof.tables import CAUSE
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.line import HOUR
from energy.trailing.block import Block, Kept
from runtime.clock import from_ms, to_ms

_FIRST = "settlement"
"""The one cause that changes no figure of what was settled before."""

_NO_FIGURE = {"name", "eu", "completeness_floor", "pue_limit"}
"""Of a site's tables, what no sum depends on."""

_HOURS_A_DAY = 24


@dataclass(frozen=True)
class Standing:
    """How the facts of a site stood when it was looked at.

    ``newest`` is the number of its last cause; ``causes`` are the number and quarters of those that changed
    figures. ``hours`` counts the versions of hours of its grid by day; ``eras`` tell from when until when
    it was what; ``base`` stands for its factors and the program.
    """

    base: str
    newest: int
    causes: Sequence[tuple[int, int, int]]
    hours: Mapping[int, int]
    eras: Sequence[tuple[int, int, str]]

    def rests_on(self, block: Block) -> str:
        """A digest of what ``block`` rests on beside causes."""
        begin = _month(block.first, 0)  # a battery may give what was charged since
        parts = [
            f"{max(first, begin)}-{min(until, block.until)} {what}"
            for first, until, what in self.eras
            if first < block.until and begin < until
        ]
        facts = "\n".join([self.base, str(self.hours.get(block.day, 0)), *parts])
        return hashlib.sha256(facts.encode()).hexdigest()[:32]

    def stale(self, wanted: Sequence[Block], kept: Mapping[int, Kept]) -> list[Block]:
        """Those of ``wanted``, which is in order, that are not ``kept`` or changed since."""
        starts, ends = (np.array([block[at] for block in wanted], dtype=np.int64) for at in (0, 1))
        changed = np.zeros(len(wanted), dtype=np.int64)
        for number, first, until in self.causes:  # in their order, so that the newest of a block stays
            low, high = np.searchsorted(ends, first, "right"), np.searchsorted(starts, until, "left")
            changed[low:high] = number
        return [
            block
            for block, number in zip(wanted, changed.tolist(), strict=True)
            if (one := kept.get(block.first)) is None
            or one.block != block
            or one.cause < number
            or one.rests_on != self.rests_on(block)
        ]


async def load_standing(
    connection: AsyncConnection, site: str, eras: Sequence[Era], span: tuple[int, int]
) -> Standing:
    """How a site that was what its ``eras`` say stands in the quarters of ``span``."""
    newest = await connection.scalar(select(func.max(CAUSE.c.id)).where(CAUSE.c.site == site))
    use = await connection.scalar(select(func.max(CARBON_USE.c.number)).where(CARBON_USE.c.site == site))
    parts = [(era.first, era.until, f"{era.absent} {_told(era.site)}") for era in eras]
    zones = {zone for era in eras for zone in reach(era.site.grid)}  # imports may be traced to any of them
    causes, hours = await _causes(connection, site, eras, span), await _hours(connection, zones, span)
    return Standing(f"{_program()} {use}", newest or 0, causes, hours, parts)


async def _causes(
    connection: AsyncConnection, site: str, eras: Sequence[Era], span: tuple[int, int]
) -> list[tuple[int, int, int]]:
    """What a cause touches, with the hour on both sides: a gap may lead out of it.

    What a battery gives was charged in the same month of UTC before, so there it changes all that follows.
    """
    stores = any(supply.kind is SupplyKind.BATTERY for era in eras for supply in era.site.supply)
    first = _month(span[0], 0) if stores else span[0] - HOUR
    wanted = (
        select(CAUSE.c.id, CAUSE.c.first, CAUSE.c.until)
        .where(CAUSE.c.site == site, CAUSE.c.kind.in_([kind for kind in KINDS if kind != _FIRST]))
        .where(CAUSE.c.until > first, CAUSE.c.first < span[1] + HOUR)
        .order_by(CAUSE.c.id)
    )
    return [
        (row.id, row.first - HOUR, _month(row.until - 1, 1) if stores else row.until + HOUR)
        for row in await connection.execute(wanted)
    ]


async def _hours(connection: AsyncConnection, zones: set[str], span: tuple[int, int]) -> dict[int, int]:
    first, until = span[0] // QUARTERS_A_DAY, -(-span[1] // QUARTERS_A_DAY)
    found: dict[int, int] = {}
    for table in (GRID_HOUR.c, GRID_AMOUNT.c):
        day = (table.hour // _HOURS_A_DAY).label("day")
        wanted = (
            select(day, func.count().label("versions"))
            .where(table.zone.in_(zones))
            .where(table.hour >= first * _HOURS_A_DAY, table.hour < until * _HOURS_A_DAY)
            .group_by(day)
        )
        for row in await connection.execute(wanted):
            found[row.day] = found.get(row.day, 0) + row.versions
    return found


def _month(quarter: int, later: int) -> int:
    """Where the month of UTC that holds ``quarter`` begins, or one that is so many ``later``."""
    at = from_ms(quarter * QUARTER_MS)
    number = 12 * at.year + at.month - 1 + later
    begin = at.replace(year=number // 12, month=number % 12 + 1, day=1, hour=0, minute=0)
    return to_ms(begin) // QUARTER_MS


def _told(site: SiteOptions) -> str:
    told = site.model_dump_json(exclude=_NO_FIGURE)
    return hashlib.sha256(told.encode()).hexdigest()


@lru_cache(maxsize=1)
def _program() -> str:
    """Stands for how figures are made: another version of the program works everything out anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(energy.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
