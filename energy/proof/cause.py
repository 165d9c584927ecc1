"""Every change of a figure has a cause: what happened, who did it, why, when it was known, and where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.tables import CAUSE
from energy.proof.turn import take_turn

Kind = Literal[
    "settlement",
    "late",
    "correction",
    "factor",
    "certificate",
    "configuration",
    "register",
    "restatement",
    "pending",
    "lock",
]
"""``settlement``: intervals settled for the first time. ``late``: readings that came after that.
``correction``: registers read anew because somebody says so. ``factor`` and ``certificate``: facts beside
the ledger. ``configuration``: an entry that says otherwise of the past. ``register``: a meter
that told earlier than was known what leaves its site. ``restatement``: of a locked month.
``pending``: found for a locked month, where it changes nothing yet. ``lock``: changes no figure."""

KINDS: tuple[Kind, ...] = get_args(Kind)

SERVICE = "amberwatt"
"""Who acts when nobody asked: the service itself."""


@dataclass(frozen=True)
class Cause:
    """One row of ``energy_cause``: ``first <= quarter < until`` is what it touches of ``site``."""

    id: int
    site: str
    kind: Kind
    who: str
    reason: str
    at: datetime
    first: int
    until: int


async def record(  # noqa: PLR0913 - one argument per column, all by name
    connection: AsyncConnection,
    *,
    site: str,
    kind: Kind,
    who: str,
    reason: str,
    at: datetime,
    first: int,
    until: int,
) -> int:
    """Add a cause in the transaction of what it causes, and return its number.

    It became known ``at`` that time, as :func:`energy.proof.turn.take_turn` stamps it: ``as_of`` compares
    with it. ``first`` and ``until`` are quarters since 1970, UTC, the latter exclusive. Raises ValueError for
    a kind that is none, and for an empty span.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of cause; choose from {', '.join(KINDS)}")
    if first >= until:
        raise ValueError(f"a cause touches at least one quarter-hour; {first} to {until} holds none")
    at = await take_turn(connection, site, at)
    row = {"site": site, "kind": kind, "who": who, "reason": reason, "at": at, "first": first, "until": until}
    made = await connection.execute(insert(CAUSE).values(row))
    (number,) = made.inserted_primary_key or (0,)
    return int(number)


async def load_causes(
    connection: AsyncConnection,
    sites: Collection[str],
    quarters: tuple[int, int],
    kinds: Collection[Kind] = KINDS,
    as_of: datetime | None = None,
) -> Sequence[Cause]:
    """Those of ``kinds`` that touch a quarter of ``sites`` in the range and were known, in their order."""
    wanted = (
        select(CAUSE)
        .where(CAUSE.c.site.in_(sites), CAUSE.c.kind.in_(kinds))
        .where(CAUSE.c.until > quarters[0], CAUSE.c.first < quarters[1])
        .order_by(CAUSE.c.id)
    )
    if as_of is not None:
        wanted = wanted.where(CAUSE.c.at <= as_of)
    return [cause_of(row) for row in await connection.execute(wanted)]


def cause_of(row: Row[Any]) -> Cause:
    """The cause in a row of its table."""
    return Cause(row.id, row.site, row.kind, row.who, row.reason, row.at, row.first, row.until)
