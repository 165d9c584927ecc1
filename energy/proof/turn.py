"""Lets one transaction after the other write what belongs to a site, a registry or a zone, and stamps it.

Whatever tells when it became known is stamped here, later than all that was stamped before: what a lock, a
restatement or ``as_of`` has told of stays what it was, whoever noted his time first and waited long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.tables import TURN
from energy.tables import insert_into
from runtime.clock import from_ms, to_ms

_TURNS = "turns"
"""Where a connection keeps which turns its transaction has."""


def of_site(site: str) -> str:
    """The turn of who writes to the ledger of ``site``, or anything else that its figures follow from."""
    return f"site:{site}"


def of_registry(registry: str) -> str:
    """The turn of who writes to the certificates of ``registry``."""
    return f"certificates:{registry}"


def of_zone(zone: str) -> str:
    """The turn of who writes hours of the grid of ``zone``."""
    return f"grid:{zone}"


@dataclass
class _Taken:
    """The turns that ``transaction`` has, and when what it writes becomes known, in ms since 1970."""

    transaction: Any
    names: set[str] = field(default_factory=set)
    stamp: int = 0


async def take_turn(
    connection: AsyncConnection, site: str, at: datetime, mine: datetime | None = None
) -> datetime:
    """The same as :func:`take_turns`, of one site."""
    return await take_turns(connection, [of_site(site)], at, mine)


async def take_turns(
    connection: AsyncConnection, names: Iterable[str], at: datetime, mine: datetime | None = None
) -> datetime:
    """Wait until no other transaction has one of the turns ``names``; they end with this one.

    Returns when what is written now becomes known: ``at``, or a millisecond later than the newest stamp of
    these turns. A transaction has one such moment, which moves on if it takes more turns. ``mine`` is the
    stamp of an earlier transaction of the same act: as long as nobody stamped since, it goes on.

    Whoever takes turns one after the other takes them in the order of their names: registries, zones, sites.
    """
    taken = _taken(connection)
    new = sorted(set(names) - taken.names)
    own = None if mine is None else to_ms(mine)
    stamp = max(taken.stamp, to_ms(at))
    for name in new:
        newest = await _wait(connection, name)
        stamp = max(stamp, newest if newest == own else newest + 1)
    moved = {*new, *taken.names} if stamp > taken.stamp else set(new)
    if moved:
        await connection.execute(update(TURN).where(TURN.c.name.in_(sorted(moved))).values(newest=stamp))
    taken.names.update(new)
    taken.stamp = stamp
    return from_ms(stamp)


async def wait_turn(connection: AsyncConnection, site: str) -> datetime:
    """Wait as :func:`take_turn`, to read and not to stamp; the newest stamp of ``site``.

    Whatever is stamped up to then is to be read now, and everything that will be is stamped later.
    """
    return from_ms(await _wait(connection, of_site(site)))


async def newest_stamp(connection: AsyncConnection, site: str) -> int | None:
    """The newest stamp of ``site``, in ms since 1970, without waiting; None as long as it never had one.

    Another one whenever another act has written anything that figures of the site follow from.
    """
    found = await connection.scalar(select(TURN.c.newest).where(TURN.c.name == of_site(site)))
    return None if found is None else int(found)


async def every_site(connection: AsyncConnection) -> list[str]:
    """The turns of all sites that ever had one: for facts that the figures of several follow from."""
    wanted = select(TURN.c.name).where(TURN.c.name.startswith(of_site("")))
    return list((await connection.execute(wanted)).scalars())


async def _wait(connection: AsyncConnection, name: str) -> int:
    """Lock the row of a turn and return its newest stamp; SQLite has one writer anyway."""
    statement = insert_into(connection, TURN).values(name=name, newest=0)
    locked = statement.on_conflict_do_update(index_elements=["name"], set_={"newest": TURN.c.newest})
    return int((await connection.execute(locked.returning(TURN.c.newest))).scalar_one())


def _taken(connection: AsyncConnection) -> _Taken:
    transaction = None if connection.sync_connection is None else connection.sync_connection.get_transaction()
    kept = connection.info.get(_TURNS)
    if not isinstance(kept, _Taken) or kept.transaction is not transaction:
        kept = connection.info[_TURNS] = _Taken(transaction)
    return kept
