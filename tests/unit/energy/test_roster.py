"""A configuration that changes: what was accounted before stays as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from energy.configuration.plan import described, planned
from energy.interval import Period, Step
from energy.reading.reader import LedgerFigures
from energy.settlement.marker import Marker
from energy.tables import REGISTER, ROSTER
from runtime.clock import ManualClock
from tests.unit.energy.plant import MINUTE, START, Plant, site

HOUR = timedelta(hours=1)
UTILITY = {"id": "main-1", "role": "utility", "exports": "none"}
SECOND = {"id": "main-2", "role": "utility", "exports": "none"}
UPS = {"id": "ups-a", "role": "it", "category": "pue1"}
PV = {"id": "pv-roof", "kind": "onsite_solar", "max_power_kw": 100}
WIND = {"id": "ppa-wind-1", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 100}

PAST = Period(START, START + 6 * HOUR)
LATER = Period(START + 7 * HOUR, START + 10 * HOUR)
CHANGED = 6 * 60
"""Minute at which the configuration changes."""


def gdansk(meter, supply=(PV, WIND), **more):
    return {"gdansk": site(meter=list(meter), supply=list(supply), **more)}


def figures(plant):
    return LedgerFigures(plant.database, plant.store, plant.sites)


async def restarted(place, plant, sites, minute=CHANGED):
    """The same ledger and store under another configuration, which is read at ``minute``."""
    await plant.close()
    again = Plant(place.path, sites, plant.registry)
    again.marker = Marker(again.database, again.registry, sites, ManualClock(START + minute * MINUTE))
    again.use(plant.store)
    place.plants.append(again)
    await again.open()
    return again


async def run(plant, minutes, **watts):
    """Every topic's register over ``minutes``; ``_`` stands for ``-`` in their names."""
    for name, power in watts.items():
        measurement, meter = name.split("__")
        await plant.counts(f"{measurement}/gdansk/{meter.replace('_', '-')}", power, minutes)


class Place:
    """A folder and every plant that stood in it."""

    def __init__(self, path):
        self.path, self.plants = path, []

    def plant(self, sites):
        plant = Plant(self.path, sites)
        plant.marker = Marker(plant.database, plant.registry, sites, ManualClock(START))
        self.plants.append(plant)
        return plant


@pytest.fixture
async def place(tmp_path):
    found = Place(tmp_path)
    yield found
    for plant in found.plants:
        await plant.close()


@pytest.fixture
async def old(place):
    """Six settled hours of a feeder, a UPS, a plant on the roof and a wind farm far away."""
    plant = place.plant(gdansk([UTILITY, UPS]))
    await plant.open()
    await run(
        plant,
        (-5, CHANGED + 1),
        meter__main_1=8000.0,
        meter__ups_a=7500.0,
        supply__pv_roof=1000.0,
        supply__ppa_wind_1=3000.0,
    )
    await plant.settle(CHANGED + 2)
    return plant


async def rest(plant, **watts):
    """The hours after the change, settled."""
    await run(plant, (CHANGED, 12 * 60 + 5), **watts)
    await plant.settle(12 * 60 + 2)


RUNNING = {"meter__ups_a": 7500.0, "supply__pv_roof": 1000.0, "supply__ppa_wind_1": 3000.0}


async def told(plant, period=PAST, as_of=None):
    """Everything that pages and reports tell of ``period``, but not how the site's time stands."""
    reader = figures(plant)
    return (
        await reader.kpi("gdansk", period, as_of=as_of),
        await reader.kpi("gdansk", period, Step.HOUR, as_of=as_of),
        await reader.mix("gdansk", period, as_of=as_of),
        await reader.mix("gdansk", period, Step.QUARTER, as_of=as_of),
        await reader.statements("gdansk", period, as_of=as_of),
        list(await reader.rows("gdansk", period, as_of=as_of)),
    )


