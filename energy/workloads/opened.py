"""What is to be accounted for again: times in which events, or the ledger, say otherwise than before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.workloads.tables import WORK

Stretch = tuple[int, int]
"""A time ``first <= t < until`` in ms since 1970."""

Quarters = tuple[int, int]
"""Quarters ``first <= q < until``, counted since 1970."""

FOREVER = 2**31 - 1
"""A quarter after every other."""

EVER_MS = FOREVER * QUARTER_MS
"""A time after every other."""


async def open_again(connection: AsyncConnection, site: str, times: Iterable[Stretch], at: datetime) -> None:
    """Let the quarters of ``times`` be accounted for again, because of what became known ``at`` a time."""
    rows = [{"site": site, "first": first, "until": until, "at": at} for first, until in quarters(times)]
    if rows:
        await connection.execute(insert(WORK), rows)


def quarters(times: Iterable[Stretch]) -> list[Quarters]:
    """The quarters that any of ``times`` touches, in their order, neighbours as one."""
    found: list[Quarters] = []
    for start, end in sorted(times):
        first, until = start // QUARTER_MS, min(FOREVER, -(-end // QUARTER_MS))
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(until, found[-1][1])
        else:
            found.append((first, until))
    return found
