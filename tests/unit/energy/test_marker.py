"""The ledger's place in the journal: what it marks, and that it marks it with its position or not at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from energy.configuration.device import devices
from energy.interval import QUARTER_MS, Period
from energy.reading.reader import LedgerFigures
from energy.settlement.due import clear, load_marks
from energy.settlement.ledger import Ledger
from energy.settlement.marker import Marker
from energy.tables import DIRTY, FOLLOWED, REGISTER
from runtime.backoff import Backoff
from runtime.clock import ManualClock, to_ms
from runtime.database import Database
from runtime.errors import StoreError
from telemetry.follower import Follower, Followers, FollowOptions
from telemetry.journal import Journal
from telemetry.series import SeriesRegistry
from telemetry.stores.memory import MemoryOptions, MemoryStore
from tests.eventually import eventually
from tests.fakes.database import RestartingDatabase
from tests.unit.energy.plant import MINUTE, START, Plant, site

FIRST = to_ms(START) // QUARTER_MS
MAIN = "meter/gdansk/main-1"


async def marks(plant):
    async with plant.database.read() as connection:
        rows = await connection.execute(select(DIRTY).order_by(DIRTY.c.first))
        return [(r.meter, r.first - FIRST, r.until - FIRST, r.touched) for r in rows]


async def test_a_reading_marks_its_quarter_and_one_on_a_boundary_also_the_quarter_it_ends(plant):
    await plant.feed(plant.frame(MAIN, [START + 20 * MINUTE], {"energy_wh": [1.0]}))
    await plant.feed(plant.frame(MAIN, [START + 90 * MINUTE], {"energy_wh": [2.0]}))
    assert await marks(plant) == [("main-1", 1, 2, 1), ("main-1", 5, 7, 1)]


async def test_neighbouring_quarters_are_one_mark_and_distant_ones_two(plant):
    at = [START + n * MINUTE for n in (1, 16, 31, 301)]
    await plant.feed(plant.frame(MAIN, at, {"energy_wh": [1.0, 2.0, 3.0, 4.0]}))
    assert await marks(plant) == [("main-1", 0, 3, 1), ("main-1", 20, 21, 1)]


async def test_a_repeated_mark_is_one_row_that_counts_how_often(plant):
    for minute in (1, 2, 3):
        await plant.feed(plant.frame(MAIN, [START + minute * MINUTE], {"energy_wh": [float(minute)]}))
    assert await marks(plant) == [("main-1", 0, 1, 3)]


async def test_the_first_reading_of_a_register_is_remembered_even_when_an_earlier_one_comes_late(plant):
    for minute in (30, 10, 20):
        await plant.feed(
            plant.frame(MAIN, [START + minute * MINUTE], {"energy_wh": [1.0], "power_w": [-5.0]})
        )
    async with plant.database.read() as connection:
        found = await connection.execute(select(REGISTER).where(REGISTER.c.meter == "main-1"))
        rows = {r.channel: r for r in found}
    assert rows["energy"].register_since == START + 10 * MINUTE
    assert "export" not in rows  # less than 100 W against its direction is how its zero wanders


async def test_a_meter_without_an_export_register_exports_from_when_its_power_turns_negative(plant):
    for minute, watts in ((1, 5e5), (2, -5e5), (3, -5e5)):
        counted = {"energy_wh": [float(minute)], "power_w": [watts]}
        await plant.feed(plant.frame(MAIN, [START + minute * MINUTE], counted))
    async with plant.database.read() as connection:
        found = await connection.execute(select(REGISTER).where(REGISTER.c.meter == "main-1"))
        rows = {r.channel: r for r in found}
    assert rows["export"].power_since == START + 2 * MINUTE
    assert rows["export"].register_since is None


async def test_a_process_that_joins_late_moves_no_first_reading_forward(plant):
    first, second = (Marker(plant.database, plant.registry, plant.sites) for _ in range(2))
    await first.open()
    await second.open()
    for marker, minute, position in ((first, 10, 1), (second, 40, 2)):
        told = {"energy_wh": [1.0], "power_w": [5e5]}
        await marker.append([plant.frame(MAIN, [START + minute * MINUTE], told)], position)
    async with plant.database.read() as connection:
        found = await connection.execute(select(REGISTER).where(REGISTER.c.meter == "main-1"))
        (row,) = found.all()
    assert (row.register_since, row.power_since) == (START + 10 * MINUTE, START + 10 * MINUTE)


async def place(plant):
    async with plant.database.read() as connection:
        return await connection.scalar(select(FOLLOWED.c.position).where(FOLLOWED.c.name == Marker.name))


async def test_a_place_without_marks_is_written_now_and_then_and_one_with_marks_at_once(plant):
    clock = ManualClock(START)
    marker = Marker(plant.database, plant.registry, plant.sites, clock)
    await marker.open()
    await marker.append([], 1)
    for position in (2, 3, 4):
        clock.advance(timedelta(seconds=3))
        await marker.append([], position)
        assert (await place(plant), marker.safe) == (1, 1), "the journal keeps what may come by again"
    clock.advance(timedelta(seconds=1))
    await marker.append([], 5)
    assert (await place(plant), marker.safe) == (5, 5)
    await marker.append([plant.frame(MAIN, [START + MINUTE], {"energy_wh": [1.0]})], 6)
    assert (await place(plant), marker.safe) == (6, 6)
    assert await marks(plant) == [("main-1", 0, 1, 1)]
    await marker.append([], 7)
    await marker.write_place(7)
    assert (await place(plant), marker.safe) == (7, 7), "nothing more came"


def test_it_asks_the_journal_for_all_that_a_device_can_tell():
    tables = {
        "supply": [{"id": "pv", "kind": "onsite_solar"}],
        "cooling": [{"id": "c"}],
        "heat": [{"id": "h"}],
        "water": [{"id": "w"}],
    }
    told = {device.measurement.name for device in devices("gdansk", site(**tables))}
    assert told | {"grid"} == set(Marker.measurements)


async def test_without_its_tables_it_fails_as_a_store_does(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    marker = Marker(database, SeriesRegistry(), {"gdansk": site()})
    with pytest.raises(StoreError, match="place in the journal"):
        await marker.open()
    with pytest.raises(StoreError, match="batch 7"):
        await marker.append([], 7)
    await database.close()


async def test_a_batch_that_fails_leaves_neither_marks_nor_position(plant):
    async with plant.database.begin() as connection:
        await connection.run_sync(lambda sync: REGISTER.drop(sync))
    with pytest.raises(StoreError):
        await plant.feed(plant.frame(MAIN, [START], {"energy_wh": [1.0]}))
    assert await marks(plant) == []
    async with plant.database.begin() as connection:
        await connection.run_sync(lambda sync: REGISTER.create(sync))
    assert await plant.marker.open() == 0


async def test_behind_a_real_journal_everything_committed_is_settled(tmp_path):
    """As the service is composed: followers carry batches to store and marker, settling waits for both."""
    sites = {"gdansk": site()}
    plant = Plant(tmp_path, sites)
    await plant.database.create_all()
    journal = Journal(tmp_path / "journal.db", plant.registry)
    await journal.open()
    store = MemoryStore(MemoryOptions(), plant.registry, tmp_path)
    quick = FollowOptions(interval=timedelta(0))
    follow = [
        Follower(journal, sink, quick) for sink in (store, Marker(plant.database, plant.registry, sites))
    ]
    followers = Followers(journal, follow, store)
    running = asyncio.create_task(followers.run())
    ledger = Ledger(plant.database, store, sites, lambda: followers.wait_for(journal.head))
    for minute in range(-1, 33):
        for topic, rate in ((MAIN, 100.0), ("meter/gdansk/ups-a", 80.0)):
            at = START + minute * MINUTE
            await journal.append([plant.frame(topic, [at], {"energy_wh": [1000.0 + rate * minute]})])
    done = await ledger.settle(START + 32 * MINUTE)
    assert done.written >= 4
    figures = LedgerFigures(plant.database, store, sites)
    rows = await figures.rows("gdansk", Period(START, START + 30 * MINUTE), "ups-a")
    assert [row.energy_wh for row in rows] == [1200.0, 1200.0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await journal.close()
    await plant.close()


async def test_a_database_that_restarts_costs_time_and_never_the_place(tmp_path):
    """PostgreSQL refuses connections while it restarts, which is a plain OSError."""
    plant = Plant(tmp_path, {"gdansk": site()})
    plant.database = RestartingDatabase(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    await plant.database.create_all()
    journal = Journal(tmp_path / "journal.db", plant.registry)
    await journal.open()
    marker = Marker(plant.database, plant.registry, plant.sites)
    quick = FollowOptions(interval=timedelta(0))
    follower = Follower(journal, marker, quick, Backoff(first=0.001, ceiling=0.002))

    async def refused_twice():
        return running.done() or plant.database.refused >= 2

    async def refuse():
        """Be away until the marker has tried twice; then be back."""
        plant.database.away, plant.database.refused = True, 0
        await journal.append([plant.frame(MAIN, [START + MINUTE], {"energy_wh": [1.0]})])
        await eventually(refused_twice)
        assert not running.done(), running.exception()
        assert "Connect call failed" in follower.error
        plant.database.away = False
        async with asyncio.timeout(20):
            await follower.wait_for(journal.head)

    plant.database.away = True
    running = asyncio.create_task(follower.run())
    await refuse()  # while it opens
    await refuse()  # while it appends
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await marks(plant) == [("main-1", 0, 1, 2)]
    await journal.close()
    await plant.close()


async def test_a_reading_of_another_journal_is_not_forgotten_with_the_mark_that_it_touched(plant):
    """While a shard moves, two journals mark one site: the younger one counts from 1."""
    at = [START + MINUTE]
    plant.position = 5_000_000
    await plant.feed(plant.frame(MAIN, at, {"energy_wh": [1.0]}))
    async with plant.database.begin() as connection:
        found = await load_marks(connection)
    await plant.marker.append([plant.frame(MAIN, at, {"energy_wh": [1.0]})], 120)
    async with plant.database.begin() as connection:
        await clear(connection, found, FIRST + 1)
    assert await marks(plant) == [("main-1", 0, 1, 2)]
    async with plant.database.begin() as connection:
        await clear(connection, await load_marks(connection), FIRST + 1)
    assert await marks(plant) == []
