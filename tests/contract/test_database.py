"""What the rooms rely on of whatever database keeps the relational state."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, insert, select, update

from alerts.book import Book
from alerts.compose import Composer
from alerts.desk import Desk
from alerts.options import AlertOptions
from alerts.queue import Queue
from alerts.tables import alert, outbox
from dashboards.users import Users
from energy.tables import FOLLOWED, LEDGER, REGISTER
from runtime.clock import ManualClock
from runtime.database import Database, insert_rows
from runtime.runs import Claim, RunTable
from runtime.tables import job, job_run
from tests.unit.alerts.test_outbox import message
from tests.unit.alerts.verdicts import verdict

START = datetime(2026, 10, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
LONG = "ż" * 100_000


def book(database: Database) -> Book:
    """A book without channels."""
    return Book(database, AlertOptions().router(), Composer({}, "http://x"))


async def test_a_moment_comes_back_as_the_same_instant_in_utc_to_the_millisecond(database: Database) -> None:
    warsaw = timezone(timedelta(hours=2))
    kept = [datetime(2026, 10, 25, 2, 30, 0, 123_000, warsaw), datetime(1970, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)]  # fmt: skip
    async with database.begin() as db:
        await db.execute(insert(job), [{"name": str(n), "until": at} for n, at in enumerate(kept)])
    async with database.read() as db:
        found = (await db.scalars(select(job.c.until).order_by(job.c.name))).all()
        assert await db.scalar(select(func.max(job.c.until))) == max(kept)
    assert found == kept
    assert {at.utcoffset() for at in found} == {timedelta(0)}


async def test_rows_inserted_many_at_once_read_as_those_inserted_the_ordinary_way(database: Database) -> None:
    told = ("a \x00 and half a \ud83d", None, LONG)
    rows = [
        {"register": 1, "quarter": n, "revision": 1, "amount": amount, "quality": n, "reason": reason,
         "settled_at": START + n * timedelta(milliseconds=1)}
        for n, (amount, reason) in enumerate(zip((2**53, None, -1), told, strict=True))
    ]  # fmt: skip
    async with database.begin() as db:
        await db.execute(insert(LEDGER), rows)
        await insert_rows(db, LEDGER, [{**row, "register": 2} for row in rows])
        await insert_rows(db, LEDGER, [])
    columns = [column for column in LEDGER.c if column.name != "register"]
    async with database.read() as db:
        ordinary, bulk = [
            (
                await db.execute(select(*columns).where(LEDGER.c.register == n).order_by(LEDGER.c.quarter))
            ).all()
            for n in (1, 2)
        ]
    assert len(bulk) == len(rows)
    assert bulk == ordinary


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.begin() as db:
            await db.execute(insert(job).values(name="settle", until=START))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as db:
        assert await db.scalar(select(func.count()).select_from(job)) == 0


async def test_a_cancelled_transaction_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    written = asyncio.Event()

    async def hang() -> None:
        async with database.begin() as db:
            await db.execute(insert(job).values(name="settle", until=START))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.begin() as db:
        await db.execute(insert(job).values(name="settle", until=START))


async def test_every_query_of_one_reading_sees_the_same_state(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(insert(job).values(name="settle", until=START))
    async with database.read() as db:
        before = await db.scalar(select(job.c.until))
        async with database.begin() as other:
            await other.execute(update(job).values(until=START + QUARTER))
            await other.execute(insert(job).values(name="watch", until=START))
        assert await db.scalar(select(func.count()).select_from(job)) == 1
        assert await db.scalar(select(job.c.until)) == before == START
    async with database.read() as db:
        assert await db.scalar(select(func.count()).select_from(job)) == 2


async def test_any_text_is_kept_however_long_and_compared_as_it_was_kept(database: Database) -> None:
    odd = {"a\x00b": "a\ufffdb", "half \ud83d": "half \ufffd", "\U0001f600": "\U0001f600", LONG: LONG, "": ""}
    run = {"due": START, "state": "failed", "started_at": START, "owner": LONG, "lease_until": START}
    async with database.begin() as db:
        for n, text in enumerate(odd):
            await db.execute(insert(job_run).values(run | {"job": f"{n}", "error": text}))
    async with database.read() as db:
        found = (await db.scalars(select(job_run.c.error).order_by(job_run.c.job))).all()
        assert list(found) == list(odd.values())
        for n, text in enumerate(odd):
            assert await db.scalar(select(job_run.c.job).where(job_run.c.error == text)) == str(n)


async def test_words_are_told_apart_and_sorted_by_code_point(database: Database) -> None:
    names = [
        "Main",
        "main",
        "main 1",
        "main-1",
        "main1",
        "main_1",
        "maina",
        "mäin",
        "żuraw",
        "Ω",
        "\U0001f600",
    ]
    async with database.begin() as db:
        await db.execute(insert(job), [{"name": name, "until": START} for name in reversed(names)])
    async with database.read() as db:
        assert (await db.scalars(select(job.c.name).order_by(job.c.name))).all() == sorted(names)
        assert (await db.scalars(select(job.c.name).where(job.c.name == "main"))).all() == ["main"]
        smaller = (await db.scalars(select(job.c.name).where(job.c.name < "main-1"))).all()
        assert sorted(smaller) == sorted(names)[:3]


async def test_energies_and_positions_are_wider_than_32_bits(database: Database) -> None:
    row = {"register": 1, "quarter": 1_994_000, "quality": 0, "settled_at": START}
    amounts = [None, 0, -(2**40), 2**53 - 1]
    async with database.begin() as db:
        await db.execute(insert(LEDGER), [row | {"revision": n, "amount": a} for n, a in enumerate(amounts)])
        await db.execute(insert(FOLLOWED).values(name="ledger", position=2**60))
    async with database.read() as db:
        assert (await db.scalars(select(LEDGER.c.amount).order_by(LEDGER.c.revision))).all() == amounts
        assert await db.scalar(select(func.max(LEDGER.c.amount))) == 2**53 - 1
        assert await db.scalar(select(FOLLOWED.c.position)) == 2**60


async def test_what_is_not_known_stays_null_and_apart_from_zero(database: Database) -> None:
    register = {"site": "gdansk", "measurement": "meter", "channel": "energy"}
    rows = [(None, None), (0, START), (7, None)]
    async with database.begin() as db:
        for n, (quarter, since) in enumerate(rows):
            more = {"meter": f"m{n}", "expected_from": quarter, "power_since": since}
            await db.execute(insert(REGISTER).values(register | more))
    async with database.read() as db:
        found = (await db.execute(select(REGISTER).order_by(REGISTER.c.id))).all()
        assert [(r.expected_from, r.power_since) for r in found] == rows
        assert await db.scalar(select(func.min(REGISTER.c.expected_from))) == 0
        assert await db.scalar(select(func.count(REGISTER.c.power_since))) == 1


async def test_an_alarm_keeps_its_evidence_its_measure_and_a_note_with_anything_in_it(
    database: Database,
) -> None:
    evidence = {
        "E_DC": 1.5e12,
        "missing": None,
        "whole": True,
        "żuraw": ["\x00", {"deep": -0.1}],
        "long": LONG,
    }
    said = verdict(True, value=0.1 + 0.2, limit=1e300, title=LONG, evidence=evidence)
    await book(database).record("pue_limit", [said], START)
    desk = Desk(database)
    (found,) = await desk.alerts(active=True)
    assert (found.evidence, found.value, found.limit) == (evidence, 0.1 + 0.2, 1e300)
    noted = await desk.acknowledge(found.id, who="jana", note="seen\x00 \ud800", rev=found.rev, at=START)
    assert noted.note == "seen\ufffd \ufffd"
    assert [line.who for line in await desk.timeline(found.id)][-1] == "jana"


@pytest.mark.parametrize("number", [2**31, 2**53])
async def test_an_alarm_that_cannot_be_is_unknown(database: Database, number: int) -> None:
    desk = Desk(database)
    assert await desk.alert(number) is None
    assert list(await desk.timeline(number)) == list(await desk.deliveries(number)) == []
    with pytest.raises(KeyError):
        await desk.acknowledge(number, who="jana", note=None, rev=None, at=START)


async def test_of_several_who_record_one_condition_at_once_one_does(database: Database) -> None:
    books = [book(database) for _ in range(4)]
    said = verdict(True, key="pue/gdansk")
    await asyncio.gather(*(one.record("pue_limit", [said], START) for one in books), return_exceptions=True)
    await books[0].record("pue_limit", [said], START)
    async with database.read() as db:
        assert await db.scalar(select(func.count()).select_from(alert)) == 1


async def test_an_acknowledgement_and_a_verdict_at_once_are_both_kept(database: Database) -> None:
    desk, one = Desk(database), book(database)
    await one.record("pue_limit", [verdict(True, value=1.0)], START)
    (found,) = await desk.alerts(active=True)
    await asyncio.gather(
        desk.acknowledge(found.id, who="jana", note="on it", rev=None, at=START),
        one.record("pue_limit", [verdict(True, value=2.0)], START + QUARTER),
    )
    (after,) = await desk.alerts(active=True)
    assert (after.acknowledged_by, after.note, after.value) == ("jana", "on it", 2.0)


async def test_of_two_due_times_of_one_job_the_later_waits(database: Database) -> None:
    tables = [RunTable(database, name, ManualClock(START), timedelta(seconds=60)) for name in "abcd"]
    for round_ in range(5):
        name, dues = f"settle {round_}", [START + n * QUARTER for n in (1, 2, 3, 4)]
        await asyncio.gather(*(table.begin(name, START) for table in tables))
        claims = await asyncio.gather(*(t.claim(name, due) for t, due in zip(tables, dues, strict=True)))
        mine = [due for due, claim in zip(dues, claims, strict=True) if claim is Claim.MINE]
        assert len(mine) == 1
        assert await tables[0].mark(name) == mine[0]


async def test_of_several_that_make_the_first_operator_one_does(database: Database) -> None:
    clock = ManualClock(START)
    made = await asyncio.gather(*(Users(database, clock).ensure_first() for _ in range(2)))
    assert sum(one is not None for one in made) == 1


async def test_one_message_is_posted_once_by_several_at_once(database: Database) -> None:
    queues = [Queue(database, name, ManualClock(START), timedelta(seconds=60)) for name in "abcd"]
    posted = await asyncio.gather(*(queue.put(["mail", "chat"], message("a")) for queue in queues))
    assert sum(posted) == 2
    async with database.read() as db:
        assert await db.scalar(select(func.count()).select_from(outbox)) == 2
    claimed = await asyncio.gather(*(queue.claim("mail", 4) for queue in queues))
    assert sorted(len(letters) for letters in claimed) == [0, 0, 0, 1]
