"""The book of alarms: remembers them, and writes state, timeline and outbox in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from alerts import rows
from alerts.board import UNTOLD, Alert, AlertState
from alerts.compose import Composer
from alerts.route import Envelope, News, Router, Situation
from alerts.state import Change, Notice, Step, advance
from alerts.tables import alert, outbox, outbox_alert
from alerts.verdict import Severity, Verdict
from runtime.database import Database

log = structlog.get_logger(__name__)


KEPT = timedelta(days=400)
"""How long an alarm that has ended is remembered: a year can be compared with the one before."""


class OpenAlarms:
    """The alarms that were open when they were looked at, to tell whether a verdict is any news to them."""

    def __init__(self, found: Sequence[Row[Any]]) -> None:
        self._rows: dict[str, list[Row[Any]]] = {}
        for row in found:
            self._rows.setdefault(row.rule, []).append(row)

    def differ(self, rule: str, verdicts: Iterable[Verdict], at: datetime) -> bool:
        """Whether :meth:`Book.record` would write anything. Raises ValueError as that does."""
        return _anything_to_write(self._rows.get(rule, []), _by_key(rule, verdicts), at)


class Book:
    """Where verdicts become alarms. ``wake`` is called after messages have been put into the outbox."""

    def __init__(
        self,
        database: Database,
        router: Router,
        composer: Composer,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._router, self._composer, self._wake = database, router, composer, wake

    async def open_alarms(self) -> OpenAlarms:
        """What is open now, of all rules."""
        async with self._database.read() as db:
            return OpenAlarms(await rows.open_rows(db))

    async def record(self, rule: str, verdicts: Iterable[Verdict], at: datetime) -> None:
        """Take over all that ``rule`` says ``at`` a time; a condition that it no longer names has ended.

        State, timeline and outbox are written together or not at all. Raises ValueError when two verdicts
        have one key.
        """
        by_key = _by_key(rule, verdicts)
        async with self._database.begin() as db:
            page = _Page(db, rule, at)
            news = await page.write(await rows.open_rows(db, rule, to_write=True), by_key)
            posted = await self._tell(db, news, at) if news else 0
        if posted:
            self._wake()

    async def remind(self, at: datetime) -> None:
        """Tell again of what nobody has acknowledged, and first of what a silence held back until now."""
        if not self._router.leads:
            return
        async with self._database.read() as db:
            if not self._router.due(await _situation(db, at)):
                return
        async with self._database.begin() as db:
            posted = 0
            for envelope in self._router.due(await _situation(db, at)):
                posted += await self._post(db, envelope, at, again=True)
        if posted:
            self._wake()

    async def firing(self, channel: str) -> list[Alert]:
        """What fires and is routed to ``channel``, acknowledged or not, for channels that mirror it."""
        async with self._database.read() as db:
            found = await rows.firing_alerts(db)
        return [a for a in found if channel in self._router.channels(a)]

    async def prune(self, before: datetime) -> None:
        """Forget alarms that ended, and messages that were done, before then; but none of an open alarm."""
        async with self._database.begin() as db:
            normal = alert.c.state == AlertState.NORMAL
            await db.execute(delete(alert).where(normal, alert.c.ended < before))
            ended = outbox.c.delivered_at.is_not(None) | outbox.c.failed_at.is_not(None)
            used = select(alert.c.id).where(~normal)
            kept = select(outbox_alert.c.outbox_id).where(outbox_alert.c.alert_id.in_(used))
            await db.execute(
                delete(outbox).where(ended, outbox.c.created_at < before, outbox.c.id.not_in(kept))
            )

    async def _tell(self, db: AsyncConnection, news: Sequence[News], at: datetime) -> int:
        situation = await _situation(db, at, extra=[n.alert.id for n in news])
        routing = self._router.route(news, situation)
        for drop in routing.dropped:
            log.info(
                "alert_not_told",
                key=drop.alert.key,
                channel=drop.channel,
                reason=str(drop.reason),
                detail=drop.detail,
            )
            note = f"{UNTOLD}: {drop.reason} {drop.detail}".rstrip()
            if drop.channel is None:
                change = Change(drop.alert.state, drop.alert.state, note)
                await rows.add_transition(db, drop.alert.id, change, at, "routing")
        return sum([await self._post(db, envelope, at) for envelope in routing.envelopes])

    async def _post(
        self, db: AsyncConnection, envelope: Envelope, at: datetime, *, again: bool = False
    ) -> bool:
        message = self._composer.compose(envelope, at, again=again)
        first = envelope.alerts[0]
        posted = await rows.post(db, envelope.channel, message, f"{first.rule}/{first.site or 'all'}")
        log.info(
            "alert_posted",
            key=message.key,
            kind=envelope.kind,
            channel=envelope.channel,
            alerts=len(envelope.alerts),
        )
        return posted


class _Page:
    """The writing of one rule's verdicts in one transaction."""

    def __init__(self, db: AsyncConnection, rule: str, at: datetime) -> None:
        self._db, self._rule, self._at = db, rule, at
        self._news: list[News] = []

    async def write(self, open_rows: Sequence[Row[Any]], by_key: dict[str, Verdict]) -> list[News]:
        """Take every verdict its step; what people are to be told."""
        known = {row.key: row for row in open_rows}
        for key, row in known.items():
            await self._take(row, by_key.get(key) or _unwatched(row))
        for key, verdict in by_key.items():
            if key not in known:
                await self._take(None, verdict)
        return self._news

    async def _take(self, row: Row[Any] | None, verdict: Verdict) -> None:
        step = advance(None if row is None else rows.to_memory(row), verdict, self._at)
        if row is None and step.memory is None:
            return
        if row is None:
            number = await self._open(step, verdict)
        elif step.closes is not None:
            await self._close(row, step, step.closes)
            number = await self._open(step, verdict)
        else:
            number = row.id
            await self._update(row, step, verdict)
        for change in step.changes:
            await rows.add_transition(self._db, number, change, self._at, f"rule {self._rule}")
        if step.notice.tells:
            await self._announce(number, step.notice)

    async def _open(self, step: Step, verdict: Verdict) -> int:
        values = rows.from_verdict(verdict) | rows.from_memory(step.memory, None)
        fired = self._at if step.notice is Notice.FIRST else None
        subject = {"key": verdict.key, "rule": verdict.rule, "site": verdict.site}
        result = await self._db.execute(insert(alert).values(**values, **subject, fired_at=fired, rev=1))
        key = result.inserted_primary_key
        assert key is not None
        return int(key[0])

    async def _update(self, row: Row[Any], step: Step, verdict: Verdict) -> None:
        values = rows.from_memory(step.memory, step.ended or row.ended)
        if verdict.active or (step.changes and not step.keeps):
            values |= rows.from_verdict(verdict)
        if step.notice is Notice.FIRST:
            values["fired_at"] = self._at
        if step.notice is Notice.RAISED:
            values |= {"acknowledged_by": None, "acknowledged_at": None}
        values["rev"] = row.rev + len(step.changes)
        if any(row._mapping[name] != value for name, value in values.items()):
            await self._db.execute(update(alert).where(alert.c.id == row.id).values(values))

    async def _close(self, row: Row[Any], step: Step, change: Change) -> None:
        values = rows.from_memory(None, row.ended or step.ended) | {"rev": row.rev + 1}
        await self._db.execute(update(alert).where(alert.c.id == row.id).values(values))
        await rows.add_transition(self._db, row.id, change, self._at, f"rule {self._rule}")

    async def _announce(self, number: int, notice: Notice) -> None:
        row = (await self._db.execute(rows.QUERY.where(alert.c.id == number))).one()
        found = rows.to_alert(row)
        kind = "resolved" if notice is Notice.RETURNED else "firing"
        self._news.append(News(found, "resolved" if kind == "resolved" else "firing"))
        log.info(
            f"alert_{kind}", key=found.key, alert=number, severity=str(found.severity), reason=str(notice)
        )


