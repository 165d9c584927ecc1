"""The alarms as people work with them: lists, timelines, acknowledging, silencing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, case, delete, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerts import rows
from alerts.board import HEARD, SILENCED, Alert, AlertState, Delivery, StaleRevision, Transition
from alerts.state import Change, acknowledge
from alerts.tables import alert, alert_silence, alert_transition, outbox, outbox_alert
from alerts.verdict import Severity
from runtime.database import Database

_QUIET = (AlertState.NORMAL, AlertState.PENDING)

_URGENCY = (
    case(
        {AlertState.UNACKNOWLEDGED: 0, AlertState.PENDING: 2, AlertState.NORMAL: 3},
        value=alert.c.state,
        else_=1,
    ),
    case(
        (alert.c.state == AlertState.NORMAL, 0),
        else_=case({str(s): s.number for s in Severity}, value=alert.c.severity),
    ),
    alert.c.since.desc(),
    alert.c.id.desc(),
)


class Desk:
    """The :class:`alerts.board.AlertBoard` on the relational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def alerts(
        self,
        *,
        active: bool | None = None,
        site: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Alert]:
        """As :class:`alerts.board.AlertBoard` says; what was only ever pending is left out."""
        query = rows.QUERY.where(or_(alert.c.fired_at.is_not(None), alert.c.state != AlertState.NORMAL))
        if active is not None:
            quiet = alert.c.state.in_(_QUIET)
            query = query.where(~quiet if active else quiet)
        if site is not None:
            query = query.where(alert.c.site == site)
        if start is not None:
            query = query.where(or_(alert.c.ended.is_(None), alert.c.ended >= start))
        if end is not None:
            query = query.where(alert.c.since < end)
        async with self._database.read() as db:
            found = (await db.execute(query.order_by(*_URGENCY).limit(limit))).all()
        return [rows.to_alert(row) for row in found]

    async def alert(self, alert_id: int) -> Alert | None:
        """One alert, or None."""
        async with self._database.read() as db:
            row = (await db.execute(rows.QUERY.where(_is(alert_id)))).one_or_none()
        return None if row is None else rows.to_alert(row)

    async def timeline(self, alert_id: int) -> Sequence[Transition]:
        """Everything that happened to it, oldest first."""
        query = select(alert_transition).join(alert).where(_is(alert_id))
        async with self._database.read() as db:
            found = (await db.execute(query.order_by(alert_transition.c.id))).all()
        return [
            Transition(r.alert_id, r.at, AlertState(r.before), AlertState(r.after), r.who, r.note)
            for r in found
        ]

    async def deliveries(self, alert_id: int) -> Sequence[Delivery]:
        """Who was told, oldest first."""
        query = select(outbox).join(outbox_alert, outbox_alert.c.outbox_id == outbox.c.id)
        query = (
            query.join(alert, alert.c.id == outbox_alert.c.alert_id)
            .where(_is(alert_id))
            .order_by(outbox.c.id)
        )
        async with self._database.read() as db:
            found = (await db.execute(query)).all()
        return [
            Delivery(r.key, alert_id, r.channel, r.kind, r.created_at, r.attempts, r.delivered_at, r.error)
            for r in found
        ]

    async def acknowledge(
        self, alert_id: int, *, who: str, note: str | None, rev: int | None, at: datetime
    ) -> Alert:
        """Idempotent. Raises KeyError, or StaleRevision when ``rev`` is not the current one."""
        async with self._database.begin() as db:
            row = await _locked(db, alert_id)
            step = acknowledge(rows.to_memory(row)) if row.state != AlertState.NORMAL else None
            if step is None or not step.changes:
                return rows.to_alert(row)
            if rev is not None and rev != row.rev:
                raise StaleRevision(f"alert {alert_id} is at revision {row.rev}, not {rev}")
            values = {"acknowledged_by": who, "acknowledged_at": at, "rev": row.rev + 1}
            values |= rows.from_memory(step.memory, row.ended) | ({"note": note} if note else {})
            await db.execute(update(alert).where(alert.c.id == alert_id).values(values))
            before, after = step.changes[0].before, step.changes[0].after
            await rows.add_transition(db, alert_id, Change(before, after, note), at, who)
            return rows.to_alert(await _locked(db, alert_id))

    async def add_note(self, alert_id: int, *, who: str, note: str, at: datetime) -> Alert:
        """See :class:`alerts.board.AlertBoard`."""
        async with self._database.begin() as db:
            row = await _locked(db, alert_id)
            state = AlertState(row.state)
            await rows.add_transition(db, alert_id, Change(state, state, note), at, who)
            values = {"note": note, "rev": row.rev + 1}
            await db.execute(update(alert).where(alert.c.id == alert_id).values(values))
            return rows.to_alert(await _locked(db, alert_id))

    async def silence(
        self, alert_id: int, *, who: str, note: str | None, until: datetime, at: datetime
    ) -> Alert:
        """Keep quiet about its condition until then, also when it ends and begins again; ``until <= at``
        ends a silence. Raises KeyError."""
        async with self._database.begin() as db:
            row = await _locked(db, alert_id)
            await db.execute(delete(alert_silence).where(alert_silence.c.key == row.key))
            if until > at:
                silence = {"key": row.key, "until": until, "who": who, "note": note, "at": at}
                await db.execute(insert(alert_silence).values(silence))
            told = f"{SILENCED} {until.isoformat()}" if until > at else HEARD
            line = Change(AlertState(row.state), AlertState(row.state), f"{told}: {note}" if note else told)
            await rows.add_transition(db, alert_id, line, at, who)
            await db.execute(update(alert).where(alert.c.id == alert_id).values(rev=row.rev + 1))
            return rows.to_alert(await _locked(db, alert_id))


def _is(alert_id: int) -> ColumnElement[bool]:
    """Whether it is this alert; people may ask for a number that no alert can have on PostgreSQL."""
    return alert.c.id == literal(alert_id, BigInteger)


async def _locked(db: AsyncConnection, alert_id: int) -> Row[Any]:
    query = rows.QUERY.where(_is(alert_id)).with_for_update(of=alert)
    row: Row[Any] | None = (await db.execute(query)).one_or_none()
    if row is None:
        raise KeyError(alert_id)
    return row
