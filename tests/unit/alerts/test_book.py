from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from alerts.board import Alert, AlertState, StaleRevision
from alerts.book import KEPT, Book
from alerts.compose import Composer
from alerts.desk import Desk
from alerts.message import AlertMessage
from alerts.route import InhibitOptions, RouteOptions, Router
from alerts.rows import open_query
from alerts.tables import outbox
from alerts.verdict import Severity, Verdict
from runtime.database import Database
from tests.fakes.figures import site
from tests.unit.alerts.verdicts import verdict

START = datetime(2026, 10, 1, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Room:
    """A book, its desk and what lies in its outbox."""

    def __init__(
        self, database: Database, routes: list[dict[str, Any]], inhibit: list[dict[str, Any]]
    ) -> None:
        self.database = database
        router = Router(
            [RouteOptions.model_validate(r) for r in routes],
            ["mail", "chat"],
            [InhibitOptions.model_validate(i) for i in inhibit],
        )
        self.woken = 0
        self.book = Book(database, router, Composer({"gdansk": site()}, "https://dc.example/"), self._wake)
        self.desk = Desk(database)

    def _wake(self) -> None:
        self.woken += 1

    async def say(self, *verdicts: Verdict, at: datetime = START) -> None:
        await self.book.record("pue_limit", verdicts, at)

    async def messages(self) -> list[AlertMessage]:
        async with self.database.read() as db:
            rows = (await db.execute(select(outbox.c.payload).order_by(outbox.c.id))).all()
        return [msgspec.json.decode(row.payload, type=AlertMessage) for row in rows]

    async def told(self) -> list[tuple[str, str]]:
        async with self.database.read() as db:
            rows = (await db.execute(select(outbox.c.channel, outbox.c.kind).order_by(outbox.c.id))).all()
        return [(row.channel, row.kind) for row in rows]

    async def only(self) -> Alert:
        (found,) = await self.desk.alerts()
        return found


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database, [{"to": ["mail"]}], [])


async def test_a_new_alarm_is_on_the_board_and_in_the_outbox(room: Room) -> None:
    await room.say(verdict(True, evidence={"hours": [1, 2]}, advice="Look at the chillers."))
    alert = await room.only()
    assert (alert.state, alert.since, alert.ended, alert.rev) == (AlertState.UNACKNOWLEDGED, START, None, 1)
    assert alert.evidence == {"hours": [1, 2]}
    (message,) = await room.messages()
    assert message.key == f"pue/gdansk#{alert.id}.1@mail"
    assert message.subject == "[HIGH] Gdańsk: PUE above its limit"
    assert message.alerts == (alert,)
    assert message.labels == {
        "alertname": "pue_limit", "key": "pue/gdansk", "severity": "high", "site": "gdansk",
    }  # fmt: skip
    for told in (
        "1.52",
        "1.40",
        "Look at the chillers.",
        f"https://dc.example/alarms/{alert.id}",
        "08:00 CEST",
    ):
        assert told in message.text
        assert told in message.html
    assert room.woken == 1


async def test_the_same_verdict_again_writes_nothing_but_new_values_are_shown(room: Room) -> None:
    await room.say(verdict(True))
    await room.say(verdict(True), at=START + MINUTE)
    await room.say(verdict(True, value=1.61), at=START + 2 * MINUTE)
    alert = await room.only()
    assert (alert.value, alert.rev) == (1.61, 1)
    assert len(await room.messages()) == 1


async def test_a_restart_between_verdicts_forgets_no_delay(database: Database) -> None:
    for minute in (0, 15, 30):
        room = Room(database, [], [])
        await room.say(verdict(True, on_delay=30 * MINUTE), at=START + minute * MINUTE)
    alert = await room.only()
    assert (alert.state, alert.since) == (AlertState.UNACKNOWLEDGED, START)
    assert await room.told() == [("mail", "firing"), ("chat", "firing")]


async def test_what_was_only_pending_is_forgotten(room: Room) -> None:
    await room.say(verdict(True, on_delay=HOUR))
    assert [a.state for a in await room.desk.alerts()] == [AlertState.PENDING]
    await room.say(verdict(False), at=START + MINUTE)
    assert await room.desk.alerts() == []
    await room.book.prune(START + HOUR)
    assert await room.desk.alert(1) is None


async def test_what_ended_long_ago_is_forgotten_with_all_that_was_told_of_it(room: Room) -> None:
    await room.say(verdict(True), verdict(True, key="pue/old"))
    await room.desk.acknowledge(2, who="ada", note=None, rev=None, at=START)
    await room.say(verdict(True), at=START + HOUR)
    await room.say(verdict(True), at=START + HOUR)
    assert {a.id: a.state for a in await room.desk.alerts()}[2] is AlertState.NORMAL
    await _deliver_all(room)
    await room.book.prune(START + HOUR)
    assert await room.desk.alert(2) is not None, "it ended no earlier than that"
    await room.book.prune(START + KEPT)
    assert [a.id for a in await room.desk.alerts()] == [1]
    assert await room.desk.timeline(2) == []
    assert await room.desk.deliveries(1) != [], "what is open keeps what was told of it"


