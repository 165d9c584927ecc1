"""Hours of the grid in versions: from telemetry, read as known at a time, and what a change causes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert, select

from energy.carbon.hours import Mix, hour_of, load_hours, write_hours
from energy.carbon.intake import GridIntake
from energy.carbon.tables import GRID_HOUR, GRID_MARK
from energy.interval import Period
from energy.proof.cause import load_causes
from energy.proof.tables import LOCK, RESTATEMENT
from energy.proof.turn import take_turn
from energy.reading.reader import LedgerFigures
from runtime.errors import BadDocument
from tests.unit.energy.carbon.documents import LT, acknowledgement, document, series
from tests.unit.energy.plant import MINUTE, START, Plant

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = hour_of(START)
TWO = Period(START, START + 2 * HOUR)


async def told(plant: Plant, minute: float, carbon: float, share: float = 0.3) -> None:
    fields = {"renewable_share": [share], "carbon_free_share": [share], "carbon_g_per_kwh": [carbon]}
    await plant.feed(plant.frame("grid/PL", [START + minute * MINUTE], fields))


async def used(plant: Plant, hours: int = 2) -> LedgerFigures:
    """A constant load for ``hours``, settled."""
    await plant.counts("meter/gdansk/main-1", 12_000.0, (-5, 60 * hours + 5))
    await plant.counts("meter/gdansk/ups-a", 10_000.0, (-5, 60 * hours + 5))
    await plant.settle(60 * hours + 2)
    return LedgerFigures(plant.database, plant.store, plant.sites)


async def versions(plant: Plant) -> list[tuple[int, int, float | None]]:
    wanted = select(GRID_HOUR).order_by(GRID_HOUR.c.hour, GRID_HOUR.c.version)
    async with plant.database.read() as connection:
        rows = (await connection.execute(wanted)).all()
    return [(row.hour - FIRST, row.version, row.carbon_g_per_kwh) for row in rows]


async def causes(plant: Plant) -> list[str]:
    async with plant.database.read() as connection:
        return [c.reason for c in await load_causes(connection, ["gdansk"], (0, 2**31 - 1), ["factor"])]


async def test_what_is_told_first_is_version_1_and_a_change_after_the_hour_another_with_a_cause(plant: Plant):
    await told(plant, 5, 600.0)
    await told(plant, 65, 500.0)
    reader = await used(plant)
    before = START + 2 * HOUR + 30 * MINUTE
    assert await versions(plant) == [(0, 1, 600.0), (1, 1, 500.0)]
    assert await causes(plant) == []
    (row,) = await reader.kpi("gdansk", TWO)
    await told(plant, 45, 800.0)
    await plant.settle(3 * 60)
    assert await versions(plant) == [(0, 1, 600.0), (0, 2, 700.0), (1, 1, 500.0)]
    assert await causes(plant) == ["the mix of the grid of PL was told anew for 1 hour"]
    (now,) = await reader.kpi("gdansk", TWO)
    (then,) = await reader.kpi("gdansk", TWO, as_of=before)
    assert (row.cue, then.cue) == (pytest.approx(12 / 10 * 0.55), row.cue)
    assert now.cue == pytest.approx(12 / 10 * 0.6)


async def test_the_running_hour_is_told_by_what_came_so_far_and_is_no_revision(plant: Plant):
    await told(plant, 5, 600.0)
    await plant.settle(20)
    await told(plant, 25, 700.0)
    await plant.settle(40)
    await plant.settle(70)
    assert await versions(plant) == [(0, 1, 600.0), (0, 2, 650.0)]
    assert await causes(plant) == []
    async with plant.database.read() as connection:
        assert (await connection.execute(select(GRID_MARK))).all() == []
        at = START + 30 * MINUTE
        then = await load_hours(connection, ("PL", "mqtt"), (FIRST - 1, 3), at)
    assert then.version.tolist() == [0, 1, 0]
    assert then.fields[2, 1] == 600.0
    assert np.isnan(then.fields[:, [0, 2]]).all()


async def test_what_is_told_again_is_no_new_version(plant: Plant):
    await told(plant, 5, 600.0)
    await plant.settle(70)
    await told(plant, 5, 600.0)
    await plant.settle(130)
    assert await versions(plant) == [(0, 1, 600.0)]


async def test_hours_that_the_store_was_told_before_there_were_versions_are_taken_over(plant: Plant):
    await told(plant, 5, 600.0)
    await used(plant)
    async with plant.database.begin() as connection:
        for table in (GRID_HOUR, GRID_MARK):
            await connection.execute(table.delete())
    plant.use(plant.store)
    await plant.settle(4 * 60)
    assert await versions(plant) == [(0, 1, 600.0)]
    async with plant.database.read() as connection:
        known = await connection.scalar(select(GRID_HOUR.c.known_at))
    assert known == START + 4 * HOUR


async def test_sources_are_never_mixed(plant: Plant):
    await told(plant, 5, 600.0)
    async with plant.database.begin() as connection:
        other = {FIRST + 1: Mix(carbon_g_per_kwh=1.0)}
        await write_hours(connection, ("PL", "entsoe", "production"), other, START)
    reader = await used(plant)
    hours = await reader.grid("gdansk", TWO)
    assert [hour.carbon_g_per_kwh for hour in hours] == [600.0, None]


async def test_a_document_brings_hours_and_another_one_changes_them(plant: Plant):
    intake, at = GridIntake(plant.database, plant.sites), START + 3 * HOUR
    body = document(series("B05", START, [700.0, 700.0]), series("B19", START, [300.0, 100.0]))
    (kept,) = await intake.take(body, at)
    assert (kept.zone, kept.new, kept.changed, kept.same) == ("PL", 2, 0, 0)
    (again,) = await intake.take(body, at + HOUR)
    assert (again.new, again.changed, again.same) == (0, 0, 2)
    body = document(series("B05", START, [700.0, 700.0]), series("B19", START, [300.0, 300.0]))
    (later,) = await intake.take(body, at + 2 * HOUR)
    assert (later.new, later.changed, later.same) == (0, 1, 1)
    assert "1 changed" in later.in_words()


async def test_a_document_without_data_or_of_no_known_zone_brings_nothing(plant: Plant):
    intake = GridIntake(plant.database, plant.sites)
    for body, said in (
        (acknowledgement(), "nothing was kept: No matching data found"),
        (document(series("B05", START, [1.0], zone="10Y-NOWHERE-----X")), "'10Y-NOWHERE-----X' is no zone"),
    ):
        with pytest.raises(BadDocument, match=said):
            await intake.take(body, START)
    assert await versions(plant) == []
    assert not await intake.keep("LT", acknowledgement(), [1], START)
    assert await intake.keep("LT", document(series("B05", START, [1.0], zone=LT)), [2], START)
    assert await intake.fetched("LT", range(5)) == {1: START, 2: START}


async def test_a_document_that_lacks_a_type_told_lately_is_incomplete_and_no_better_version(plant: Plant):
    intake, at = GridIntake(plant.database, plant.sites), START + 3 * HOUR
    whole = document(series("B02", START, [700.0, 700.0]), series("B19", START, [300.0, 300.0]))
    await intake.take(whole, at)
    wind = document(series("B19", START, [310.0, 310.0, 320.0]))
    (kept,) = await intake.take(wind, at + HOUR)
    assert (kept.new, kept.changed, kept.same, kept.incomplete) == (0, 0, 0, 3)
    assert kept.in_words().endswith(
        "3 incomplete and not kept: no lignite, which was told in the 14 days before"
    )
    assert [version for _, version, _ in await versions(plant)] == [1, 1]
    much_later = START + 20 * DAY
    (later,) = await intake.take(document(series("B19", much_later, [310.0])), at + 21 * DAY)
    assert (later.new, later.incomplete) == (1, 0)
    before = START - 20 * DAY
    (earlier,) = await intake.take(document(series("B16", before, [5.0])), at + 21 * DAY)
    assert earlier.new == 1


async def test_a_type_that_a_document_begins_with_is_missed_in_the_next(plant: Plant):
    intake = GridIntake(plant.database, plant.sites)
    for number, codes in enumerate((("B19", "B04"), ("B19",))):
        begin = START + number * HOUR
        (kept,) = await intake.take(document(*(series(code, begin, [1.0]) for code in codes)), START + DAY)
        assert (kept.new, kept.lacking) == ((1, ()) if number == 0 else (0, ("gas",)))


async def test_a_locked_month_keeps_what_was_known_when_it_was_locked_or_restated(plant: Plant):
    await told(plant, 5, 600.0)
    reader = await used(plant)
    locked = START + 2 * HOUR + 30 * MINUTE
    first = int(START.timestamp()) // 900
    row = {"site": "gdansk", "period": "2026-10", "first": first, "until": first + 8, "at": locked}
    signed = {"who": "officer", "document": "{}", "key": "k", "signature": "s"}
    async with plant.database.begin() as connection:
        assert await take_turn(connection, "gdansk", locked) == locked
        await connection.execute(insert(LOCK).values(**row, **signed))
    await told(plant, 45, 800.0)
    await plant.settle(3 * 60)
    one = Period(START, START + HOUR)
    assert (await versions(plant))[1] == (0, 2, 700.0)
    (kept,) = await reader.kpi("gdansk", one)
    assert kept.cue == pytest.approx(1.2 * 0.6)
    restated = {"site": "gdansk", "period": "2026-10", "number": 1, "cause": 1, "at": START + 4 * HOUR}
    async with plant.database.begin() as connection:
        await take_turn(connection, "gdansk", START + 4 * HOUR)
        await connection.execute(insert(RESTATEMENT).values(**restated, **signed, reason="corrected"))
    (anew,) = await reader.kpi("gdansk", one)
    (then,) = await reader.kpi("gdansk", one, as_of=START + 3 * HOUR + 30 * MINUTE)
    assert (anew.cue, then.cue) == (pytest.approx(1.2 * 0.7), kept.cue)
