"""How accounts are kept: append-only revisions of intervals, each with its lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import QUARTER_MS
from energy.workloads.days import move, remove_empty
from energy.workloads.flag import Flag
from energy.workloads.reckoning import Reckoned
from energy.workloads.share import SiteInterval
from energy.workloads.tables import ACCOUNT, INTERVAL
from runtime.clock import to_ms

LOOK_AGAIN = (timedelta(0), timedelta(hours=2)), (timedelta(hours=24), timedelta(hours=25))
"""Ages at which intervals of which not all GPUs told their energy are looked at again, once an hour."""

_ROWS = 500

Found = tuple[Reckoned, SiteInterval]
"""A cut interval, and the figures that it was cut from."""


@dataclass(frozen=True)
class Known:
    """The newest revision of an interval's accounts, and digests of what it was made from and came to."""

    revision: int
    figures: str
    digest: str


async def newest(connection: AsyncConnection, site: str, span: tuple[int, int]) -> dict[int, Known]:
    """What is kept of the quarters ``first <= q < until``."""
    rows = await connection.execute(
        select(INTERVAL.c.quarter, INTERVAL.c.revision, INTERVAL.c.figures, INTERVAL.c.digest).where(
            INTERVAL.c.site == site,
            INTERVAL.c.quarter >= span[0],
            INTERVAL.c.quarter < span[1],
            INTERVAL.c.superseded_at.is_(None),
        )
    )
    return {row.quarter: Known(row.revision, row.figures, row.digest) for row in rows}


async def incomplete_recent(connection: AsyncConnection, site: str, at: datetime) -> list[int]:
    """Recent intervals that late readings of GPUs may still complete."""
    ages = [[to_ms(at - age) // QUARTER_MS for age in pair] for pair in LOOK_AGAIN]
    rows = await connection.execute(
        select(INTERVAL.c.quarter).where(
            INTERVAL.c.site == site,
            or_(*(INTERVAL.c.quarter.between(first, last) for last, first in ages)),
            INTERVAL.c.superseded_at.is_(None),
            INTERVAL.c.told_ms < INTERVAL.c.expected_ms,
        )
    )
    return [row.quarter for row in rows]


def is_new(found: Found, known: Known | None) -> bool:
    """Whether anything in ``found`` is not as it is kept."""
    return known is None or known.digest != _content(found)


def _content(found: Found) -> str:
    reckoned, site = found
    lines = [astuple(line) for line in reckoned.lines]
    times = (reckoned.told_ms, reckoned.expected_ms)
    return digest([site, lines, reckoned.cut, times])


def digest(what: Sequence[object]) -> str:
    """A short name for the content of plain values."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:32]


async def save(
    connection: AsyncConnection,
    site: str,
    fresh: Sequence[Found],
    context: tuple[Mapping[int, Known], datetime],
) -> None:
    """Write the accounts of ``fresh`` intervals as new revisions; what is ``known`` is kept as superseded.

    The sums by day move with them.
    """
    known, at = context
    headers, lines, replaced = [], [], []
    for reckoned, figures in fresh:
        before = known.get(reckoned.quarter)
        revision = 1 if before is None else before.revision + 1
        key = {"site": site, "quarter": reckoned.quarter, "revision": revision}
        if before is not None:
            replaced.append(reckoned.quarter)
        told = {"figures": digest([figures]), "digest": _content((reckoned, figures))}
        headers.append(key | told | {"known_at": at} | _header(reckoned, figures))
        lines += [key | line for line in _lines(reckoned)]
    await move(connection, site, replaced, -1)
    for first in range(0, len(replaced), _ROWS):
        await connection.execute(
            update(INTERVAL)
            .where(INTERVAL.c.site == site, INTERVAL.c.quarter.in_(replaced[first : first + _ROWS]))
            .where(INTERVAL.c.superseded_at.is_(None))
            .values(superseded_at=at)
        )
    for table, rows in ((INTERVAL, headers), (ACCOUNT, lines)):
        for first in range(0, len(rows), _ROWS):
            await connection.execute(insert(table), rows[first : first + _ROWS])
    await move(connection, site, [reckoned.quarter for reckoned, _ in fresh], 1)
    await remove_empty(connection, site, replaced)


def _header(reckoned: Reckoned, figures: SiteInterval) -> dict[str, object]:
    rest = reckoned.cut.rest
    gpu_wh = rest.gpu_wh + sum(share.gpu_wh for share in reckoned.cut.shares)
    told = {name: amount for name, amount in vars(figures).items() if name != "sure"}
    return told | {
        "gpu_wh": gpu_wh,
        "idle_gpu_wh": rest.gpu_wh,
        "rest_it_wh": rest.it_wh,
        "rest_wh": rest.total_wh,
        "rest_green_wh": rest.green_wh,
        "rest_unknown_wh": rest.unknown_wh,
        "rest_location_g": rest.co2_location_g,
        "rest_market_g": rest.co2_market_g,
        "part": rest.part,
        "told_ms": reckoned.told_ms,
        "expected_ms": reckoned.expected_ms,
        "flags": int(reckoned.cut.flags),
    }


def _lines(reckoned: Reckoned) -> Iterable[dict[str, object]]:
    for line, share in zip(reckoned.lines, reckoned.cut.shares, strict=True):
        flags = int(line.flags | (reckoned.cut.flags & Flag.UNSURE))
        times = {"told_ms": line.told_ms, "expected_ms": line.expected_ms, "flags": flags}
        yield line.payer._asdict() | vars(share) | times