async def _deliver_all(room: Room) -> None:
    async with room.database.begin() as db:
        await db.execute(update(outbox).values(delivered_at=START))


async def test_acknowledging_is_idempotent_and_guards_against_stale_pages(room: Room) -> None:
    await room.say(verdict(True))
    alert = await room.only()
    with pytest.raises(StaleRevision):
        await room.desk.acknowledge(alert.id, who="ada", note=None, rev=alert.rev + 1, at=START)
    first = await room.desk.acknowledge(
        alert.id, who="ada", note="on my way", rev=alert.rev, at=START + MINUTE
    )
    again = await room.desk.acknowledge(alert.id, who="bob", note=None, rev=alert.rev, at=START + HOUR)
    assert first == again
    assert (first.state, first.acknowledged_by, first.note) == (AlertState.ACKNOWLEDGED, "ada", "on my way")
    line = (await room.desk.timeline(alert.id))[-1]
    assert (line.before, line.after, line.who) == (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED, "ada")
    with pytest.raises(KeyError):
        await room.desk.acknowledge(99, who="ada", note=None, rev=None, at=START)


async def test_the_end_is_told_to_whom_the_start_was_told(room: Room) -> None:
    await room.say(verdict(True))
    await room.say(verdict(False, summary="PUE is 1.31 again."), at=START + HOUR)
    alert = await room.only()
    assert (alert.state, alert.ended) == (AlertState.RETURNED, START + HOUR)
    assert await room.told() == [("mail", "firing"), ("mail", "resolved")]
    end = (await room.messages())[1]
    assert end.subject == "[RESOLVED] Gdańsk: PUE above its limit"
    assert "PUE is 1.31 again." in end.text
    done = await room.desk.acknowledge(alert.id, who="ada", note=None, rev=None, at=START + 2 * HOUR)
    assert done.state is AlertState.NORMAL
    assert [t.after for t in await room.desk.timeline(alert.id)] == ["unacknowledged", "returned", "normal"]


async def test_coming_back_unacknowledged_is_a_new_occurrence(room: Room) -> None:
    await room.say(verdict(True))
    await room.say(verdict(False), at=START + HOUR)
    await room.say(verdict(True), at=START + 2 * HOUR)
    new, old = await room.desk.alerts()
    assert (old.state, old.ended) == (AlertState.NORMAL, START + HOUR)
    assert (new.state, new.since) == (AlertState.UNACKNOWLEDGED, START + 2 * HOUR)
    assert await room.told() == [("mail", "firing"), ("mail", "resolved"), ("mail", "firing")]
    assert len({m.key for m in await room.messages()}) == 3


async def test_a_condition_that_its_rule_no_longer_names_ends(room: Room) -> None:
    await room.say(verdict(True))
    await room.say(at=START + HOUR)
    alert = await room.only()
    assert (alert.state, alert.summary) == (AlertState.RETURNED, "It is no longer watched.")


async def test_rules_do_not_touch_each_others_alarms(room: Room) -> None:
    await room.say(verdict(True))
    await room.book.record("other", [], START + HOUR)
    assert (await room.only()).state is AlertState.UNACKNOWLEDGED


async def test_many_of_one_rule_and_site_are_one_message(room: Room) -> None:
    racks = [verdict(True, key=f"silent/gdansk/r{n}", title="A rack is silent") for n in range(300)]
    await room.say(*racks)
    (message,) = await room.messages()
    assert message.subject == "[HIGH] Gdańsk: A rack is silent and 299 more"
    assert len(message.alerts) == 300
    assert "and 280 more" in message.text
    assert len(await room.desk.alerts()) == 300


async def test_reminders_until_somebody_acknowledges(room: Room) -> None:
    await room.say(verdict(True))
    for hours in (1, 4, 5, 8):
        await room.book.remind(START + hours * HOUR)
    assert await room.told() == [("mail", "firing"), ("mail", "repeat"), ("mail", "repeat")]
    await room.desk.acknowledge((await room.only()).id, who="ada", note=None, rev=None, at=START + 9 * HOUR)
    await room.book.remind(START + 20 * HOUR)
    assert len(await room.told()) == 3