@pytest.mark.parametrize(
    "sites",
    [
        gdansk([SECOND, UPS]),
        gdansk([UTILITY, SECOND, UPS]),
        gdansk([{**UTILITY, "role": "cooling"}, SECOND, UPS]),
        gdansk([SECOND, {**UPS, "role": "other", "category": None}, {**UPS, "id": "ups-b"}]),
        gdansk([UTILITY, {**UPS, "category": "pue2"}]),
        gdansk([UTILITY, UPS], [WIND]),
        gdansk([UTILITY, UPS], [PV]),
        gdansk([UTILITY, UPS], [{**PV, "certificates": "sold"}, WIND]),
        gdansk([UTILITY, UPS], [PV, {**WIND, "zone": "DE"}]),
        gdansk([UTILITY, UPS], [PV, {**WIND, "kind": "onsite_wind"}]),
        gdansk([UTILITY, UPS], [PV, {**WIND, "kind": "generator"}]),
        gdansk([UTILITY, UPS], [PV, {**WIND, "id": "ppa-wind-2"}, WIND]),
        gdansk([UTILITY, UPS], [PV, WIND, {"id": "bess", "kind": "battery"}]),
        gdansk([UTILITY, UPS], water=[{"id": "water-in"}], heat=[{"id": "heat-out"}]),
        gdansk([UTILITY, UPS], grid="DE"),
    ],
)
async def test_no_change_of_the_configuration_changes_what_was_settled(place, old, sites):
    before = await told(old)
    assert (before[0][0].edc_wh, before[0][0].hourly_matched) == (54_000, pytest.approx(4 / 9))
    new = await restarted(place, old, sites)
    assert await told(new) == before
    await rest(new, meter__main_1=8000.0, meter__main_2=8000.0, **RUNNING)
    assert await told(new) == before
    whole = Period(START, START + 12 * HOUR)
    hours = await figures(new).kpi("gdansk", whole, Step.HOUR)
    assert hours[:6] == before[1]


async def test_a_renamed_feeder_is_accounted_under_both_of_its_names(place, old):
    new = await restarted(place, old, gdansk([SECOND, UPS]))
    await rest(new, meter__main_2=7000.0, **RUNNING)
    (past,), (later,) = [await figures(new).kpi("gdansk", p) for p in (PAST, LATER)]
    assert (past.edc_wh, later.edc_wh) == (54_000, 24_000)
    assert (past.completeness, later.completeness, later.hourly_matched) == (1, 1, pytest.approx(4 / 8))
    whole = Period(START, START + 12 * HOUR)
    statements = {s.meter: (s.role, s.expected) for s in await figures(new).statements("gdansk", whole)}
    assert statements["main-1"] == ("utility", 24)
    assert statements["main-2"] == ("utility", 24)
    assert statements["ups-a"] == ("it", 48)
    site_then = (await figures(new).configured("gdansk", PAST))["gdansk"]
    site_since = (await figures(new).configured("gdansk", LATER))["gdansk"]
    both = (await figures(new).configured("gdansk", whole))["gdansk"]
    assert [m.id for m in site_then.meter] == ["main-1", "ups-a"]
    assert [m.id for m in site_since.meter] == ["main-2", "ups-a"]
    assert {m.id for m in both.meter} == {"main-1", "main-2", "ups-a"}


async def test_of_two_feeders_the_removed_one_counts_as_long_as_it_was_there(place):
    plant = place.plant(gdansk([UTILITY, SECOND, UPS]))
    await plant.open()
    await run(plant, (-5, CHANGED + 1), meter__main_1=8000.0, meter__main_2=4000.0, **RUNNING)
    await plant.settle(CHANGED + 2)
    before = await told(plant)
    plant = await restarted(place, plant, gdansk([UTILITY, UPS]))
    await rest(plant, meter__main_1=8000.0, meter__main_2=4000.0, **RUNNING)
    (past,), (later,) = [await figures(plant).kpi("gdansk", p) for p in (PAST, LATER)]
    assert (past.edc_wh, later.edc_wh) == (6 * 13_000, 3 * 9000)
    assert await told(plant) == before


async def test_hours_that_waited_to_be_settled_belong_to_the_feeders_that_were_read(place):
    plant = place.plant(gdansk([UTILITY, SECOND, UPS]))
    await plant.open()
    await run(plant, (-5, CHANGED + 1), meter__main_1=8000.0, meter__main_2=4000.0, **RUNNING)
    await plant.settle(62)
    plant = await restarted(place, plant, gdansk([UTILITY, UPS]))
    await rest(plant, meter__main_1=8000.0, **RUNNING)
    (past,) = await figures(plant).kpi("gdansk", PAST)
    assert (past.edc_wh, past.completeness) == (6 * 13_000, 1)


