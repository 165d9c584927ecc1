"""Alerts between their table and their values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from alerts.board import Alert, AlertState
from alerts.message import AlertMessage
from alerts.state import FIRING, Change, Memory
from alerts.tables import alert, alert_silence, alert_transition, outbox, outbox_alert
from alerts.verdict import Severity, Verdict

QUERY: Select[Any] = select(alert, alert_silence.c.until.label("silenced_until")).join(
    alert_silence, alert_silence.c.key == alert.c.key, isouter=True
)
"""Every column of an alert, and until when its key is silenced."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=1)
"""How long after a message about it that was given up a channel is told of an alert anew."""


def to_alert(row: Row[Any]) -> Alert:
    """The alert of a row of :data:`QUERY`."""
    return Alert(
        id=row.id,
        key=row.key,
        rule=row.rule,
        site=row.site,
        severity=Severity(row.severity),
        state=AlertState(row.state),
        title=row.title,
        summary=row.summary,
        value=row.value,
        limit=row.limit_value,
        unit=row.unit,
        since=row.since,
        ended=row.ended,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
        note=row.note,
        rev=row.rev,
        link=row.link,
        evidence=msgspec.json.decode(row.evidence),
        silenced_until=row.silenced_until,
        advice=row.advice,
        fired_at=row.fired_at,
    )


def to_memory(row: Row[Any]) -> Memory:
    """What the state machine must remember of a row of :data:`QUERY`."""
    return Memory(AlertState(row.state), row.since, Severity(row.severity), row.episode, row.timer)


def from_verdict(verdict: Verdict) -> dict[str, Any]:
    """The columns that a verdict fills anew each time while its alert fires."""
    return {
        "title": verdict.title,
        "summary": verdict.summary,
        "advice": verdict.advice,
        "value": verdict.value,
        "limit_value": verdict.limit,
        "unit": verdict.unit,
        "link": verdict.link,
        "evidence": msgspec.json.encode(dict(verdict.evidence)).decode(),
    }


def from_memory(memory: Memory | None, ended: datetime | None) -> dict[str, Any]:
    """The columns that the state machine decides; no memory is a normal alert."""
    if memory is None:
        return {"state": AlertState.NORMAL, "timer": None, "ended": ended}
    return {
        "state": memory.state,
        "since": memory.since,
        "severity": memory.severity,
        "episode": memory.episode,
        "timer": memory.timer,
        "ended": ended,
    }


def open_query(rule: str | None = None, *, to_write: bool = False) -> Select[Any]:
    """All that are not normal, of one rule or of all; ``to_write`` keeps others from writing them meanwhile.

    SQLite's writers take turns anyway; on PostgreSQL an acknowledgement that came between reading and
    writing would be undone.
    """
    query = QUERY.where(alert.c.state != AlertState.NORMAL).order_by(alert.c.id)
    query = query if rule is None else query.where(alert.c.rule == rule)
    return query.with_for_update(of=alert) if to_write else query


async def open_rows(
    db: AsyncConnection, rule: str | None = None, *, to_write: bool = False
) -> list[Row[Any]]:
    """What :func:`open_query` finds."""
    return list((await db.execute(open_query(rule, to_write=to_write))).all())


async def firing_alerts(db: AsyncConnection) -> list[Alert]:
    """All whose condition holds."""
    rows = (await db.execute(QUERY.where(alert.c.state.in_(sorted(FIRING))).order_by(alert.c.id))).all()
    return [to_alert(row) for row in rows]


async def told(db: AsyncConnection, ids: Sequence[int]) -> dict[tuple[int, str], datetime]:
    """When each channel was last told that these alerts are on, or is about to be.

    What was superseded or given up told nothing, unless it reached some of its recipients.
    """
    told_or_waits = or_(outbox.c.failed_at.is_(None), outbox.c.delivered_at.is_not(None))
    query = _beginnings(ids, func.max(outbox.c.created_at).label("at")).where(told_or_waits)
    return {(row.alert_id, row.channel): row.at for row in (await db.execute(query)).all()}


async def resting(db: AsyncConnection, ids: Sequence[int]) -> dict[tuple[int, str], datetime]:
    """Until when a channel is not told anew of an alert, because it gave up messages about it.

    The pause doubles with each message that was lost: whoever refuses for good is asked seldom, but is asked.
    """
    lost = and_(outbox.c.failed_at.is_not(None), outbox.c.delivered_at.is_(None))
    newest, number = func.max(outbox.c.created_at).label("at"), func.count().label("lost")
    found = (await db.execute(_beginnings(ids, newest, number).where(lost))).all()
    return {(row.alert_id, row.channel): row.at + _pause(row.lost) for row in found}


def _beginnings(ids: Sequence[int], *columns: ColumnElement[Any]) -> Select[Any]:
    """``columns`` over the messages that told, or were to tell, that these alerts are on."""
    return (
        select(outbox_alert.c.alert_id, outbox.c.channel, *columns)
        .join(outbox, outbox.c.id == outbox_alert.c.outbox_id)
        .where(outbox_alert.c.alert_id.in_(ids), outbox.c.kind != "resolved")
        .where(outbox.c.superseded_by.is_(None))
        .group_by(outbox_alert.c.alert_id, outbox.c.channel)
    )


def _pause(lost: int) -> timedelta:
    return min(FIRST_PAUSE * 2.0 ** min(lost - 1, 20), LONGEST_PAUSE)


async def add_transition(db: AsyncConnection, alert_id: int, change: Change, at: datetime, who: str) -> None:
    """Write one line of an alert's timeline."""
    line = {"before": change.before, "after": change.after, "note": change.note}
    await db.execute(insert(alert_transition).values(alert_id=alert_id, at=at, who=who, **line))


async def post(db: AsyncConnection, channel: str, message: AlertMessage, thread: str) -> bool:
    """Put ``message`` into the outbox; False when one of its key has been there already."""
    if await db.scalar(select(outbox.c.id).where(outbox.c.key == message.key)) is not None:
        return False
    row = {
        "key": message.key,
        "channel": channel,
        "kind": message.kind,
        "thread": thread,
        "payload": msgspec.json.encode(message).decode(),
        "created_at": message.at,
    }
    try:
        async with db.begin_nested():
            number = (await db.execute(insert(outbox).values(row))).inserted_primary_key
    except IntegrityError:  # another process has just put it there
        return False
    links = [{"outbox_id": number[0], "alert_id": a.id} for a in message.alerts] if number else []
    if links:
        await db.execute(insert(outbox_alert), links)
    return True
