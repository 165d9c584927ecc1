"""Restates a locked month: what waits for it is applied in one transaction, with a signed document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.interval import Period
from energy.proof.act import Act
from energy.proof.basis import load_basis
from energy.proof.beside import Beside, load_beside
from energy.proof.cause import record
from energy.proof.document import Restatement, chained, load_restatements, month_content
from energy.proof.key import SigningKey
from energy.proof.knowledge import Restated
from energy.proof.line import Written, canonical
from energy.proof.locking import ATTEMPTS
from energy.proof.month_lock import Lock, load_locks
from energy.proof.pending import Waiting, forget, ledger_of, load_pending
from energy.proof.proposal import (
    Figures,
    MeterChange,
    Proposed,
    by_meter,
    compared,
    figures_of,
    figures_signed,
    same_figure,
)
from energy.proof.tables import RESTATEMENT
from energy.proof.turn import take_turn, wait_turn
from energy.reading.reader import LedgerFigures
from energy.settlement.revisions import append
from energy.tables import LEDGER
from runtime.clock import to_ms
from runtime.database import Database
from runtime.errors import ServiceError

_EVER = 2**31 - 1
"""Beyond every cause: the place of rows that have none yet."""


@dataclass(frozen=True)
class Proposal:
    """What a restatement of ``site`` and ``period`` would apply, and the difference that it makes.

    ``lock`` is the month's, ``before`` the document that the next one follows. All that was ``known`` by then
    is in it, the newest stamp of the site; ``beside`` is what of that is no row of the ledger.
    """

    lock: Lock
    before: Lock | Restatement
    number: int
    known: datetime
    waiting: Sequence[Waiting]
    rows: Sequence[Written]
    figures: Sequence[dict[str, Any]]
    meters: Sequence[MeterChange]
    beside: Beside

    @property
    def changes(self) -> bool:
        """Whether it would change anything."""
        return bool(self.waiting or self.beside) or any(
            not same_figure(line["before"], line["after"]) for line in self.figures
        )

    @property
    def because(self) -> list[str]:
        """Why the month changes: what the causes of all that waits say."""
        return sorted({*(one.why for one in self.waiting), *self.beside.because})


async def propose(
    database: Database,
    figures: LedgerFigures,
    site: str,
    month: tuple[str, Period],
    at: datetime | None = None,
) -> Proposal:
    """What waits for the locked ``month``, known by ``at``. Raises ValueError for one that is not locked.

    The figures before are those that were signed when it was locked, or restated last.
    """
    period, span = month
    async with database.begin() as connection:
        newest = await wait_turn(connection, site)
    at = None if at is None else max(at, newest)  # all that is stamped by now is part of it
    async with database.read() as connection:
        locks = {lock.period: lock for lock in await load_locks(connection, [site])}
        if period not in locks:
            raise ValueError(f"{period} of {site} is not locked; what changes it is settled by itself")
        lock = locks[period]
        past = await load_restatements(connection, site, period)
        waiting = await load_pending(connection, [site], (lock.first, lock.until))
        known = await known_rows(connection, waiting)
    before: Lock | Restatement = past[-1] if past else lock
    rows = [_row(one, known.get((one.register, one.quarter)), to_ms(before.at)) for one in waiting]
    old = figures_signed(before) or await _figures(figures, site, span, before)
    but = Restated(site, period, at)
    restated_then = figures.reading(Proposed(database, waiting, but), but)
    (new,) = await restated_then.kpi(site, span)
    beside, _ = await load_beside(database, site, period, at)
    return Proposal(
        lock, before, len(past) + 1, newest, waiting, rows, compared(old, new), by_meter(waiting, known),
        beside,
    )  # fmt: skip


async def restate(database: Database, key: SigningKey, proposal: Proposal, act: Act) -> Restatement | None:
    """Apply ``proposal``; None if the ledger was written to since it was made.

    Raises ValueError where there is nothing to apply, and without a reason.
    """
    lock = proposal.lock
    if not act.reason:
        raise ValueError("reason: tell why the month is restated")
    if not proposal.changes:
        raise ValueError(f"nothing waits for {lock.period} of {lock.site}: it reads as it was signed")
    quarters = (lock.first, lock.until)
    content, intervals = await month_content(database, lock.site, quarters, _EVER, proposal.rows)
    basis = await load_basis(database, (lock.site, lock.period, quarters), proposal.known)
    async with database.begin() as connection:
        if await wait_turn(connection, lock.site) != proposal.known:
            return None
        at = await take_turn(connection, lock.site, act.at)
        cause = await record(
            connection, site=lock.site, kind="restatement", who=act.who, reason=act.reason, at=at,
            first=lock.first, until=lock.until,
        )  # fmt: skip
        document = canonical(
            {"kind": "restatement", "site": lock.site, "period": lock.period, "number": proposal.number,
             "who": act.who, "reason": act.reason, "at": at.isoformat(), "cause": cause, "through": cause,
             "content": content, "intervals": intervals, "basis": asdict(basis),
             "previous": chained(proposal.before),
             "figures": list(proposal.figures), "meters": [asdict(one) for one in proposal.meters],
             "certificates": [asdict(one) for one in proposal.beside.certificates],
             "because": proposal.because}
        )  # fmt: skip
        made = Restatement(
            lock.site, lock.period, proposal.number, cause, at, act.who, act.reason, document, key.name,
            key.sign(document),
        )  # fmt: skip
        pairs = zip(proposal.waiting, proposal.rows, strict=True)
        rows = [ledger_of(one, row.revision, at, cause) for one, row in pairs]
        if rows:
            await append(connection, lock.site, rows)
        await connection.execute(insert(RESTATEMENT).values(**vars(made)))
        await forget(connection, [(one.register, one.quarter) for one in proposal.waiting], at)
    return made


async def restated(
    database: Database, figures: LedgerFigures, key: SigningKey, what: tuple[str, str, Period], act: Act
) -> Restatement:
    """Propose and restate ``what``: site, period and its span; anew while the ledger is written to."""
    site, period, span = what
    for _ in range(ATTEMPTS):
        proposal = await propose(database, figures, site, (period, span))
        made = await restate(database, key, proposal, act)
        if made is not None:
            return made
    raise ServiceError(f"{site} {period} cannot be restated now: the ledger is being written to; try again")


async def known_rows(
    connection: AsyncConnection, waiting: Sequence[Waiting], as_of: datetime | None = None
) -> dict[tuple[int, int], Written]:
    """The newest row of each interval that waits, known ``as_of``."""
    if not waiting:
        return {}
    quarters = [one.quarter for one in waiting]
    columns = (LEDGER.c.register, LEDGER.c.quarter, LEDGER.c.revision, LEDGER.c.amount, LEDGER.c.quality)
    wanted = (
        select(*columns)
        .where(LEDGER.c.register.in_({one.register for one in waiting}))
        .where(LEDGER.c.quarter >= min(quarters), LEDGER.c.quarter <= max(quarters))
        .order_by(LEDGER.c.revision)
    )
    if as_of is not None:
        wanted = wanted.where(LEDGER.c.settled_at <= as_of)
    found = {}
    for row in await connection.execute(wanted):
        found[row.register, row.quarter] = Written(*row, None, 0, 0)
    return found


def _row(one: Waiting, known: Written | None, settled_ms: int) -> Written:
    revision = 1 if known is None else known.revision + 1
    return Written(
        one.register, one.quarter, revision, one.amount, one.quality, one.reason, settled_ms, _EVER
    )


async def _figures(figures: LedgerFigures, site: str, span: Period, before: Lock | Restatement) -> Figures:
    """Of a document that signed none."""
    (row,) = await figures.kpi(site, span, as_of=before.at)
    return figures_of(row)
