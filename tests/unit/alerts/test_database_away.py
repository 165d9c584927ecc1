"""A database that is locked or failing over costs time, never a component of the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from structlog.testing import capture_logs

from alerts.desk import Desk
from alerts.outbox import Outbox
from alerts.verdict import Cadence
from runtime.clock import ManualClock
from runtime.database import Database
from tests.eventually import eventually
from tests.fakes.channel import KeepingChannel
from tests.unit.alerts.test_outbox import message, running
from tests.unit.alerts.test_watch import Says, watch
from tests.unit.alerts.verdicts import verdict

START = datetime(2026, 10, 1, tzinfo=UTC)


async def test_live_rules_are_asked_again_and_it_is_logged_once(database: Database) -> None:
    watching = watch(database, live=Says(Cadence.LIVE, verdict(True, key="live/x", rule="live")))
    with capture_logs() as lines:
        await _rename(database, "alert", "away")
        await watching.evaluate_live(START)
        await watching.evaluate_live(START + timedelta(seconds=10))
        await _rename(database, "away", "alert")
        await watching.evaluate_live(START + timedelta(seconds=20))
    assert [a.since for a in await Desk(database).alerts()] == [START + timedelta(seconds=20)]
    told = [line["event"] for line in lines if line["event"].startswith("watch_")]
    assert told == ["watch_database_failed", "watch_database_back"]


async def test_the_outbox_begins_once_it_is_back(database: Database) -> None:
    clock, mail = ManualClock(START), KeepingChannel()
    work = Outbox(database, {"mail": mail}, clock)

    async def failed() -> bool:
        return any(line["event"] == "outbox_database_failed" for line in lines)

    async def sent() -> bool:
        clock.advance(timedelta(seconds=1))
        return bool(mail.sent)

    await work.post(message("a"), ["mail"])
    await _rename(database, "outbox", "away")
    with capture_logs() as lines:
        async with running(work):
            await eventually(failed)
            await _rename(database, "away", "outbox")
            await eventually(sent)
    assert [m.key for m in mail.sent] == ["a@mail"]


async def _rename(database: Database, old: str, new: str) -> None:
    async with database.begin() as db:
        await db.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