async def test_a_silence_keeps_quiet_and_what_still_fires_is_told_when_it_ends(room: Room) -> None:
    await room.say(verdict(True))
    alert = await room.only()
    await room.desk.silence(alert.id, who="ada", note="known", until=START + 5 * HOUR, at=START)
    await room.say(verdict(False), at=START + HOUR)
    await room.say(verdict(True), at=START + 2 * HOUR)
    await room.book.remind(START + 4 * HOUR)
    assert await room.told() == [("mail", "firing"), ("mail", "resolved")]
    current = (await room.desk.alerts())[0]
    assert current.silenced_until == START + 5 * HOUR
    notes = [t.note or "" for t in await room.desk.timeline(current.id)]
    assert any("nobody was told: silenced" in note for note in notes)
    await room.book.remind(START + 5 * HOUR)
    assert (await room.told())[2:] == [("mail", "firing")]


async def test_the_end_of_what_was_never_told_is_as_quiet_as_its_start(room: Room) -> None:
    await room.say(verdict(True, on_delay=HOUR))
    await room.desk.silence((await room.only()).id, who="ada", note=None, until=START + 9 * HOUR, at=START)
    await room.say(verdict(True, on_delay=HOUR), at=START + HOUR)
    await room.say(verdict(False), at=START + 2 * HOUR)
    assert await room.told() == []
    notes = [t.note or "" for t in await room.desk.timeline((await room.only()).id)]
    assert len([note for note in notes if "nobody was told: silenced" in note]) == 2


async def test_ending_a_silence(room: Room) -> None:
    await room.say(verdict(True))
    number = (await room.only()).id
    await room.desk.silence(number, who="ada", note=None, until=START + HOUR, at=START)
    ended = await room.desk.silence(number, who="ada", note=None, until=START, at=START)
    assert ended.silenced_until is None


async def test_routes_by_severity_and_site(database: Database) -> None:
    room = Room(
        database,
        [
            {"match": {"severity": "critical"}, "to": ["chat"]},
            {"match": {"severity": ["high", "critical"], "site": "gda*"}, "to": ["mail"], "resolved": False},
        ],
        [],
    )
    await room.say(verdict(True), verdict(True, key="pue/kaunas", site="kaunas"))
    await room.say(
        verdict(True, severity=Severity.CRITICAL),
        verdict(True, key="pue/kaunas", site="kaunas"),
        at=START + MINUTE,
    )
    await room.say(at=START + HOUR)
    assert await room.told() == [
        ("mail", "firing"),
        ("chat", "firing"),
        ("mail", "firing"),
        ("chat", "resolved"),
    ]


async def test_a_missed_target_keeps_its_risk_quiet(room: Room) -> None:
    missed = verdict(True, key="target/green/missed")
    await room.say(
        missed, verdict(True, key="target/green/at-risk"), verdict(True, key="target/blue/at-risk")
    )
    (message,) = await room.messages()
    assert [a.key for a in message.alerts] == ["target/blue/at-risk", "target/green/missed"]


async def test_the_end_of_a_risk_is_told_though_its_missed_target_keeps_it_quiet(room: Room) -> None:
    risk, missed = (verdict(True, key=f"target/green/{which}") for which in ("at-risk", "missed"))
    await room.say(risk)
    await room.say(risk, missed, at=START + MINUTE)
    await room.say(missed, at=START + HOUR)
    assert await room.told() == [("mail", "firing"), ("mail", "firing"), ("mail", "resolved")]
    assert [a.key for a in (await room.messages())[-1].alerts] == [risk.key]


async def test_the_end_is_told_to_a_channel_that_the_severity_has_outgrown(database: Database) -> None:
    high = {"match": {"severity": "high"}, "to": ["mail"]}
    for resolved in (True, False):
        room = Room(database, [{**high, "resolved": resolved}], [])
        await room.say(verdict(True))
        await room.say(verdict(True, severity=Severity.CRITICAL), at=START + MINUTE)
        await room.say(verdict(False), at=START + HOUR)
    assert await room.told() == [("mail", "firing"), ("mail", "resolved"), ("mail", "firing")]


async def test_configured_inhibition_is_by_site(database: Database) -> None:
    room = Room(
        database,
        [{"to": ["mail"]}],
        [{"when": {"rule": "pue_limit", "key": "collector/*"}, "mute": {"key": "silent/*"}}],
    )
    await room.say(verdict(True, key="collector/a"), verdict(True, key="silent/a"))
    (message,) = await room.messages()
    assert [a.key for a in message.alerts] == ["collector/a"]


async def test_a_new_month_starts_a_new_alarm(room: Room) -> None:
    await room.say(verdict(True, episode="2026-09"))
    await room.say(verdict(True, episode="2026-10"), at=START + HOUR)
    new, old = await room.desk.alerts()
    assert (old.state, new.state) == (AlertState.NORMAL, AlertState.UNACKNOWLEDGED)
    assert await room.told() == [("mail", "firing"), ("mail", "firing")]


def test_what_is_read_to_be_written_is_locked_where_writers_do_not_take_turns() -> None:
    server = make_url("postgresql+asyncpg://db").get_dialect()()
    told = str(open_query("pue_limit", to_write=True).compile(dialect=server))
    assert told.endswith("ORDER BY alert.id FOR UPDATE OF alert")
    assert "FOR UPDATE" not in str(open_query().compile(dialect=server))


