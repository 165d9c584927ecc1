"""What a reader keeps in memory changes no figure: it always tells what one that starts anew would tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from energy.carbon.choice import default_use
from energy.carbon.hours import Mix, hour_of, write_hours
from energy.carbon.uses import record_uses
from energy.interval import Period, Step
from energy.reading.reader import LedgerFigures
from tests.unit.energy.plant import MINUTE, START, Plant, site

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUPPLIES = [
    {"id": "pv-roof", "kind": "onsite_solar"},
    {"id": "ppa-wind-1", "kind": "ppa_wind", "zone": "PL"},
]
HOURLY = 60


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """One site, three days old; its wind has not been heard of since the second day began."""
    plant = Plant(tmp_path, {"gdansk": site(supply=SUPPLIES)})
    await plant.open()
    end = 3 * 24 * HOURLY
    await plant.counts("meter/gdansk/main-1", 8000.0, (-5, end + 5))
    await plant.counts("meter/gdansk/ups-a", 7500.0, (-5, end + 5))
    await plant.counts("supply/gdansk/pv-roof", 1000.0, (-5, end + 5))
    await plant.counts("supply/gdansk/ppa-wind-1", 6000.0, (-5, 25 * HOURLY))
    # It tells its power, so that what leaves the site would show.
    await plant.feed(plant.frame("meter/gdansk/main-1", [START - 5 * MINUTE], {"power_w": [8000.0]}))
    await plant.settle(end + 2)
    yield plant
    await plant.close()


def anew(plant: Plant) -> LedgerFigures:
    return LedgerFigures(plant.database, plant.store, plant.sites)


async def answers(figures: LedgerFigures) -> list[Any]:
    """Everything that a check, a page and a report ask, from the narrow to the wide and back."""
    settled = await figures.settled_until("gdansk")
    assert settled is not None
    month = Period(START, settled)
    found: list[Any] = [settled]
    for period in (Period(settled - HOUR, settled), Period(START + DAY, START + 2 * DAY), month):
        found.append(await figures.kpi("gdansk", period))
        found.append(await figures.mix("gdansk", period))
        found.append(await figures.statements("gdansk", period))
    found.append(await figures.kpi("all", month, Step.HOUR))
    found.append(await figures.kpi("gdansk", Period(settled - HOUR, settled), only={"pue"}))
    return found


async def next_quarters(plant: Plant) -> None:
    """The running day goes on, over midnight."""
    end = 3 * 24 * HOURLY
    for number in range(1, 4):
        minutes = (end + 15 * number - 9, end + 15 * number + 5)
        await plant.counts("meter/gdansk/main-1", 8100.0, minutes, first=-7200.0)
        await plant.counts("meter/gdansk/ups-a", 7500.0, minutes)
        await plant.settle(end + 15 * number + 2)


async def late_readings(plant: Plant) -> None:
    """The wind of two days ago comes at last."""
    await plant.counts("supply/gdansk/ppa-wind-1", 6000.0, (25 * HOURLY + 1, 70 * HOURLY))
    await plant.settle(3 * 24 * HOURLY + 3)


async def correction(plant: Plant) -> None:
    """One hour of the first day is found to be otherwise."""
    await plant.counts("meter/gdansk/ups-a", 7500.0, (301, 330), first=900.0)
    await plant.settle(3 * 24 * HOURLY + 4)


async def export(plant: Plant) -> None:
    """A register speaks that the ledger did not know when it was read."""
    await plant.counts("meter/gdansk/main-1", 500.0, (60 * HOURLY, 3 * 24 * HOURLY + 5), field="export_wh")
    await plant.settle(3 * 24 * HOURLY + 5)


async def hours(plant: Plant) -> None:
    """The mix of the grid is told of an hour, and then otherwise."""
    hour = hour_of(START + 30 * HOUR)
    for number, share in enumerate((0.5, 0.6)):
        async with plant.database.begin() as connection:
            told = {hour: Mix(share, share, 400.0)}
            at = START + 3 * DAY + number * MINUTE
            await write_hours(connection, ("PL", "mqtt", "told"), told, at)


async def factors(plant: Plant) -> None:
    """Other factors are configured."""
    plain, other = default_use(), replace(default_use(), contracts="lifecycle")
    for number, use in enumerate((plain, other)):
        await record_uses(plant.database, {"gdansk": use}, START + 3 * DAY + number * MINUTE)


@pytest.mark.parametrize("event", [next_quarters, late_readings, correction, export, hours, factors])
async def test_what_is_kept_is_what_would_be_read_anew(
    plant: Plant, event: Callable[[Plant], Awaitable[None]]
) -> None:
    kept = anew(plant)
    before = await answers(kept)
    assert before == await answers(anew(plant))
    await event(plant)
    after = await answers(kept)
    assert after == await answers(anew(plant))
    assert after != before


async def test_one_reader_follows_everything_and_still_tells_what_was_known(plant: Plant) -> None:
    kept = anew(plant)
    period = Period(START, START + 3 * DAY)
    known = [(START + (3 * 24 * HOURLY + 2) * MINUTE, await kept.kpi("gdansk", period, Step.DAY))]
    for event in (late_readings, correction, export):
        await event(plant)
        settled_at = max(at for at, _ in known) + MINUTE
        known.append((settled_at, await kept.kpi("gdansk", period, Step.DAY)))
        assert await answers(kept) == await answers(anew(plant))
        assert await answers(kept.snapshot()) == await answers(anew(plant))
    for settled_at, rows in known[:3]:  # before the export began: a register is expected as it is known now
        then = await kept.kpi("gdansk", period, Step.DAY, as_of=settled_at)
        assert [row.hourly_matched for row in then[:2]] == [row.hourly_matched for row in rows[:2]]
        assert [row.eit_wh for row in then] == [row.eit_wh for row in rows]
        assert [row.revision for row in then] == [row.revision for row in rows]


async def test_a_snapshot_stands_still_and_the_next_one_has_moved(plant: Plant) -> None:
    figures = anew(plant)
    snapshot = figures.snapshot()
    before = await snapshot.settled_until("gdansk")
    await next_quarters(plant)
    assert await snapshot.settled_until("gdansk") == before
    assert await figures.settled_until("gdansk") == START + 3 * DAY + 45 * MINUTE
    assert await figures.snapshot().settled_until("gdansk") == START + 3 * DAY + 45 * MINUTE


async def test_the_mix_of_the_grid_is_read_only_for_kpis_that_take_it(plant: Plant) -> None:
    period = Period(START, START + DAY)
    (whole,) = await anew(plant).kpi("gdansk", period)
    async with plant.database.begin() as connection:
        await connection.execute(text("ALTER TABLE grid_hour RENAME TO out_of_reach"))
    blind = anew(plant)
    (row,) = await blind.kpi("gdansk", period, only={"hourly_matched", "pue"})
    assert (row.hourly_matched, row.pue, row.completeness) == (whole.hourly_matched, whole.pue, 1)
    assert row.cfe_score is None
    assert row.withheld["cfe_score"] == "it was not asked for"
    with pytest.raises(OperationalError, match="grid_hour"):
        await blind.kpi("gdansk", period, only={"cfe_score"})


async def test_what_lies_before_the_first_reading_is_not_known(plant: Plant) -> None:
    await export(plant)
    (row,) = await anew(plant).kpi("gdansk", Period(START - 29 * DAY, START + DAY))
    assert row.completeness == pytest.approx(1 / 30)
    assert "3.33 %" in row.withheld["pue"]
