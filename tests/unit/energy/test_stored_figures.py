"""Figures of a site with a battery, from registers through the ledger: whatever is asked first, or late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import numpy as np
import pytest

from energy.interval import Period, Step
from energy.reading.reader import LedgerFigures
from tests.unit.energy.plant import MINUTE, START, Plant, site

HOUR = timedelta(hours=1)
HOURS = 6
DAY = Period(START, START + HOURS * HOUR)
SITE = site(
    exports="none",
    supply=[
        {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 10},
        {"id": "bat", "kind": "battery", "max_power_kw": 4, "round_trip": 0.8},
    ],
)
WATTS = {
    "meter/gdansk/main-1:energy_wh": (5000, 5000, 3000, 1400, 1400, 3000),
    "meter/gdansk/ups-a:energy_wh": (2500, 2500, 2500, 2500, 2500, 2500),
    "supply/gdansk/wind:energy_wh": (0, 6000, 1000, 0, 0, 0),
    "supply/gdansk/bat:charge_wh": (2000, 2000, 0, 0, 0, 0),
    "supply/gdansk/bat:discharge_wh": (0, 0, 0, 1600, 1600, 0),
}


BEFORE = (START - datetime(2026, 9, 30, 22, tzinfo=UTC)) // (10 * MINUTE)
"""Tens of minutes in which nothing moved: what a battery took before a ledger begins is not known."""


def registers(name: str) -> np.ndarray:
    """A reading every ten minutes: what the register counts at its power by the hour."""
    moved = np.repeat(np.array(WATTS[name]) / 6, 6).cumsum()
    return np.concatenate([np.zeros(BEFORE + 1), moved]) + 1000


async def feed(plant: Plant, *names: str) -> None:
    at = [START + 10 * n * MINUTE for n in range(-BEFORE, HOURS * 6 + 1)]
    topics: dict[str, dict[str, np.ndarray]] = {}
    for name in names:
        topic, field = name.split(":")
        topics.setdefault(topic, {})[field] = registers(name)
    await plant.feed(*(plant.frame(topic, at, fields) for topic, fields in topics.items()))


@pytest.fixture
async def plant(tmp_path):
    made = Plant(tmp_path, {"gdansk": SITE})
    await made.open()
    yield made
    await made.close()


def reader(plant: Plant) -> LedgerFigures:
    return LedgerFigures(plant.database, plant.store, plant.sites)


async def test_the_sun_of_one_hour_covers_another_after_losses_and_everything_adds_up(plant):
    await feed(plant, *WATTS)
    await plant.settle(HOURS * 60 + 5)
    figures = reader(plant)
    (whole,) = await figures.mix("gdansk", DAY)
    # Hour 1 charges from the grid, hour 2 from surplus; hour 4 draws what came from the grid.
    hours = await figures.mix("gdansk", DAY, Step.HOUR)
    assert [row.load_wh for row in hours] == [3000, 3000, 3000, 3400, 3400, 3000]
    assert [row.rungs["storage"] for row in hours] == [0, 0, 0, 0, 1600, 0]
    assert [row.rungs["ppa"] for row in hours] == [0, 3000, 1000, 0, 0, 0]
    assert [row.stored_wh.get("wind", 0) for row in hours] == [0, 2000, 0, 0, 0, 0]
    assert [row.surplus_wh for row in hours] == [0, 1000, 0, 0, 0, 0]
    assert whole.edc_wh == whole.load_wh + whole.charged_wh - whole.withdrawn_wh
    assert (whole.charged_wh, whole.withdrawn_wh, whole.lost_wh) == (4000, 4000, 800)
    for step in (Step.QUARTER, Step.HOUR, Step.DAY, Step.MONTH):
        rows = await figures.mix("gdansk", DAY, step)
        for name in ("load_wh", "other_wh", "unknown_wh", "charged_wh", "withdrawn_wh", "lost_wh"):
            assert sum(getattr(row, name) for row in rows) == getattr(whole, name), (step, name)
        for name, wh in whole.green.items():
            assert sum(row.green.get(name, 0) for row in rows) == wh
    (row,) = await figures.kpi("gdansk", DAY)
    assert row.green_wh + row.other_wh + row.unknown_wh == row.load_wh == 18_800
    assert row.hourly_matched == row.hourly_matched_upper == row.more["cfe_contracted"] == 5600 / 18_800
    assert row.ref >= row.hourly_matched
    assert row.sums["green_storage_wh"] == 1600
    (every,) = await figures.kpi("all", DAY)
    assert (every.load_wh, every.green_wh) == (row.load_wh, row.green_wh)


async def test_figures_do_not_depend_on_what_was_asked_before(plant):
    await feed(plant, *WATTS)
    await plant.settle(HOURS * 60 + 5)
    parts = [
        Period(START + 4 * HOUR, START + 5 * HOUR),
        Period(START + HOUR, START + 3 * HOUR),
        Period(START - timedelta(days=40), START + 6 * HOUR),
    ]
    told = []
    for order in permutations(range(3)):
        figures = reader(plant)
        found = {n: await figures.mix("gdansk", parts[n]) for n in order}
        told.append([found[n] for n in range(3)])
    assert all(one == told[0] for one in told)
    assert told[0][0][0].rungs["storage"] == 1600
    look = reader(plant).snapshot(Period(START - timedelta(days=3), START + 6 * HOUR))
    assert await look.mix("gdansk", parts[0]) == told[0][0]


async def test_a_charge_that_is_told_late_corrects_what_was_claimed_and_as_of_still_tells_the_first(plant):
    await feed(plant, *(name for name in WATTS if "charge_wh" not in name), "supply/gdansk/bat:discharge_wh")
    await plant.settle(HOURS * 60 + 5)
    (first,) = await reader(plant).kpi("gdansk", DAY)
    # Without its charge nobody knows what the site used.
    assert first.load_wh is None
    assert (first.hourly_matched, first.green_wh) == (None, None)
    assert "what batteries took and gave" in first.withheld["hourly_matched"]
    known_at = START + (HOURS * 60 + 6) * MINUTE
    await feed(plant, "supply/gdansk/bat:charge_wh")
    await plant.settle(HOURS * 60 + 10)
    (late,) = await reader(plant).kpi("gdansk", DAY)
    assert (late.load_wh, late.green_wh, late.sums["green_storage_wh"]) == (18_800, 5600, 1600)
    (then,) = await reader(plant).kpi("gdansk", DAY, as_of=known_at)
    assert (then.load_wh, then.green_wh, then.revision) == (None, None, first.revision)