async def test_a_meter_that_changes_its_role_counts_in_each_while_it_has_it(place, old):
    sites = gdansk([UTILITY, {**UPS, "role": "other", "category": None}, {**UPS, "id": "ups-b"}])
    new = await restarted(place, old, sites)
    await rest(new, meter__main_1=8000.0, meter__ups_b=6000.0, **RUNNING)
    (past,), (later,) = [await figures(new).kpi("gdansk", p) for p in (PAST, LATER)]
    assert (past.eit_wh, later.eit_wh) == (6 * 7500, 3 * 6000)


async def test_a_meter_that_comes_back_was_not_there_in_between(place, old):
    new = await restarted(place, old, gdansk([SECOND, UPS]))
    await rest(new, meter__main_2=5000.0, meter__main_1=8000.0, **RUNNING)
    between = await told(new, Period(START, START + 12 * HOUR))
    back = await restarted(place, new, gdansk([UTILITY, UPS]), 12 * 60)
    await run(back, (12 * 60, 18 * 60 + 5), meter__main_1=8000.0, **RUNNING)
    await back.settle(18 * 60 + 2)
    last = Period(START + 13 * HOUR, START + 18 * HOUR)
    (row,) = await figures(back).kpi("gdansk", last)
    assert (row.edc_wh, row.completeness) == (5 * 9000, 1)
    assert (await told(back, Period(START, START + 12 * HOUR)))[:4] == between[:4]
    whole = Period(START, START + 18 * HOUR)
    statements = {s.meter: s.expected for s in await figures(back).statements("gdansk", whole)}
    assert (statements["main-1"], statements["main-2"]) == (48, 24)


async def test_as_of_a_time_before_the_change_nothing_of_it_is_known(place, old):
    early = START + (CHANGED + 5) * MINUTE
    before = await told(old, as_of=early)
    new = await restarted(place, old, gdansk([SECOND, UPS]), CHANGED + 10)
    await rest(new, meter__main_2=5000.0, **RUNNING)
    assert await told(new, as_of=early) == before
    assert (before[0][0].edc_wh, before[0][0].completeness) == (54_000, 1)
    then = await figures(new).kpi("gdansk", PAST, as_of=START + 12 * HOUR + 10 * MINUTE)
    assert then == await figures(new).kpi("gdansk", PAST)


async def test_late_readings_of_a_removed_meter_correct_the_past_that_was_its_own(place):
    plant = place.plant(gdansk([UTILITY, UPS]))
    await plant.open()
    await run(plant, (-5, CHANGED + 1), **RUNNING)
    await run(plant, (-5, 120), meter__main_1=8000.0)
    await plant.settle(CHANGED + 2)
    (before,) = await figures(plant).kpi("gdansk", PAST)
    assert before.edc_wh == 2 * 9000
    plant = await restarted(place, plant, gdansk([SECOND, UPS]))
    await rest(plant, meter__main_2=5000.0, **RUNNING)
    await run(plant, (121, CHANGED + 30), meter__main_1=8000.0)
    await plant.settle(12 * 60 + 10)
    (after,) = await figures(plant).kpi("gdansk", PAST)
    assert (after.edc_wh, after.completeness) == (54_000, 1)
    assert after.revision > before.revision
    rows = await figures(plant).rows("gdansk", Period(START, START + 12 * HOUR), "main-1")
    assert max(row.start for row in rows) == PAST.end - 15 * MINUTE
    (later,) = await figures(plant).kpi("gdansk", LATER)
    assert later.edc_wh == 18_000


