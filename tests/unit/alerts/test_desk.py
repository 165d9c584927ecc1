"""The lists of the alarm desk: what matters first, and nothing that is active left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from alerts.board import AlertState
from alerts.desk import Desk
from alerts.tables import alert
from alerts.verdict import Severity
from runtime.database import Database

START = datetime(2026, 10, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def row(number: int, state: AlertState, severity: Severity = Severity.LOW) -> dict[str, object]:
    """Alarm ``number``, which began so many minutes after the start."""
    over = state is AlertState.NORMAL
    return {
        "id": number, "key": f"silent/{number}", "rule": "silent_source", "site": "gdansk",
        "severity": severity, "state": state, "title": "T", "summary": "S", "advice": "", "unit": "",
        "since": START + number * MINUTE, "ended": START + (number + 1) * MINUTE if over else None,
        "fired_at": START + number * MINUTE, "rev": 1, "link": "", "evidence": "{}", "episode": "",
    }  # fmt: skip


@pytest.fixture
async def desk(database: Database) -> Desk:
    """2,500 open alarms, the oldest of them critical; then 2,500 that have ended."""
    opened = [row(n, AlertState.UNACKNOWLEDGED) for n in range(2, 2501)]
    ended = [row(n, AlertState.NORMAL, Severity.CRITICAL) for n in range(2501, 5001)]
    first = row(1, AlertState.UNACKNOWLEDGED, Severity.CRITICAL)
    async with database.begin() as db:
        await db.execute(insert(alert), [first, *opened, *ended])
    return Desk(database)


async def test_no_active_alarm_is_left_out_and_the_most_urgent_comes_first(desk: Desk) -> None:
    active = await desk.alerts(active=True)
    assert len(active) == 2500
    assert [a.id for a in active[:3]] == [1, 2500, 2499]
    assert [a.id for a in await desk.alerts(active=True, limit=2)] == [1, 2500]


async def test_a_report_is_told_all_that_touched_its_month(desk: Desk) -> None:
    assert len(await desk.alerts(site="gdansk", start=START, end=START + timedelta(days=31))) == 5000


async def test_a_limit_leaves_out_what_ended_longest_ago(desk: Desk) -> None:
    some = await desk.alerts(limit=2502)
    assert [a.id for a in some[-3:]] == [2, 5000, 4999]


async def test_what_is_acknowledged_comes_before_what_is_pending_or_over(database: Database) -> None:
    states = (AlertState.NORMAL, AlertState.PENDING, AlertState.ACKNOWLEDGED, AlertState.UNACKNOWLEDGED)
    rows = [row(n, state, Severity.CRITICAL if n == 1 else Severity.LOW) for n, state in enumerate(states, 1)]
    async with database.begin() as db:
        await db.execute(insert(alert), [*rows, row(5, AlertState.RETURNED, Severity.HIGH)])
    assert [a.id for a in await Desk(database).alerts()] == [4, 5, 3, 2, 1]


async def test_a_note_is_one_more_line_and_changes_nothing_else(database: Database) -> None:
    async with database.begin() as db:
        states = (AlertState.UNACKNOWLEDGED, AlertState.NORMAL)
        await db.execute(insert(alert), [row(number, state) for number, state in enumerate(states, start=1)])
    desk, at = Desk(database), START + 10 * MINUTE
    seen = await desk.acknowledge(1, who="kim", note=None, rev=1, at=at)
    noted = await desk.add_note(1, who="lee", note="fan tray ordered", at=at + MINUTE)
    assert noted == replace(seen, note="fan tray ordered", rev=seen.rev + 1)
    assert (noted.state, noted.acknowledged_by) == (AlertState.ACKNOWLEDGED, "kim")
    line = (await desk.timeline(1))[-1]
    assert (line.before, line.after) == (AlertState.ACKNOWLEDGED, AlertState.ACKNOWLEDGED)
    assert (line.at, line.who, line.note) == (at + MINUTE, "lee", "fan tray ordered")
    await desk.silence(1, who="lee", note="under way", until=at + 2 * MINUTE, at=at + MINUTE)
    await desk.silence(1, who="lee", note=None, until=at, at=at + MINUTE)
    told = [line.what for line in await desk.timeline(1)]
    assert told == ["acknowledged", "note", "silenced", "silence ended"]
    words = [line.words for line in await desk.timeline(1)]
    assert words == ["", "fan tray ordered", f"until {(at + 2 * MINUTE).isoformat()}: under way", ""]
    over = await desk.add_note(2, who="lee", note="it was the fan tray", at=at)
    assert (over.state, over.ended) == (AlertState.NORMAL, START + 3 * MINUTE)
    with pytest.raises(KeyError):
        await desk.add_note(3, who="lee", note="x", at=at)
