"""The outbox as a table of work: claimed under a lease, in order within a thread, marked when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerts.message import AlertMessage
from alerts.reading import ChannelStatus
from alerts.rows import post
from alerts.tables import outbox, outbox_alert
from runtime.clock import EPOCH, Clock
from runtime.database import Database, Moment

ORDER_PATIENCE = 4
"""Failed attempts after which a message lets later ones of its thread pass while it waits for its next."""

SUPERSEDED = "superseded by a later message about it"

_WAITING = and_(outbox.c.delivered_at.is_(None), outbox.c.failed_at.is_(None))


@dataclass(frozen=True)
class Letter:
    """One claimed message; ``first_tried_at`` is when its first attempt began.

    ``message`` is None when its payload cannot be read, which ``trouble`` explains.
    """

    id: int
    key: str
    message: AlertMessage | None
    trouble: str | None
    attempts: int
    first_tried_at: datetime


class Queue:
    """The outbox as one process (``owner``) works on it; times are the machine's (``clock``)."""

    def __init__(self, database: Database, owner: str, clock: Clock, lease: timedelta) -> None:
        self._database, self._owner, self._clock, self._lease = database, owner, clock, lease

    async def put(self, channels: Sequence[str], message: AlertMessage) -> int:
        """Put ``message`` into the outbox for each channel, unless it is there already; how many were new."""
        async with self._database.begin() as db:
            copies = [(c, replace(message, key=f"{message.key}@{c}")) for c in channels]
            return sum([await post(db, channel, copy, message.key) for channel, copy in copies])

    async def orphan(self) -> None:
        """Let go of what an earlier process of this owner's name was sending when it died."""
        mine = and_(_WAITING, outbox.c.owner == self._owner)
        async with self._database.begin() as db:
            await db.execute(update(outbox).where(mine).values(lease_until=None, owner=None))

    async def claim(self, channel: str, limit: int) -> list[Letter]:
        """Up to ``limit`` messages that are due, for this process alone; each claim is an attempt."""
        now = self._clock.now()
        free = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now)
        due = or_(outbox.c.due_at.is_(None), outbox.c.due_at <= now)
        query = select(outbox).where(outbox.c.channel == channel, _WAITING, free, due, ~_out_of_turn(now))
        query = query.order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
        ours = {"owner": self._owner, "lease_until": now + self._lease}
        async with self._database.begin() as db:
            found = (await db.execute(query)).all()
            ids = [row.id for row in found]
            if ids:
                tried = func.coalesce(outbox.c.first_tried_at, literal(now, Moment()))
                counted = {"attempts": outbox.c.attempts + 1, "first_tried_at": tried}
                await db.execute(update(outbox).where(outbox.c.id.in_(ids)).values(**ours, **counted))
        return [
            Letter(row.id, row.key, *_read(row.payload), row.attempts + 1, row.first_tried_at or now)
            for row in found
        ]

    async def delivered(self, letter: Letter) -> None:
        """It has been delivered: nobody sends it again, nor what waits of earlier messages about its alerts.

        A beginning that arrives after its end would never be taken back. What else such a message told of
        counts as not told, so that the book tells it anew.
        """
        now = self._clock.now()
        told = select(outbox_alert.c.alert_id).where(outbox_alert.c.outbox_id == letter.id)
        about = select(outbox_alert.c.outbox_id).where(outbox_alert.c.alert_id.in_(told))
        earlier = and_(outbox.c.id < letter.id, outbox.c.id.in_(about), _WAITING)
        this_channel = select(outbox.c.channel).where(outbox.c.id == letter.id).scalar_subquery()
        over = {"failed_at": now, "superseded_by": letter.id, "error": SUPERSEDED}
        async with self._database.begin() as db:
            if await self._mark(db, letter, delivered_at=now, error=None):
                await db.execute(update(outbox).where(earlier, outbox.c.channel == this_channel).values(over))

    async def failed(self, letter: Letter, error: str, *, reached: bool = False) -> None:
        """It will never be delivered, or (``reached``) never to all of its recipients."""
        now = self._clock.now()
        async with self._database.begin() as db:
            await self._mark(db, letter, failed_at=now, delivered_at=now if reached else None, error=error)

    async def again(
        self, letter: Letter, due_at: datetime, error: str | None, rest: AlertMessage | None = None
    ) -> None:
        """Try it again, not before ``due_at``; ``rest`` takes its place when some recipients have it."""
        payload = {} if rest is None else {"payload": msgspec.json.encode(rest).decode()}
        async with self._database.begin() as db:
            await self._mark(db, letter, due_at=due_at, error=error, **payload)

    async def next_due(self, channel: str, after: datetime) -> datetime | None:
        """When the first message that was not yet due then may be tried; None when none waits."""
        query = select(func.min(outbox.c.due_at)).where(outbox.c.channel == channel, _WAITING)
        async with self._database.read() as db:
            found: datetime | None = await db.scalar(query.where(outbox.c.due_at > after))
        return found

    async def status(self, channel: str) -> ChannelStatus:
        """How ``channel`` stands by what is recorded."""
        this = outbox.c.channel == channel
        async with self._database.read() as db:
            waiting = await db.scalar(select(func.count()).where(this, _WAITING))
            delivered = await db.scalar(select(func.max(outbox.c.delivered_at)).where(this))
            lost = select(outbox).where(this, outbox.c.superseded_by.is_(None))
            lost = lost.where(outbox.c.failed_at >= (delivered or EPOCH))
            row = (await db.execute(lost.order_by(outbox.c.failed_at).limit(1))).one_or_none()
        if row is None:
            return ChannelStatus(channel, waiting or 0, None, timedelta(0), False, delivered)
        return ChannelStatus(channel, waiting or 0, row.error, timedelta(0), True, delivered)

    async def _mark(self, db: AsyncConnection, letter: Letter, **values: object) -> bool:
        """Write how the attempt ended; False when it was no longer ours."""
        mine = and_(outbox.c.id == letter.id, outbox.c.owner == self._owner)
        ended = update(outbox).where(mine).values(owner=None, lease_until=None, **values)
        return (await db.execute(ended)).rowcount == 1


def _read(payload: str) -> tuple[AlertMessage | None, str | None]:
    """The message, or why it cannot be read: an upgrade may no longer know what an older version wrote."""
    try:
        return msgspec.json.decode(payload, type=AlertMessage), None
    except (msgspec.DecodeError, ValueError) as error:
        return None, f"the message in the outbox cannot be read by this version: {error}"


def _out_of_turn(now: datetime) -> ColumnElement[bool]:
    """Whether another of the same thread goes first: an earlier one, unless it rests, or one on its way."""
    other = outbox.alias("other")
    on_its_way = other.c.lease_until > now
    resting = and_(other.c.attempts >= ORDER_PATIENCE, other.c.due_at > now)
    first = or_(on_its_way, and_(other.c.id < outbox.c.id, ~func.coalesce(resting, False)))
    of_thread = and_(other.c.channel == outbox.c.channel, other.c.thread == outbox.c.thread)
    waiting = and_(other.c.delivered_at.is_(None), other.c.failed_at.is_(None))
    return select(other.c.id).where(of_thread, other.c.id != outbox.c.id, waiting, first).exists()