def _by_key(rule: str, verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.key in found:
            raise ValueError(f"rule {rule!r} gave two verdicts on {verdict.key!r}")
        found[verdict.key] = verdict if verdict.rule == rule else replace(verdict, rule=rule)
    return found


def _anything_to_write(open_rows: Sequence[Row[Any]], by_key: dict[str, Verdict], at: datetime) -> bool:
    known = {row.key for row in open_rows}
    if any(verdict.active for key, verdict in by_key.items() if key not in known):
        return True
    return any(_differs(row, by_key.get(row.key) or _unwatched(row), at) for row in open_rows)


def _differs(row: Row[Any], verdict: Verdict, at: datetime) -> bool:
    memory = rows.to_memory(row)
    step = advance(memory, verdict, at)
    if step.changes or step.memory != memory:
        return True
    told = rows.from_verdict(verdict)
    return bool(verdict.active) and any(row._mapping[name] != value for name, value in told.items())


def _unwatched(row: Row[Any]) -> Verdict:
    """The end of a condition that its rule no longer names: its device or table left the configuration."""
    return Verdict(
        key=row.key,
        rule=row.rule,
        site=row.site,
        severity=Severity(row.severity),
        active=False,
        title=row.title,
        summary="It is no longer watched.",
        off_delay=timedelta(0),
        link=row.link,
    )


async def _situation(db: AsyncConnection, at: datetime, extra: Sequence[int] = ()) -> Situation:
    firing = await rows.firing_alerts(db)
    ids = [*(a.id for a in firing), *extra]
    return (
        Situation(at, firing, await rows.told(db, ids), await rows.resting(db, ids))
        if ids
        else Situation(at, firing, {})
    )
