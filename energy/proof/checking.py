"""Checks of the whole ledger: what each found is kept, with where the chains ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.check import check_site
from energy.proof.difference import Checked, Difference
from energy.proof.key import SigningKey
from energy.proof.tables import CHECK, SEAL
from energy.reading.reader import LedgerFigures
from energy.tables import REGISTER
from runtime.database import Database

MOST = 1000
"""Differences that one check tells; more are counted."""


async def every_site(connection: AsyncConnection) -> list[str]:
    """Each site that the ledger ever kept anything of."""
    found = await connection.execute(select(REGISTER.c.site).distinct().order_by(REGISTER.c.site))
    return list(found.scalars())


@dataclass(frozen=True)
class Proof:
    """What a check reads: the ledger, the key that signed, and ``figures`` to come to what was signed."""

    database: Database
    key: SigningKey
    figures: LedgerFigures | None = None


async def check_ledger(
    proof: Proof,
    who: tuple[str, datetime],
    sites: Iterable[str] | None = None,
    chosen: Callable[[int], bool] | None = None,
) -> Checked:
    """Recompute the proof of ``sites`` (None: of all), and keep what was found.

    ``who`` are the name of who checks and the time; only rows of ``chosen`` days (since 1970) are read.
    """
    database = proof.database
    async with database.read() as connection:
        names = await every_site(connection) if sites is None else list(sites)
        before = await newest_check(connection)
    seals = rows = 0
    differences: list[Difference] = []
    heads = dict(before.heads) if before else {}
    for site in names:
        found = await check_site(database, site, proof.key, chosen, proof.figures)
        seals, rows = seals + found.seals, rows + found.rows
        differences += found.differences
        if site in heads and not await _still_there(database, site, heads[site]):
            number = heads[site][0]
            told = f"the chain is not the one of the check before: seal {number} is gone or another"
            differences.append(Difference(site, "seal", told))
        elif found.head is not None:
            heads[site] = found.head
    left = max(0, len(differences) - MOST)
    checked = Checked(who[1], who[0], seals, rows, tuple(differences[:MOST]), heads, left)
    async with database.begin() as connection:
        await connection.execute(insert(CHECK).values(_row(checked)))
    return checked


async def newest_check(connection: AsyncConnection) -> Checked | None:
    """The last check; None before the first."""
    row = (await connection.execute(select(CHECK).order_by(CHECK.c.id.desc()).limit(1))).first()
    return None if row is None else _checked(row)


async def _still_there(database: Database, site: str, head: tuple[int, str]) -> bool:
    async with database.read() as connection:
        kept = await connection.scalar(
            select(SEAL.c.hash).where(SEAL.c.site == site, SEAL.c.number == head[0])
        )
    return bool(kept == head[1])


def _row(checked: Checked) -> dict[str, Any]:
    told = {
        "differences": [asdict(one) for one in checked.differences],
        "heads": checked.heads,
        "left": checked.left,
    }
    return {
        "at": checked.at,
        "who": checked.who,
        "seals": checked.seals,
        "rows": checked.rows,
        "found": json.dumps(told, ensure_ascii=False),
    }


def _checked(row: Row[Any]) -> Checked:
    told = json.loads(row.found)
    differences = tuple(Difference(**one) for one in told["differences"])
    heads = {site: (int(number), str(digest)) for site, (number, digest) in told["heads"].items()}
    return Checked(row.at, row.who, row.seals, row.rows, differences, heads, told["left"])
