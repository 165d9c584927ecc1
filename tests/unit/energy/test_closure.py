"""How a meter tree closes: residuals, what they may be, and every kilowatt-hour of the inlet once."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from energy.interval import Period
from energy.reading.reader import LedgerFigures
from runtime.clock import to_ms
from telemetry.frame import Frame
from telemetry.rollup import ROLLUPS
from tests.unit.energy.plant import START, Plant, site

HOURS = 2
DAY = Period(START, START + timedelta(hours=HOURS))
MAIN = {"id": "main-1", "role": "utility", "accuracy_class": 0.5}
UPS = {"id": "ups-a", "role": "ups", "parent": "main-1", "accuracy_class": 0.5, "hall": "a"}
RACK_1 = {
    "id": "rack-1",
    "role": "it",
    "category": "pue3",
    "parent": "ups-a",
    "accuracy_class": 1,
    "hall": "a",
}
RACK_2 = {**RACK_1, "id": "rack-2"}
CHILLER = {"id": "cooling-1", "role": "cooling", "parent": "main-1", "accuracy_class": 1, "hall": "a"}
TREE = [MAIN, UPS, RACK_1, RACK_2, CHILLER]
WATTS = {"main-1": 1500.0, "ups-a": 1000.0, "rack-1": 600.0, "rack-2": 380.0, "cooling-1": 400.0}


@pytest.fixture
async def plants(tmp_path):
    found = []

    async def run(watts, silent=(), **tables):
        """Two settled hours of ``watts`` by topic or meter; ``silent`` ones say nothing of the second."""
        sites = {"gdansk": site(**{"meter": TREE, **tables})}
        plant = Plant(tmp_path, sites)
        found.append(plant)
        await plant.open()
        for name, power in watts.items():
            topic, _, field = name.partition(":")
            topic = topic.replace("/", "/gdansk/") if "/" in topic else f"meter/gdansk/{topic}"
            minutes = (-5, 60 if name in silent else 60 * HOURS + 5)
            await plant.counts(topic, power, minutes, field=field or "energy_wh")
        await plant.settle(60 * HOURS + 5)
        return plant

    yield run
    for plant in found:
        await plant.close()


async def closed(plants, watts, **more):
    plant = await plants(watts, **more)
    (found,) = await LedgerFigures(plant.database, plant.store, plant.sites).closure("gdansk", DAY)
    return found


async def test_every_kilowatt_hour_of_the_inlet_is_in_one_line(plants):
    found = await closed(plants, WATTS)
    assert found.inlet_wh == 3000
    lines = {(one.id, one.kind): one.energy_wh for one in found.shares}
    assert lines == {
        ("inlet", "residual"): 200,
        ("cooling-1", "metered"): 800,
        ("ups-a", "residual"): 40,
        ("rack-1", "metered"): 1200,
        ("rack-2", "metered"): 760,
    }
    assert sum(lines.values()) == found.inlet_wh


async def test_a_residual_may_be_what_classes_and_stated_losses_allow(plants):
    found = await closed(plants, WATTS)
    ups = next(one for one in found.closings if one.parent == "ups-a")
    assert (ups.parent_wh, ups.children_wh, ups.residual_wh) == (2000, 1960, 40)
    error = 2 * np.hypot(10, 19.6) / np.sqrt(3)
    assert ups.least_wh == pytest.approx(-error)
    assert ups.most_wh == pytest.approx(error + 100)
    assert (ups.verdict, ups.assumed, ups.known, ups.expected) == ("closes", False, 8, 8)
    assert list(found.faults()) == []


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"rack-2": 380.0}, "closes"),
        ({"rack-2": 250.0}, "gap"),
        ({"rack-2": 430.0}, "too much below"),
    ],
)
async def test_children_are_compared_with_their_parent(plants, changed, verdict):
    found = await closed(plants, {**WATTS, **changed})
    assert next(one.verdict for one in found.closings if one.parent == "ups-a") == verdict


async def test_what_is_not_metered_at_the_inlet_is_no_fault(plants):
    found = await closed(plants, {**WATTS, "main-1": 2500.0})
    assert next(one.verdict for one in found.closings if one.parent == "inlet") == "unmetered"
    assert list(found.faults()) == []


async def test_a_meter_without_class_is_taken_as_of_class_1_and_that_is_said(plants):
    meters = [{**one, "accuracy_class": None} for one in TREE]
    found = await closed(plants, WATTS, meter=meters)
    assert all(one.assumed for one in found.closings)
    assert found.pue_uncertainty is None


async def test_a_silent_meter_leaves_its_energy_unknown_and_the_sum_whole(plants):
    found = await closed(plants, WATTS, silent=("rack-2",))
    lines = {(one.id, one.kind): one.energy_wh for one in found.shares}
    assert lines["ups-a", "unknown"] == 400  # an hour of 1,000 W less the 600 W of the other rack
    assert lines["rack-2", "metered"] == 380
    assert sum(lines.values()) == found.inlet_wh == 3000
    ups = next(one for one in found.closings if one.parent == "ups-a")
    assert (ups.known, ups.expected) == (4, 8)


async def test_generation_and_batteries_stand_at_the_inlet(plants):
    watts = {
        **WATTS,
        "main-1": 1200.0,
        "supply/pv": 400.0,
        "supply/bess:charge_wh": 150.0,
        "supply/bess:discharge_wh": 50.0,
    }
    supply = [{"id": "pv", "kind": "onsite_solar", "max_power_kw": 10}, {"id": "bess", "kind": "battery"}]
    found = await closed(plants, watts, supply=supply)
    assert found.inlet_wh == 3200
    lines = {(one.id, one.kind): one.energy_wh for one in found.shares}
    assert lines["bess", "stored"] == 200
    assert lines["inlet", "residual"] == 200
    assert sum(lines.values()) == 3200


async def test_the_pue_of_every_category_and_of_every_hall(plants):
    found = await closed(plants, WATTS)
    points = {one.category: one for one in found.points}
    assert points["pue1"].pue == pytest.approx(1.5)
    assert points["pue3"].pue == pytest.approx(1500 / 980)
    assert (points["pue1"].headline, points["pue3"].headline) == (False, True)
    (hall,) = found.halls
    assert (hall.hall, hall.it_wh, hall.all_wh) == ("a", 1960, 2800)
    assert hall.ppue == pytest.approx(1400 / 980)
    assert found.pue_uncertainty == pytest.approx(2 * np.hypot(0.5, 1) / np.sqrt(3) / 100)


async def test_a_virtual_meter_has_its_energy_and_is_never_stored(plants):
    virtual = [{"id": "overhead", "role": "other", "plus": ["main-1"], "minus": ["ups-a"]}]
    plant = await plants(WATTS, virtual=virtual)
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    (found,) = await figures.closure("gdansk", DAY)
    assert {one.id: one.energy_wh for one in found.nodes if one.kind == "virtual"} == {"overhead": 1000}
    assert not await figures.rows("gdansk", DAY, "overhead")


async def test_a_virtual_meter_counts_in_the_figures_like_any_other(plants):
    meters = [MAIN, CHILLER, {**UPS, "role": "other"}, {"id": "office", "role": "office", "parent": "main-1"}]
    virtual = [
        {"id": "load", "role": "it", "category": "pue1", "hall": "a", "plus": ["ups-a"], "minus": ["pumps"]}
    ]
    meters.append({"id": "pumps", "role": "cooling", "parent": "ups-a"})
    plant = await plants({**WATTS, "office": 100.0, "pumps": 50.0}, meter=meters, virtual=virtual)
    (row,) = await LedgerFigures(plant.database, plant.store, plant.sites).kpi("gdansk", DAY)
    assert (row.edc_wh, row.eit_wh, row.pue_category) == (2800, 1900, "pue1")
    assert row.pue == pytest.approx(2800 / 1900)


def gpus(plant, halls):
    """The rollups of two hours: Wh by hall."""
    rows = ROLLUPS["hall_1h"]
    at = [to_ms(START + n * timedelta(hours=1)) for n in range(HOURS)]
    series = [plant.registry.id(rows, ("gdansk", hall)) for hall in halls for _ in at]
    columns = {name: np.full(len(series), np.nan) for name in rows.field_names}
    columns["energy_wh"] = np.repeat([float(wh) for wh in halls.values()], len(at))
    return Frame(rows, np.array(series, np.int32), np.array(at * len(halls), np.int64), columns)


@pytest.mark.parametrize(("hall", "plausible"), [(900, True), (990, False)])
async def test_the_gpus_energy_is_attributed_and_never_it_energy(plants, hall, plausible):
    plant = await plants(WATTS)
    await plant.store.append([gpus(plant, {"a": hall})], plant.position + 1)
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    (found,) = await figures.closure("gdansk", DAY)
    told = found.gpus
    assert (told.energy_wh, told.eit_wh, told.hours, told.plausible) == (2 * hall, 1960, 2, plausible)
    assert found.halls[0].gpu_wh == 2 * hall
    assert (await figures.kpi("gdansk", DAY))[0].eit_wh == 1960
    assert (list(found.faults()) == []) is plausible


async def test_nothing_is_told_of_what_is_not_settled(plants):
    plant = await plants(WATTS)
    later = Period(DAY.end + timedelta(hours=2), DAY.end + timedelta(hours=4))
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    assert await figures.closure("gdansk", later) == []
    with pytest.raises(ValueError, match="no site is named 'oslo'"):
        await figures.closure("oslo", DAY)
