"""Closed days carry hashes, chained to the day before: what was changed behind the ledger is found."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.check import check_site, rolling
from energy.proof.key import SigningKey
from energy.proof.seal import load_seals, newest_seal, seal_days
from energy.proof.tables import SEAL
from runtime.database import Database
from tests.unit.energy.plant import START, Plant, site
from tests.unit.energy.proving import (
    DAY,
    FIRST,
    MAIN,
    UPS,
    change,
    differences,
    late_readings,
    sparse,
    two_days,
)


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """On SQLite alone; test_proof_everywhere has what differs by database."""
    opened = Plant(tmp_path, {"gdansk": site()})
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey(tmp_path / "ledger.key")


async def test_closed_days_are_sealed_and_late_rows_get_a_seal_of_their_own(plant, key):
    await two_days(plant)
    await late_readings(plant)
    assert await seal_days(plant.database, "gdansk", START + 3 * DAY) == 1
    assert await seal_days(plant.database, "gdansk", START + 3 * DAY) == 0
    async with plant.database.read() as connection:
        seals = await load_seals(connection, "gdansk")
    days = [seal.day * 96 for seal in seals]
    assert days == [FIRST, FIRST + 96, FIRST]
    assert [seal.rows for seal in seals] == [192, 192, 9]
    assert seals[1].previous == seals[0].hash
    assert seals[0].content != seals[2].content
    assert await differences(plant, key) == []


async def test_the_same_readings_give_the_same_content_in_whatever_order_they_come(plant, tmp_path):
    await two_days(plant)
    await late_readings(plant)
    await seal_days(plant.database, "gdansk", START + 3 * DAY)
    again = Plant(tmp_path, plant.sites)
    await again.open()
    await sparse(again, UPS, (0, 49), 3000.0)
    await sparse(again, MAIN, (0, 49))
    await again.settle(49 * 60 + 7)
    await seal_days(again.database, "gdansk", START + 4 * DAY)
    async with plant.database.read() as connection:
        old = {seal.day: seal.content for seal in await load_seals(connection, "gdansk")}
    async with again.database.read() as connection:
        new = {seal.day: seal.content for seal in await load_seals(connection, "gdansk")}
    await again.close()
    assert old == new


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("amount = amount + 1", "is not as seal 1 holds it"),
        ("quality = 1", "is not as seal 1 holds it"),
        ("reason = 'x'", "is not as seal 1 holds it"),
        ("settled_at = settled_at + 1", "is not as seal 1 holds it"),
    ],
)
async def test_a_changed_byte_is_found_with_its_day_meter_and_interval(plant, key, changed, told):
    await two_days(plant)
    register = "SELECT id FROM energy_register WHERE meter = 'main-1' AND channel = 'energy'"
    await change(
        plant, f"UPDATE energy_ledger SET {changed} WHERE quarter = {FIRST + 5} AND register = ({register})"
    )
    (found,) = await differences(plant, key)
    assert (found.what, found.day, found.meter, found.channel) == ("row", "2026-10-05", "main-1", "energy")
    assert (found.start, found.told) == ("2026-10-05T01:15:00+00:00", told)
    assert found.in_words().startswith("gdansk 2026-10-05 main-1 energy 2026-10-05T01:15:00+00:00: ")


async def test_a_row_that_was_removed_or_added_behind_the_ledger_is_found(plant, key):
    await two_days(plant)
    one = f"quarter = {FIRST + 7} AND register = (SELECT min(register) FROM energy_ledger)"
    await change(
        plant,
        "INSERT INTO energy_ledger (register, quarter, revision, amount, quality, settled_at, cause) SELECT"
        f" register, quarter, 2, 5, 0, settled_at, 99 FROM energy_ledger WHERE {one}",
    )
    found = await differences(plant, key)
    assert [(one.what, one.start) for one in found] == [
        ("row", "2026-10-05T01:45:00+00:00"), ("cause", "2026-10-05T01:45:00+00:00")
    ]  # fmt: skip
    await change(plant, f"DELETE FROM energy_ledger WHERE revision = 1 AND {one}")
    assert "is not as seal 1 holds it" in [one.told for one in await differences(plant, key)]


async def test_a_changed_seal_cause_or_chain_is_found(plant, key):
    await two_days(plant)
    async with plant.database.read() as connection:
        rows = await connection.execute(text("SELECT * FROM energy_seal ORDER BY number"))
        first, second = (dict(row._mapping) for row in rows)
    await change(plant, "UPDATE energy_cause SET reason = 'y' WHERE id = 1")
    assert [one.what for one in await differences(plant, key)] == ["cause"]
    await change(plant, "UPDATE energy_cause SET reason = 'the intervals ended' WHERE id = 1")
    assert await differences(plant, key) == []
    await change(plant, "UPDATE energy_seal SET content = 'f' WHERE number = 1")
    assert [one.what for one in await differences(plant, key)] == ["seal", "seal"]
    await change(plant, f"UPDATE energy_seal SET content = '{first['content']}' WHERE number = 1")
    await change(plant, "DELETE FROM energy_seal WHERE number = 1")
    told = [one.told for one in await differences(plant, key)]
    assert "seal 1 is missing before seal 2" in told
    assert second["previous"] == first["hash"]


class Killed(Exception):
    """The end, in the middle of a transaction."""


async def dies_sealing(plant: Plant) -> None:
    async with plant.database.begin() as connection:
        last = await newest_seal(connection, "gdansk")
        await connection.execute(SEAL.insert().values(**{**vars(last), "number": last.number + 1}))
        raise Killed


async def test_a_seal_that_was_not_committed_is_made_again(plant, key):
    await two_days(plant)
    await late_readings(plant)
    with pytest.raises(Killed):
        await dies_sealing(plant)
    assert await seal_days(plant.database, "gdansk", START + 3 * DAY) == 1
    assert await differences(plant, key) == []


def test_the_key_is_kept_from_others_and_stays(tmp_path):
    key = SigningKey(tmp_path / "ledger.key")
    assert not key.exists()
    signature = key.sign("a document")
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600
    again = SigningKey(key.path)
    assert again.signed("a document", signature)
    assert not again.signed("another document", signature)
    assert again.name == key.name
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.key"]


def test_in_a_week_every_day_has_its_turn():
    seen = {day for today in range(1000, 1007) for day in range(900, 1000) if rolling(today)(day)}
    assert seen == set(range(900, 1000))


async def test_what_is_settled_while_it_is_checked_is_no_difference(plant, key):
    """The check reads the causes first and each day later: here the first day is written to in between."""
    await two_days(plant)
    begun, written = asyncio.Event(), asyncio.Event()

    class Slow(Database):
        """Its second reading, which is of the first day's rows, waits until that day was written to."""

        readings = 0

        @asynccontextmanager
        async def read(self) -> AsyncIterator[AsyncConnection]:
            self.readings += 1
            if self.readings == 2:
                begun.set()
                await written.wait()
            async with super().read() as connection:
                yield connection

    slow = Slow(plant.database.url)
    checking = asyncio.create_task(check_site(slow, "gdansk", key))
    await begun.wait()
    await late_readings(plant)
    written.set()
    found = await checking
    await slow.close()
    assert found.differences == []
    assert found.rows == 2 * 192 + 9