async def test_in_the_hour_of_a_change_each_quarter_has_its_own_meters(place):
    plant = place.plant(gdansk([UTILITY, UPS]))
    await plant.open()
    await run(plant, (-5, 91), meter__main_1=8000.0, **RUNNING)
    await plant.settle(92)
    plant = await restarted(place, plant, gdansk([SECOND, UPS]), 92)
    await run(plant, (90, 185), meter__main_2=4000.0, **RUNNING)
    await plant.settle(182)
    (row,) = await figures(plant).kpi("gdansk", Period(START + HOUR, START + 2 * HOUR))
    assert (row.edc_wh, row.completeness) == (4500 + 2500, 1)
    assert row.green_wh + row.other_wh + row.unknown_wh == row.edc_wh
    quarters = await figures(plant).kpi("gdansk", Period(START + HOUR, START + 2 * HOUR), Step.QUARTER)
    assert [q.edc_wh for q in quarters] == [2250, 2250, 1250, 1250]


async def test_a_ledger_without_a_roster_takes_what_is_configured_for_what_always_was(place, old):
    before = await told(old)
    async with old.database.begin() as connection:
        await connection.execute(delete(ROSTER))
    assert await told(old) == before
    new = await restarted(place, old, old.sites)
    assert await told(new) == before


async def test_where_no_feeder_is_known_to_have_been_consumption_is_unknown_and_not_zero(place, old):
    """A ledger from before there was a roster, whose feeder was renamed: the old one's role is lost."""
    async with old.database.begin() as connection:
        await connection.execute(delete(ROSTER))
    new = await restarted(place, old, gdansk([SECOND, {**UPS, "id": "ups-b"}]))
    (row,) = await figures(new).kpi("gdansk", PAST)
    assert (row.edc_wh, row.eit_wh, row.hourly_matched, row.ref, row.pue) == (None,) * 5


async def test_a_site_that_joins_later_leaves_what_all_sites_used_before_as_it_was(place, old):
    async def of_all(plant, period=PAST):
        reader = figures(plant)
        return await reader.kpi("all", period, Step.HOUR), await reader.mix("all", period, Step.HOUR)

    before = await of_all(old)
    both = {**old.sites, "kaunas": site(zone="Europe/Vilnius", grid="LT")}
    new = await restarted(place, old, both)

    def told(rows):
        return [{**row.__dict__, "available_wh": None, "green": None} for row in rows]

    assert (await of_all(new))[0] == before[0]
    assert told((await of_all(new))[1]) == told(before[1])
    await rest(new, meter__main_1=8000.0, **RUNNING)
    (silent,) = await figures(new).kpi("all", LATER)
    assert (silent.hourly_matched, silent.completeness) == (None, pytest.approx(4 / 6))
    assert silent.withheld["hourly_matched"].startswith("E_DC is known for 50.00 % of the period")
    for meter, watts in (("main-1", 2000.0), ("ups-a", 1000.0)):
        await new.counts(f"meter/kaunas/{meter}", watts, (CHANGED, 12 * 60 + 5))
    await new.settle(12 * 60 + 3)
    assert (await of_all(new))[0] == before[0]
    (spoken,) = await figures(new).kpi("all", LATER)
    assert (spoken.edc_wh, spoken.completeness) == (3 * 11_000, 1)
    assert spoken.hourly_matched == pytest.approx(4 / 11)


async def test_the_same_configuration_is_one_plan_however_often_it_is_read(place, old):
    new = await restarted(place, old, gdansk([UTILITY, UPS]))
    async with new.database.read() as connection:
        plans = (await connection.execute(select(ROSTER))).all()
        registers = (await connection.execute(select(REGISTER.c.expected_from))).scalars().all()
    assert [(p.site, p.number, p.since) for p in plans] == [("gdansk", 1, 0)]
    assert set(registers) == {None}


def test_a_plan_keeps_every_option_of_every_device():
    kept = gdansk(
        [{**UTILITY, "period": "15m", "modulus_wh": 1e9, "accuracy_class": 0.5}, {**UPS, "parent": "main-1"}],
        [{**PV, "certificates": "sold", "carbon_g_per_kwh": 3.5, "on_decrease": "unknown"}],
        cooling=[{"id": "chiller"}],
        heat=[{"id": "heat-out"}],
        water=[{"id": "water-in", "modulus_m3": 1e6, "max_flow_m3h": 30}],
    )["gdansk"]
    other = site(grid="DE")
    assert planned(other, described(kept)) == kept.model_copy(update={"name": other.name})
    assert described(kept) != described(other)
