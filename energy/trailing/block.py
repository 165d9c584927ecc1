"""The parts of which a year is added up: what lies between two midnights, those of UTC and of the site."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS, Period
from energy.settlement.revisions import QUARTERS_A_DAY
from energy.sums.summed import Summed
from energy.tables import insert_into
from energy.trailing.tables import BLOCK
from runtime.clock import from_ms, to_ms


class Block(NamedTuple):
    """Quarters ``first <= q < until`` of one day, both by UTC and by the clocks of its site."""

    first: int
    until: int

    @property
    def day(self) -> int:
        """The day that it is in, since 1970, UTC."""
        return self.first // QUARTERS_A_DAY

    @property
    def period(self) -> Period:
        """The time that it is."""
        return Period(from_ms(self.first * QUARTER_MS), from_ms(self.until * QUARTER_MS))


@dataclass(frozen=True)
class Kept:
    """A ``block`` as it was worked out when ``cause`` was the newest of its site."""

    block: Block
    cause: int
    rests_on: str
    summed: Summed


def blocks(first: int, until: int, tz: ZoneInfo) -> list[Block]:
    """The quarters ``first <= q < until``, of which both are midnights, in blocks of a site in ``tz``."""
    edges = {first, until, *range(-(-first // QUARTERS_A_DAY) * QUARTERS_A_DAY, until, QUARTERS_A_DAY)}
    at = from_ms(first * QUARTER_MS).astimezone(tz).date() + timedelta(days=1)
    while (quarter := midnight(at.year, at.month, at.day, tz=tz)) < until:
        edges.add(quarter)
        at += timedelta(days=1)
    ordered = sorted(edge for edge in edges if first <= edge <= until)
    return [Block(*pair) for pair in pairwise(ordered)]


def midnight(year: int, month: int, day: int, *, tz: ZoneInfo) -> int:
    """The quarter in which a day begins at the site."""
    return to_ms(datetime(year, month, day, tzinfo=tz).astimezone(UTC)) // QUARTER_MS


async def load_kept(connection: AsyncConnection, site: str, first: int, until: int) -> dict[int, Kept]:
    """What is kept of ``site`` of blocks that begin in the range, by their first quarter."""
    wanted = select(BLOCK).where(BLOCK.c.site == site, BLOCK.c.first >= first, BLOCK.c.first < until)
    return {
        row.first: Kept(Block(row.first, row.until), row.cause, row.rests_on, _summed(row.told))
        for row in await connection.execute(wanted)
    }


async def keep(connection: AsyncConnection, site: str, found: Sequence[Kept]) -> None:
    """Keep ``found`` in the place of what was kept of the same blocks."""
    rows = [
        {
            "site": site,
            "first": one.block.first,
            "until": one.block.until,
            "cause": one.cause,
            "rests_on": one.rests_on,
            "told": _told(one.summed),
        }
        for one in found
    ]
    if rows:
        statement = insert_into(connection, BLOCK)
        changed = {name: statement.excluded[name] for name in ("until", "cause", "rests_on", "told")}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["site", "first"], set_=changed), rows
        )


def _told(summed: Summed) -> str:
    """Halls have no figure of a year; a column that is not named is 0."""
    sums = {name: amount for name, amount in summed.sums.items() if amount and not name.startswith("hall:")}
    highest = {name: amount for name, amount in summed.highest.items() if amount}
    return json.dumps([sums, highest], separators=(",", ":"))


def _summed(told: str) -> Summed:
    sums, highest = json.loads(told)
    return Summed(sums, highest)
