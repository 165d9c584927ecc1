"""Whoever stamps when something became known does so in turn, later than all that was stamped before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from energy.carbon.hours import Mix, hour_of, load_hours, write_hours
from energy.proof.cause import load_causes, record
from energy.proof.turn import every_site, of_registry, of_site, take_turn, take_turns, wait_turn
from energy.proof.writing import Writing
from runtime.database import Database

AT = datetime(2026, 10, 5, tzinfo=UTC)
TICK = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """The same database, as another process has it."""
    opened = Database(database.url)
    yield opened
    await opened.close()


async def note(database: Database, who: str, at: datetime) -> int:
    async with database.begin() as connection:
        return await record(
            connection, site="gdansk", kind="factor", who=who, reason="r", at=at, first=1, until=2
        )


async def test_who_waited_for_the_turn_is_stamped_later_than_who_had_it_and_sees_what_he_wrote(
    database: Database, other: Database
):
    begun = asyncio.Event()

    async def second() -> tuple[datetime, list[str]]:
        await begun.wait()
        async with other.begin() as connection:
            at = await take_turn(connection, "gdansk", AT)
            seen = await load_causes(connection, ["gdansk"], (0, 9))
            return at, [cause.who for cause in seen]

    waiting = asyncio.create_task(second())
    async with database.begin() as connection:
        first = await take_turn(connection, "gdansk", AT + SECOND)
        begun.set()
        for _ in range(3):  # the other one asks for its turn meanwhile
            await load_causes(connection, ["gdansk"], (0, 9))
        await record(connection, site="gdansk", kind="lock", who="Ola", reason="r", at=AT, first=1, until=2)
    assert first == AT + SECOND
    assert await waiting == (first + TICK, ["Ola"])


async def test_of_many_who_come_at_once_no_two_stamps_are_the_same_and_they_follow_the_order(
    database: Database, other: Database
):
    both = [note(one, "w", AT + n % 3 * TICK) for n in range(6) for one in (database, other)]
    numbers = await asyncio.gather(*both)
    async with database.read() as connection:
        found = await load_causes(connection, ["gdansk"], (0, 9))
    assert sorted(numbers) == [cause.id for cause in found]
    stamps = [cause.at for cause in found]
    assert stamps == sorted(set(stamps))


async def test_a_transaction_has_one_stamp_and_an_act_keeps_it_until_somebody_else_stamps(database: Database):
    writing = Writing("gdansk", AT, None, 1)
    async with database.begin() as connection:
        await writing.turn(connection)
        assert await take_turn(connection, "gdansk", AT - SECOND) == writing.at == AT
        assert await take_turns(connection, [of_site("gdansk"), of_site("kaunas")], AT) == AT
    async with database.begin() as connection:
        await writing.turn(connection)
        assert writing.at == AT
    await note(database, "Ola", AT)
    async with database.begin() as connection:
        assert await wait_turn(connection, "gdansk") == AT + TICK
        await writing.turn(connection)
    assert writing.at == AT + 2 * TICK


async def test_what_is_rolled_back_was_never_stamped(database: Database):
    async def dies() -> None:
        async with database.begin() as connection:
            await take_turn(connection, "gdansk", AT + SECOND)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await dies()
    async with database.begin() as connection:
        assert await take_turn(connection, "gdansk", AT) == AT


async def test_a_stamp_of_several_turns_is_the_latest_of_them_and_of_all_of_them(database: Database):
    await note(database, "Ola", AT + SECOND)
    async with database.begin() as connection:
        assert await take_turns(connection, [of_registry("PL")], AT) == AT
        assert await take_turns(connection, [of_site("gdansk")], AT) == AT + SECOND + TICK
        assert await every_site(connection) == ["site:gdansk"]
    async with database.begin() as connection:
        assert await take_turns(connection, [of_registry("PL")], AT) == AT + SECOND + 2 * TICK


async def test_two_who_tell_of_one_hour_at_once_make_two_versions_after_all_that_sites_know(
    database: Database, other: Database
):
    await note(database, "Ola", AT + SECOND)

    async def tell(one: Database, carbon: float) -> None:
        async with one.begin() as connection:
            mix = {hour_of(AT): Mix(carbon_g_per_kwh=carbon)}
            await write_hours(connection, ("PL", "mqtt", "told"), mix, AT)

    await asyncio.gather(tell(database, 600.0), tell(other, 700.0))
    async with database.read() as connection:
        versions = [
            (await load_hours(connection, ("PL", "mqtt"), (hour_of(AT), 1), at)).version.tolist()
            for at in (AT + SECOND, AT + SECOND + TICK, None)
        ]
    assert versions == [[0], [1], [2]]
