"""Locks a month: it is sealed, its content signed, and from then on it takes no more rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import insert

from energy.interval import QUARTER_MS, Period
from energy.proof.act import Act
from energy.proof.basis import load_basis
from energy.proof.cause import record
from energy.proof.document import month_content, newest_cause
from energy.proof.key import SigningKey
from energy.proof.line import canonical
from energy.proof.month_lock import Lock, load_locks
from energy.proof.proposal import figures_of
from energy.proof.seal import newest_seal, seal_days
from energy.proof.tables import LOCK
from energy.proof.turn import take_turn
from energy.reading.presence import quarters_of
from energy.reading.reader import LedgerFigures
from energy.sums.sheet import settled_until
from runtime.clock import from_ms
from runtime.database import Database
from runtime.errors import ServiceError

ATTEMPTS = 5
"""How often a month is read anew because the ledger was written to meanwhile."""


async def lock_month(
    database: Database, figures: LedgerFigures, key: SigningKey, month: tuple[str, str, Period], act: Act
) -> Lock:
    """Lock ``month``: site, period and its span. Raises ValueError where it is locked or not settled.

    It is locked in the site's turn, later than all that was stamped before, and holds just that: how its
    rows read, its figures, and what they rest on beside the rows.
    """
    site, period, span = month
    first, until = quarters_of(span)
    await seal_days(database, site, act.at)
    for _ in range(ATTEMPTS):
        async with database.begin() as connection:
            at = await take_turn(connection, site, act.at)
            settled = await settled_until(connection, site)
            through = await newest_cause(connection, site)
            _refuse(period, until, settled, [one.period for one in await load_locks(connection, [site])])
        content, intervals = await month_content(database, site, (first, until), through)
        basis = await load_basis(database, (site, period, (first, until)), at)
        (row,) = await figures.kpi(site, span)
        async with database.begin() as connection:
            if await take_turn(connection, site, at, mine=at) != at:
                continue  # somebody else wrote meanwhile
            seal = await newest_seal(connection, site)
            document = canonical(
                {"kind": "lock", "site": site, "period": period, "first": first, "until": until,
                 "who": act.who, "at": at.isoformat(), "through": through,
                 "intervals": intervals, "content": content,
                 "basis": asdict(basis), "figures": figures_of(row),
                 "seal": None if seal is None else {"number": seal.number, "hash": seal.hash}}
            )  # fmt: skip
            lock = Lock(site, period, first, until, at, act.who, document, key.name, key.sign(document))
            await connection.execute(insert(LOCK).values(**vars(lock)))
            await record(
                connection, site=site, kind="lock", who=act.who, reason=f"{period} was locked", at=at,
                first=first, until=until,
            )  # fmt: skip
            return lock
    raise ServiceError(f"{site} {period} cannot be locked now: the ledger is being written to; try again")


def _refuse(period: str, until: int, settled: int | None, locked: Sequence[str]) -> None:
    if period in locked:
        raise ValueError(f"{period} is locked already; restate it if it is to change")
    if settled is None or settled < until:
        told = "nothing is" if settled is None else f"it is until {from_ms(settled * QUARTER_MS).isoformat()}"
        raise ValueError(f"{period} is not all settled yet: {told}; lock it when it has ended")
