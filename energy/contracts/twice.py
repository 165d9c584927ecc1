"""Volumes that another contract was told already: one plant's energy counts once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.sheet import Remark
from energy.contracts.plant import Plant
from energy.contracts.shares import Buyer
from energy.contracts.sheet import Volume
from energy.contracts.tables import FILE, VOLUME

_TELLING = 12
"""Different amounts; fewer may be a profile that two contracts share, such as a base load."""


async def taken_twice(
    connection: AsyncConnection, plant: Plant, sha256: str, volumes: Sequence[Volume]
) -> list[Remark]:
    """Why ``volumes`` may not be taken for ``plant``: a contract with another plant was told them.

    By the same file, known by its ``sha256``, or by another one that tells the very amounts.
    """
    same = select(FILE.c.site, FILE.c.supply, FILE.c.who).where(FILE.c.sha256 == sha256)
    files = {Buyer(row.site, row.supply): row.who for row in await connection.execute(same)}
    found = {one: f"the same file was imported by {who} for {one}" for one, who in files.items()}
    for one in await _same_amounts(connection, volumes):
        found.setdefault(one, f"{one} was told the very amounts by another file")
    own = {*plant.buyers, Buyer(plant.site, plant.supply)}
    return [
        Remark(
            0,
            f"{told}; if both buy of one plant, name it in both ([[sites.{plant.site}.supply]] plant = "
            '"..."), each with its share',
        )
        for one, told in found.items()
        if one not in own
    ]


async def _same_amounts(connection: AsyncConnection, volumes: Sequence[Volume]) -> Iterator[Buyer]:
    """The contracts that were told every amount of ``volumes`` of which they were told at all."""
    ours = {volume.quarter: volume.wh for volume in volumes}
    if len({wh for wh in ours.values() if wh}) < _TELLING:
        return iter(())
    wanted = (
        select(VOLUME.c.site, VOLUME.c.supply, VOLUME.c.quarter, VOLUME.c.amount)
        .where(VOLUME.c.quarter.between(min(ours), max(ours)))
        .order_by(VOLUME.c.version)
    )
    theirs: dict[Buyer, dict[int, int]] = defaultdict(dict)
    for row in await connection.execute(wanted):
        theirs[Buyer(row.site, row.supply)][row.quarter] = row.amount
    return (one for one, told in theirs.items() if _alike(ours, told))


def _alike(ours: dict[int, int], theirs: dict[int, int]) -> bool:
    both = [(ours[quarter], wh) for quarter, wh in theirs.items() if quarter in ours]
    return len({wh for wh, _ in both if wh}) >= _TELLING and all(one == other for one, other in both)
