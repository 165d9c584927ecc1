"""Figures of parts of a site: the pPUE of a hall, the CER of its cooling."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy.figures import ALL
from energy.interval import Period, Step
from energy.reading.reader import LedgerFigures
from tests.unit.energy.plant import START, Plant, site

HOURS = Period(START, START + timedelta(hours=1))
METERS = [
    {"id": "main-1", "role": "utility"},
    {"id": "ups-a", "role": "ups", "parent": "main-1", "hall": "a"},
    {"id": "ups-b", "role": "ups", "parent": "main-1", "hall": "b"},
    {"id": "cooling-a", "role": "cooling", "parent": "main-1", "hall": "a"},
    {"id": "light-b", "role": "lighting", "parent": "main-1", "hall": "b"},
]
WATTS = {
    "meter/gdansk/main-1": 200_000.0,
    "meter/gdansk/ups-a": 100_000.0,
    "meter/gdansk/ups-b": 40_000.0,
    "meter/gdansk/cooling-a": 44_000.0,
    "meter/gdansk/light-b": 2_000.0,
    "heat/gdansk/condenser": 95_000.0,
}


@pytest.fixture
async def told(tmp_path):
    found = []

    async def told(watts=WATTS, which="gdansk", step=None, **tables):
        sites = {"gdansk": site(**{"meter": METERS, "heat": REMOVED, **tables})}
        plant = Plant(tmp_path, sites)
        found.append(plant)
        await plant.open()
        for topic, power in watts.items():
            await plant.counts(topic, power, (-5, 65))
        await plant.settle(65)
        return await LedgerFigures(plant.database, plant.store, sites).kpi(which, HOURS, step)

    yield told
    for plant in found:
        await plant.close()


REMOVED = [{"id": "condenser", "use": "removed"}]


async def test_t4_heat_removed_over_the_energy_of_the_cooling_is_the_cer(told):
    (row,) = await told()
    assert row.more["cer"] == pytest.approx(2.16, abs=0.005)
    assert (row.sums["removed_wh"], row.sums["cooling_wh"]) == (95_000, 44_000)


async def test_heat_that_is_removed_is_reused_by_nobody(told):
    (row,) = await told()
    assert (row.erf, row.ere) == (None, None)
    assert row.withheld["erf"] == "no heat meter at Gdańsk"


async def test_without_a_meter_of_removed_heat_there_is_no_cer(told):
    (row,) = await told(heat=[{"id": "condenser"}])
    assert row.more["cer"] is None
    assert row.withheld["cer"] == "no removed heat meter at Gdańsk"
    assert row.erf == pytest.approx(95 / 200)


async def test_a_hall_has_its_own_partial_pue(told):
    (row,) = await told()
    assert row.more["ppue_a"] == pytest.approx(1.44)
    assert row.more["ppue_b"] == pytest.approx(42 / 40)
    assert "ppue_a" not in row.withheld


async def test_the_partial_pues_of_all_steps_are_of_their_own_energies(told):
    rows = await told(step=Step.QUARTER)
    assert [row.more["ppue_a"] for row in rows] == [pytest.approx(1.44)] * 4


async def test_a_hall_whose_cooling_is_not_known_has_no_partial_pue(told):
    (row,) = await told({name: power for name, power in WATTS.items() if "cooling" not in name})
    assert row.more["ppue_a"] is None
    assert "energy of a together with its IT's is known for 0.00 %" in row.withheld["ppue_a"]
    assert row.more["ppue_b"] == pytest.approx(42 / 40)


async def test_a_hall_that_uses_less_than_its_it_is_a_metering_fault(told):
    racks = [{"id": "rack-a", "role": "it", "category": "pue3", "parent": "ups-a", "hall": "a"}]
    meters = [one for one in METERS if one["id"] not in ("ups-b", "light-b", "cooling-a")]
    (row,) = await told({**WATTS, "meter/gdansk/rack-a": 110_000.0}, meter=[*meters, *racks], heat=[])
    assert row.pue_category == "pue3"
    assert row.more["ppue_a"] is None
    assert row.withheld["ppue_a"].startswith("metering fault")


async def test_one_site_alone_among_all_keeps_the_names_of_its_halls(told):
    (row,) = await told(which=ALL)
    assert row.more["ppue_a"] == pytest.approx(1.44)