async def test_an_acknowledgement_and_a_verdict_at_once_both_count(room: Room) -> None:
    await room.say(verdict(True))
    async with asyncio.TaskGroup() as tasks:
        for value in (1.6, 1.7, 1.8):
            tasks.create_task(room.say(verdict(True, value=value), at=START + MINUTE))
        tasks.create_task(room.desk.acknowledge(1, who="ada", note=None, rev=None, at=START + MINUTE))
    found = await room.only()
    assert (found.state, found.acknowledged_by, found.rev) == (AlertState.ACKNOWLEDGED, "ada", 2)


async def test_two_verdicts_of_one_key_are_an_error_and_change_nothing(room: Room) -> None:
    with pytest.raises(ValueError, match="pue/gdansk"):
        await room.say(verdict(True), verdict(False))
    assert await room.desk.alerts() == []


async def test_the_board_filters(room: Room) -> None:
    await room.say(verdict(True), verdict(True, key="pue/kaunas", site="kaunas", severity=Severity.CRITICAL))
    await room.desk.acknowledge(1, who="ada", note=None, rev=None, at=START)
    await room.say(verdict(True, key="pue/kaunas", site="kaunas"), at=START + HOUR)
    assert [a.site for a in await room.desk.alerts()] == ["kaunas", "gdansk"]
    assert [a.site for a in await room.desk.alerts(active=True)] == ["kaunas"]
    assert [a.site for a in await room.desk.alerts(active=False)] == ["gdansk"]
    assert [a.id for a in await room.desk.alerts(site="gdansk")] == [1]
    assert [a.site for a in await room.desk.alerts(start=START + 2 * HOUR)] == ["kaunas"]
    assert await room.desk.alerts(end=START) == []
    delivery, end = await room.desk.deliveries(1)
    assert end.kind == "resolved"
    assert (delivery.channel, delivery.kind, delivery.attempts, delivery.delivered_at) == (
        "mail",
        "firing",
        0,
        None,
    )


async def test_the_channel_that_fails_is_not_told_that_it_fails(room: Room) -> None:
    failing = verdict(
        True, key="channel/mail", rule="channel_failing", site=None, evidence={"channel": "mail"}
    )
    await room.book.record("channel_failing", [failing], START)
    assert await room.told() == [("chat", "firing")]


async def test_nobody_to_tell_is_noted(database: Database) -> None:
    room = Room(database, [{"match": {"site": "kaunas"}, "to": ["mail"]}], [])
    await room.say(verdict(True))
    notes = [t.note for t in await room.desk.timeline((await room.only()).id)]
    assert "nobody was told: no route names a channel for it" in notes


async def _give_up(room: Room, *, reached: bool = False) -> None:
    """Every message that waits is refused for good; ``reached``: by some of its recipients only."""
    waiting = outbox.c.failed_at.is_(None) & outbox.c.delivered_at.is_(None)
    over = {"failed_at": START, "delivered_at": START if reached else None, "error": "550 no"}
    async with room.database.begin() as db:
        await db.execute(update(outbox).where(waiting).values(over))


async def test_what_was_given_up_told_nobody_and_is_told_anew_ever_more_seldom(room: Room) -> None:
    await room.say(verdict(True))
    asked = [START]
    for minute in range(1, 240):
        await _give_up(room)
        before = len(await room.told())
        await room.book.remind(START + minute * MINUTE)
        if len(await room.told()) > before:
            asked.append(START + minute * MINUTE)
    pauses = [(b - a) // MINUTE for a, b in itertools.pairwise(asked)]
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert await room.told() == [("mail", "firing")] * 7


async def test_a_repeat_that_was_given_up_is_tried_again_before_the_next(room: Room) -> None:
    await room.say(verdict(True))
    await room.book.remind(START + 4 * HOUR)
    async with room.database.begin() as db:
        await db.execute(update(outbox).where(outbox.c.kind == "repeat").values(failed_at=START))
    await room.book.remind(START + 4 * HOUR + 4 * MINUTE)
    assert await room.told() == [("mail", "firing"), ("mail", "repeat")]
    await room.book.remind(START + 4 * HOUR + 5 * MINUTE)
    assert await room.told() == [("mail", "firing"), ("mail", "repeat"), ("mail", "repeat")]


async def test_what_some_recipients_have_counts_as_told(room: Room) -> None:
    await room.say(verdict(True))
    await _give_up(room, reached=True)
    await room.book.remind(START + HOUR)
    assert await room.told() == [("mail", "firing")]
    await room.say(verdict(False), at=START + 2 * HOUR)
    assert await room.told() == [("mail", "firing"), ("mail", "resolved")]
