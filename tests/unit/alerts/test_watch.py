from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from alerts.board import AlertState
from alerts.book import Book
from alerts.compose import Composer
from alerts.desk import Desk
from alerts.reading import Reading
from alerts.route import Router
from alerts.verdict import Cadence, Verdict
from alerts.watch import KEPT, Watch
from runtime.clock import ManualClock
from runtime.database import Database
from tests.unit.alerts.test_rules import reading
from tests.unit.alerts.verdicts import verdict

START = datetime(2026, 10, 1, tzinfo=UTC)


class Says:
    """A rule that says what it is told to."""

    def __init__(self, cadence: Cadence, *verdicts: Verdict) -> None:
        self.cadence, self.verdicts = cadence, verdicts
        self.broken = False
        self.asked: list[datetime] = []

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        self.asked.append(at)
        if self.broken:
            raise ZeroDivisionError("no meters")
        return self.verdicts


@pytest.fixture
def live() -> Says:
    return Says(Cadence.LIVE, verdict(True, key="live/x", rule="live"))


@pytest.fixture
def ledger() -> Says:
    return Says(Cadence.LEDGER, verdict(True, key="ledger/x", rule="ledger"))


def watch(database: Database, **rules: Says) -> Watch:
    book = Book(database, Router([], []), Composer({}, "http://x"))
    return Watch(rules, reading(), book, ManualClock(START))


async def test_each_cadence_asks_its_own_rules(database: Database, live: Says, ledger: Says) -> None:
    watching = watch(database, live=live, ledger=ledger)
    await watching.evaluate(START, Cadence.LIVE)
    await watching.evaluate(START + timedelta(minutes=15), Cadence.LEDGER)
    await watching.evaluate(START + timedelta(minutes=30))
    assert live.asked == [START, START + timedelta(minutes=30)]
    assert ledger.asked == [START + timedelta(minutes=15), START + timedelta(minutes=30)]
    assert {a.key for a in await Desk(database).alerts()} == {"live/x", "ledger/x"}


async def test_a_rule_that_raises_is_an_alarm_and_leaves_its_own_alarms_alone(
    database: Database, live: Says, ledger: Says
) -> None:
    watching, desk = watch(database, live=live, ledger=ledger), Desk(database)
    await watching.evaluate(START)
    live.broken = True
    await watching.evaluate(START + timedelta(seconds=10))
    found = {a.key: a for a in await desk.alerts()}
    assert found["live/x"].state is AlertState.UNACKNOWLEDGED
    assert "ZeroDivisionError: no meters" in found["rule/live"].summary
    assert len(ledger.asked) == 2
    live.broken = False
    await watching.evaluate(START + timedelta(seconds=20))
    assert {a.key: a.state for a in await desk.alerts()}["rule/live"] is AlertState.RETURNED


class Counting(Database):
    """A database that counts the transactions in which something is to be written."""

    written = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        self.written += 1
        async with super().begin() as connection:
            yield connection


async def test_what_is_no_news_is_not_written(database: Database, ledger: Says) -> None:
    counting = Counting(database.url)
    watching = watch(counting, ledger=ledger)
    await watching.evaluate(START)
    told = counting.written
    assert told > 0
    await watching.evaluate(START + timedelta(minutes=15))
    assert counting.written == told
    ledger.verdicts = (verdict(False, key="ledger/x", rule="ledger"),)
    await watching.evaluate(START + timedelta(minutes=30))
    assert counting.written == told + 1
    await counting.close()


async def test_two_verdicts_on_one_key_are_an_alarm_of_their_rule(database: Database, live: Says) -> None:
    live.verdicts = (*live.verdicts, *live.verdicts)
    watching = watch(database, live=live)
    await watching.evaluate(START)
    found = {a.key: a for a in await Desk(database).alerts()}
    assert "two verdicts on 'live/x'" in found["rule/live"].summary
    error = watching.evaluations()["live"][-1].error
    assert error is not None
    assert error.startswith("ValueError")


async def test_the_last_evaluations_are_kept(database: Database, live: Says) -> None:
    watching = watch(database, live=live)
    for n in range(KEPT + 5):
        live.broken = n == KEPT + 4
        await watching.evaluate(START + timedelta(seconds=10 * n))
    kept = watching.evaluations()["live"]
    assert len(kept) == KEPT
    assert kept[0].at == START + timedelta(seconds=50)
    assert kept[0].verdicts == live.verdicts
    assert (kept[-1].error, kept[-1].verdicts) == ("ZeroDivisionError: no meters", ())
