"""What WUE, CUE and CFE are made of can be read, and gives them again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy.interval import Period, Step
from energy.reading.reader import LedgerFigures
from energy.reading.statement import metered
from tests.unit.energy.plant import MINUTE, START, Plant, site

HOUR = timedelta(hours=1)
HOURS = 6
PERIOD = Period(START, START + HOURS * HOUR)
END = HOURS * 60 + 5


@pytest.fixture
async def plant(tmp_path):
    """Six hours of a site with wind, water and a grid whose mix is told in all hours but the last."""
    where = site(supply=[{"id": "wind", "kind": "ppa_wind", "zone": "PL"}], water=[{"id": "tap"}])
    made = Plant(tmp_path, {"gdansk": where})
    await made.open()
    await made.counts("meter/gdansk/main-1", 9000.0, (-5, END))
    await made.counts("meter/gdansk/ups-a", 7500.0, (-5, END))
    await made.counts("supply/gdansk/wind", 6000.0, (-5, END))
    await made.counts("water/gdansk/tap", 0.6, (-5, END), first=3.0, field="volume_m3")
    for hour in range(HOURS - 1):
        share = hour / 10
        told = {"renewable_share": [share], "carbon_free_share": [share + 0.2]}
        told["carbon_g_per_kwh"] = [700.0 - 100 * hour]
        await made.feed(made.frame("grid/PL", [START + hour * HOUR + MINUTE], told))
    await made.settle(HOURS * 60 + 2)
    yield made
    await made.close()


def figures(plant: Plant) -> LedgerFigures:
    return LedgerFigures(plant.database, plant.store, plant.sites)


async def test_the_water_of_every_quarter_is_told_and_gives_wue_again(plant):
    reader = figures(plant)
    rows = await reader.rows("gdansk", PERIOD, "tap")
    assert [(row.channel, row.energy_wh, row.quality) for row in rows] == [("volume", None, "ok")] * 4 * HOURS
    (row,) = await reader.kpi("gdansk", PERIOD)
    litres = sum(row.volume_l or 0 for row in rows)
    assert litres == 600 * HOURS == row.sums["water_l"]
    assert row.wue == 1000 * litres / row.eit_wh
    told = {s.meter: s for s in await reader.statements("gdansk", PERIOD)}["tap"]
    assert (told.volume_l, told.energy_wh, told.known, told.role) == (litres, None, 4 * HOURS, "water")


async def test_the_hourly_mix_gives_cue_and_cfe_again(plant):
    reader, known = figures(plant), Period(START, START + (HOURS - 1) * HOUR)
    mix = await reader.grid("gdansk", PERIOD)
    assert [hour.start for hour in mix] == [START + n * HOUR for n in range(HOURS)]
    assert (mix[2].zone, mix[2].renewable_share, mix[2].carbon_g_per_kwh) == ("PL", 0.2, 500.0)
    last = mix.pop()
    assert (last.renewable_share, last.carbon_free_share, last.carbon_g_per_kwh) == (None, None, None)
    (total,) = await reader.kpi("gdansk", known)
    hours = await reader.kpi("gdansk", known, Step.HOUR)
    pairs = list(zip(hours, mix, strict=True))
    grams = sum(hour.sums["grid_wh"] / 1000 * told.carbon_g_per_kwh for hour, told in pairs)
    assert total.sums["co2_g"] == pytest.approx(grams)
    assert total.cue == pytest.approx(grams / total.eit_wh)
    free = sum(hour.green_wh + hour.sums["rest_grid_wh"] * told.carbon_free_share for hour, told in pairs)
    assert total.cfe_score == pytest.approx(free / (total.edc_wh + total.sums["missing_wh"]))


async def test_sums_are_told_only_with_all_figures(plant):
    (row,) = await figures(plant).kpi("gdansk", PERIOD, only={"pue"})
    assert row.sums == {}


async def test_a_month_of_water_alone_is_no_metered_month(tmp_path):
    plant = Plant(tmp_path, {"gdansk": site(water=[{"id": "tap"}])})
    await plant.open()
    await plant.counts("water/gdansk/tap", 0.6, (-5, END), field="volume_m3")
    await plant.settle(HOURS * 60 + 2)
    reader = figures(plant)
    assert not await metered(reader, "gdansk", PERIOD)
    assert any(s.known for s in await reader.statements("gdansk", PERIOD))
    await plant.close()
