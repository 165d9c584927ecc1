"""Which factor sets each site used since when: kept whole, so that any past figure can be made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.choice import Use, default_use, use_of
from energy.carbon.factor import Factor, FactorSet
from energy.carbon.tables import CARBON_USE
from energy.interval import QUARTER_MS
from energy.proof.cause import SERVICE, record
from energy.proof.turn import take_turn
from energy.tables import SETTLEMENT
from runtime.clock import to_ms
from runtime.database import Database

log = structlog.get_logger(__name__)


async def load_use(connection: AsyncConnection, site: str, as_of: datetime | None = None) -> Use:
    """What the figures of ``site`` are made with, as known ``as_of``; the first use always is."""
    wanted = select(CARBON_USE).where(CARBON_USE.c.site == site).order_by(CARBON_USE.c.number)
    rows = (await connection.execute(wanted)).all()
    known = [row for n, row in enumerate(rows) if n == 0 or as_of is None or row.known_at <= as_of]
    return use_of(known[-1].told) if known else default_use()


async def record_uses(database: Database, uses: Mapping[str, Use], at: datetime) -> list[str]:
    """Note for each site what has changed since it was last noted, and why its figures are new revisions.

    The first use of a site revises nothing. Returns the sites whose use changed.
    """
    changed = []
    async with database.begin() as connection:
        for site, use in sorted(uses.items()):
            at = await take_turn(connection, site, at)
            newest = select(func.max(CARBON_USE.c.number)).where(CARBON_USE.c.site == site)
            number = int(await connection.scalar(newest) or 0)
            before = await load_use(connection, site)
            if number and before == use:
                continue
            row = {"site": site, "number": number + 1, "known_at": at, "told": use.told()}
            await connection.execute(insert(CARBON_USE).values(row))
            if number:
                await _revise(connection, site, (before, use), at)
                changed.append(site)
                log.info("factors_changed", site=site, factors=use.factors.name)
    return changed


async def _revise(connection: AsyncConnection, site: str, uses: tuple[Use, Use], at: datetime) -> None:
    settled = await connection.scalar(select(func.max(SETTLEMENT.c.until)).where(SETTLEMENT.c.site == site))
    first, until = max(0, _first_difference(*uses)), int(settled or to_ms(at) // QUARTER_MS)
    if first < until:
        await record(
            connection, site=site, kind="factor", who=SERVICE, reason=_reason(*uses), at=at,
            first=first, until=until,
        )  # fmt: skip


def _first_difference(before: Use, after: Use) -> int:
    """The first quarter whose factors may differ; all of them if it is a choice that changed."""
    if (before.contracts, before.grid, before.basis) != (after.contracts, after.grid, after.basis):
        return 0
    found = []
    for _, one, other in _sets(before, after):
        if one != other:
            found += [factor.hours()[0] * 4 for factor in _differing(one, other)]
    return min(found, default=0)


def _differing(one: FactorSet | None, other: FactorSet | None) -> Sequence[Factor]:
    mine, theirs = (one.factor if one else ()), (other.factor if other else ())
    return [f for f in (*mine, *theirs) if f not in mine or f not in theirs]


def _sets(before: Use, after: Use) -> Sequence[tuple[str, FactorSet | None, FactorSet | None]]:
    """Every set by its name in words, as it was and as it is."""
    return (
        ("factors", before.factors, after.factors),
        ("residual mix", before.residual, after.residual),
        ("factors over the life cycle", before.lifecycle, after.lifecycle),
    )


def _reason(before: Use, after: Use) -> str:
    told = []
    for what, one, other in _sets(before, after):
        if one != other:
            names = [set_.name if set_ else "none" for set_ in (one, other)]
            same = " without a new version" if names[0] == names[1] else ""
            told.append(f"{what} {names[0]} replaced by {names[1]}{same}")
    if before.contracts != after.contracts:
        told.append(f"contracts count {after.contracts} emissions instead of {before.contracts}")
    if before.basis != after.basis:
        told.append(f"the grid counts {after.basis}-based instead of {before.basis}-based")
    if before.grid != after.grid:
        told.append(f"the hours of the grid are those of {after.grid} instead of {before.grid}")
    return "; ".join(told)
