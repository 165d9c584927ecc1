"""A message that waits after many refusals lets later ones pass, and is not sent once they have told more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.book import Book
from alerts.compose import Composer
from alerts.desk import Desk
from alerts.queue import ORDER_PATIENCE, Letter, Queue
from alerts.route import RouteOptions, Router
from alerts.verdict import Verdict
from runtime.clock import ManualClock
from runtime.database import Database
from tests.unit.alerts.verdicts import verdict

START = datetime(2026, 10, 1, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RETRY = timedelta(minutes=15)
RACK_A, RACK_B = (verdict(True, key=f"pue/{name}") for name in ("a", "b"))


class Post:
    """A book that writes into an outbox of one channel, and a process that works it off."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, ManualClock(START)
        self.book = Book(database, Router([RouteOptions(to=("mail",))], ["mail"]), Composer({}, "http://x"))
        self.queue = self.process("one")

    def process(self, name: str) -> Queue:
        return Queue(self.database, name, self.clock, timedelta(seconds=60))

    async def say(self, *verdicts: Verdict) -> None:
        await self.book.record("pue_limit", verdicts, self.clock.now())

    async def claim(self) -> Letter:
        (letter,) = await self.queue.claim("mail", 10)
        return letter

    async def refused_often(self) -> Letter:
        """The first message, after so many refusals that it lets others pass, and while it rests."""
        for _ in range(ORDER_PATIENCE - 1):
            letter = await self.claim()
            await self.queue.again(letter, self.clock.now(), "421 busy")
        letter = await self.claim()
        await self.queue.again(letter, self.clock.now() + RETRY, "421 busy")
        return letter


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


async def test_a_beginning_is_not_sent_after_its_end(post: Post) -> None:
    await post.say(RACK_A)
    await post.refused_often()
    await post.say()
    end = await post.claim()
    assert end.message.kind == "resolved"
    await post.queue.delivered(end)
    post.clock.advance(RETRY)
    assert await post.queue.claim("mail", 10) == []
    beginning, ended = await Desk(post.database).deliveries(1)
    assert (beginning.delivered_at, beginning.error) == (None, "superseded by a later message about it")
    assert (ended.delivered_at, ended.error) == (START, None)
    status = await post.queue.status("mail")
    assert (status.waiting, status.given_up) == (0, False)


async def test_what_is_about_another_alert_is_still_sent(post: Post) -> None:
    await post.say(RACK_A)
    first = await post.refused_often()
    await post.say(RACK_A, RACK_B)
    await post.queue.delivered(await post.claim())
    post.clock.advance(RETRY)
    assert (await post.claim()).id == first.id


async def test_what_else_an_overtaken_message_told_is_told_anew(post: Post) -> None:
    await post.say(RACK_A, RACK_B)
    await post.refused_often()
    await post.say(RACK_B)
    await post.queue.delivered(await post.claim())
    await post.book.remind(START + MINUTE)
    letter = await post.claim()
    assert (letter.message.kind, [a.key for a in letter.message.alerts]) == ("firing", [RACK_B.key])


async def test_two_of_one_thread_are_never_on_their_way_together(post: Post) -> None:
    await post.say(RACK_A)
    first = await post.refused_often()
    await post.say()
    second = await post.claim()
    post.clock.advance(RETRY)
    heirs = await post.process("two").claim("mail", 10)
    assert [letter.id for letter in heirs] == [first.id], (
        "the lease of the second has ended, the first is due"
    )
    assert await post.queue.claim("mail", 10) == []
    await post.queue.again(second, post.clock.now(), None)


async def test_a_message_waits_while_a_later_one_is_on_its_way(post: Post) -> None:
    await post.say(RACK_A)
    first = await post.refused_often()
    await post.say()
    post.clock.advance(RETRY - MINUTE / 2)
    second = await post.claim()
    post.clock.advance(MINUTE / 2)
    assert await post.process("two").claim("mail", 10) == []
    await post.queue.again(second, post.clock.now() + RETRY, "421 busy")
    assert (await post.claim()).id == first.id
