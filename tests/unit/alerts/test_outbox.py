from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from alerts.message import AlertMessage
from alerts.outbox import DeliveryOptions, Outbox
from alerts.queue import Queue
from alerts.tables import outbox
from alerts.verdict import Severity
from runtime.clock import ManualClock, SystemClock
from runtime.database import Database
from runtime.errors import DeliveryError
from tests.eventually import eventually
from tests.fakes.channel import KeepingChannel

START = datetime(2026, 10, 1, 6, tzinfo=UTC)


def message(key: str) -> AlertMessage:
    return AlertMessage(key, "pue/gdansk", "firing", Severity.HIGH, "gdansk", "PUE", "text", "<p>html", START)


@asynccontextmanager
async def running(work: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(work.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def rows(database: Database) -> list[tuple[str, int, bool, bool, str | None]]:
    async with database.read() as db:
        found = (await db.execute(select(outbox).order_by(outbox.c.id))).all()
    return [(r.key, r.attempts, r.delivered_at is not None, r.failed_at is not None, r.error) for r in found]


async def test_each_channel_gets_its_copy_once(database: Database) -> None:
    mail, chat = KeepingChannel(), KeepingChannel()
    work = Outbox(database, {"mail": mail, "chat": chat}, ManualClock(START))
    async with running(work):
        assert await work.post(message("report"), ["mail", "chat"]) == 2
        assert await work.post(message("report"), ["mail"]) == 0
        await eventually(lambda: _all_done(database))
    assert [m.key for m in mail.sent] == ["report@mail"]
    assert chat.sent == [replace(message("report"), key="report@chat")]


async def test_an_alert_counts_as_told_in_the_log_once_it_is_delivered(database: Database) -> None:
    mail = KeepingChannel(lambda m: DeliveryError("451 try later") if len(mail.tried) < 2 else None)
    clock = ManualClock(START)
    outgoing = Outbox(database, {"mail": mail}, clock)
    with capture_logs() as lines:
        async with running(outgoing):
            await outgoing.post(message("a"), ["mail"])
            await eventually(lambda: _noted(database, 1))
            assert [line["event"] for line in lines] == ["delivery_failed"]
            clock.advance(timedelta(seconds=5))
            await eventually(lambda: _all_done(database))
    assert lines[-1] == {
        "event": "alert_told", "log_level": "info", "channel": "mail", "key": "a@mail", "attempts": 2
    }  # fmt: skip


async def _all_done(database: Database) -> bool:
    return all(delivered or failed for _, _, delivered, failed, _ in await rows(database))


async def test_a_refusal_is_tried_again_with_growing_pauses_and_the_same_key(database: Database) -> None:
    clock = ManualClock(START)
    mail = KeepingChannel(lambda m: DeliveryError("451 try later") if len(mail.tried) < 4 else None)
    work = Outbox(database, {"mail": mail}, clock)
    async with running(work):
        await work.post(message("a"), ["mail"])
        for attempt in range(1, 4):
            await eventually(lambda n=attempt: _noted(database, n))  # type: ignore[misc]
            assert len(mail.tried) == attempt
            (status,) = work.channels()
            assert (status.error, status.failing_for, status.given_up) == (
                "451 try later",
                clock.now() - START,
                False,
            )
            clock.advance(timedelta(seconds=5 * 2 ** (attempt - 1)))
        await eventually(lambda: _all_done(database))
    assert mail.tried == ["a@mail"] * 4
    assert await rows(database) == [("a@mail", 4, True, False, None)]
    assert work.channels()[0].error is None
    assert work.channels()[0].delivered_at == clock.now()
    assert (await Queue(database, "next", clock, timedelta(0)).status("mail")).delivered_at == clock.now()


async def _noted(database: Database, attempts: int) -> bool:
    async with database.read() as db:
        found = (await db.execute(select(outbox.c.attempts, outbox.c.owner))).all()
    return [(r.attempts, r.owner) for r in found] == [(attempts, None)]


async def test_what_only_some_recipients_have_is_kept_as_told_and_as_lost(database: Database) -> None:
    clock = ManualClock(START)
    mail = KeepingChannel(lambda m: DeliveryError("550 nobody", permanent=True, reached=True))
    work = Outbox(database, {"mail": mail}, clock)
    async with running(work):
        await work.post(message("a"), ["mail"])
        await eventually(lambda: _all_done(database))
    assert await rows(database) == [("a@mail", 1, True, True, "550 nobody")]
    status = await Queue(database, "next", clock, timedelta(0)).status("mail")
    assert (status.given_up, status.error) == (True, "550 nobody")


async def test_after_a_day_it_gives_up_and_says_so(database: Database) -> None:
    clock = ManualClock(START)
    mail = KeepingChannel(lambda m: DeliveryError("connection refused"))
    work = Outbox(database, {"mail": mail}, clock)
    async with running(work):
        await work.post(message("a"), ["mail"])
        await eventually(lambda: _noted(database, 1))
        clock.advance(timedelta(hours=24))
        await eventually(lambda: _all_done(database))
    assert await rows(database) == [("a@mail", 2, False, True, "connection refused")]
    assert work.channels()[0].given_up


async def test_a_permanent_error_stops_its_own_message_only(database: Database) -> None:
    mail = KeepingChannel(
        lambda m: DeliveryError("550 no such user", permanent=True) if "bad" in m.key else None
    )
    work = Outbox(database, {"mail": mail}, ManualClock(START))
    async with running(work):
        await work.post(message("bad"), ["mail"])
        await work.post(message("good"), ["mail"])
        await eventually(lambda: _all_done(database))
    assert await rows(database) == [
        ("bad@mail", 1, False, True, "550 no such user"),
        ("good@mail", 1, True, False, None),
    ]


async def test_what_was_lost_is_still_known_after_a_restart(database: Database) -> None:
    clock = ManualClock(START)
    mail = KeepingChannel(lambda m: DeliveryError("550 no such user", permanent=True))
    async with running(first := Outbox(database, {"mail": mail}, clock)):
        await first.post(message("bad"), ["mail"])
        await eventually(lambda: _all_done(database))
    second = Outbox(database, {"mail": mail}, clock)

    async def known() -> bool:
        return second.channels()[0].given_up

    async with running(second):
        await eventually(known)
    assert second.channels()[0].error == "550 no such user"


async def test_a_hanging_channel_delays_no_other_and_times_out(database: Database) -> None:
    hang, chat = KeepingChannel(lambda m: asyncio.Event()), KeepingChannel()
    options = DeliveryOptions.model_validate({"timeout": "200ms"})
    work = Outbox(database, {"hang": hang, "chat": chat}, ManualClock(START), options)
    async with running(work):
        await work.post(message("a"), ["hang", "chat"])
        await eventually(lambda: _error_of(database, "a@hang"))
    assert len(chat.sent) == 1
    assert await _error_of(database, "a@hang") == "no answer within 0.2 s"


async def _error_of(database: Database, key: str) -> str | None:
    return next(error for k, _, _, _, error in await rows(database) if k == key)


@pytest.mark.parametrize("payload", ['{"key": 7}', "not json", '{"severity": "odd"}'])
async def test_a_message_that_an_upgrade_cannot_read_is_lost_and_told(
    database: Database, payload: str
) -> None:
    mail = KeepingChannel()
    work = Outbox(database, {"mail": mail}, ManualClock(START))
    await work.post(message("old"), ["mail"])
    async with database.begin() as db:
        await db.execute(update(outbox).values(payload=payload))
    async with running(work):
        await eventually(lambda: _all_done(database))
        (status,) = work.channels()
        await work.post(replace(message("new"), alert_key="other"), ["mail"])
        await eventually(lambda: _all_done(database))
    (old, new) = await rows(database)
    assert (old[:4], new[:4]) == (("old@mail", 1, False, True), ("new@mail", 1, True, False))
    assert old[4] is not None
    assert old[4].startswith("the message in the outbox cannot be read by this version: ")
    assert (status.error, status.given_up) == (old[4], True)


async def test_an_unexpected_exception_is_fenced(database: Database) -> None:
    mail = KeepingChannel(lambda m: ZeroDivisionError("oops") if len(mail.tried) == 1 else None)
    clock = ManualClock(START)
    work = Outbox(database, {"mail": mail}, clock)
    async with running(work):
        await work.post(message("a"), ["mail"])
        await eventually(lambda: _noted(database, 1))
        assert await _error_of(database, "a@mail") == "ZeroDivisionError: oops"
        clock.advance(timedelta(seconds=5))
        await eventually(lambda: _all_done(database))
    assert len(mail.sent) == 1


async def test_messages_of_one_thread_keep_their_order(database: Database) -> None:
    queue = Queue(database, "a", ManualClock(START), timedelta(seconds=60))
    await queue.put(["mail"], message("x"))
    async with database.begin() as db:
        await db.execute(outbox.update().values(thread="t"))
    await queue.put(["mail"], message("y"))
    async with database.begin() as db:
        await db.execute(outbox.update().values(thread="t"))
    (first,) = await queue.claim("mail", 10)
    assert first.key == "x@mail"
    assert await queue.claim("mail", 10) == []
    await queue.delivered(first)
    assert [letter.key for letter in await queue.claim("mail", 10)] == ["y@mail"]


async def test_two_processes_never_send_one_message_at_once(database: Database) -> None:
    clock = ManualClock(START)
    one, two = (Queue(database, name, clock, timedelta(seconds=60)) for name in ("one", "two"))
    await one.put(["mail"], message("x"))
    (letter,) = await one.claim("mail", 10)
    assert await two.claim("mail", 10) == []
    clock.advance(timedelta(seconds=60))
    (heir,) = await two.claim("mail", 10)
    assert heir.attempts == 2
    await one.failed(letter, "too late to count")
    await two.delivered(heir)
    assert await rows(database) == [("x@mail", 2, True, False, None)]


async def test_a_restart_under_the_same_name_sends_at_once_what_was_on_its_way(database: Database) -> None:
    killed = Queue(database, "main", SystemClock(), timedelta(hours=1))
    await killed.put(["mail"], message("x"))
    assert len(await killed.claim("mail", 1)) == 1
    mail = KeepingChannel()
    async with running(Outbox(database, {"mail": mail}, SystemClock(), owner="main")):
        await eventually(lambda: _all_done(database))
    assert [m.key for m in mail.sent] == ["x@mail"]


async def test_a_cancelled_delivery_is_tried_again_by_the_next_process(database: Database) -> None:
    hang, mail = KeepingChannel(lambda m: asyncio.Event()), KeepingChannel()

    async def tried() -> bool:
        return bool(hang.tried)

    async with running(first := Outbox(database, {"mail": hang}, SystemClock())):
        await first.post(message("x"), ["mail"])
        await eventually(tried)
    async with running(Outbox(database, {"mail": mail}, SystemClock())):
        await eventually(lambda: _all_done(database))
    assert [m.key for m in mail.sent] == ["x@mail"]


async def test_closing_closes_every_channel(database: Database) -> None:
    channels = {"a": KeepingChannel(), "b": KeepingChannel()}
    await Outbox(database, channels, ManualClock(START)).close()
    assert all(c.closed for c in channels.values())
