"""A configuration that says otherwise of the past: a locked month waits, and all else has a cause."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from energy.interval import Period
from energy.proof.beside import load_beside
from energy.proof.key import SigningKey
from energy.tables import ROSTER
from reports.eu.desk import EuDesk
from tests.unit.energy.plant import MINUTE, START, site
from tests.unit.energy.proving import FIRST, MAIN, Locked, causes
from tests.unit.energy.test_roster import Place, restarted, run

UTILITY = {"id": "main-1", "role": "utility"}
SECOND = {"id": "main-2", "role": "utility"}
UPS = {"id": "ups-a", "role": "it", "category": "pue1"}
WIND = {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 10, "share": 0.5}
DATED = {"valid_from": START.isoformat()}
UNLOCKED = Period(START + timedelta(hours=2), START + timedelta(hours=3))
LATER = Period(START + timedelta(hours=4), START + timedelta(hours=5))
NOTED = 210
"""Minute at which the configuration changes, after the lock."""


def configured(*, meter=(UTILITY, UPS), supply=(WIND,), floor=0.9, **more):
    return {"gdansk": site(meter=list(meter), supply=list(supply), completeness_floor=floor, **more)}


CHANGES = {
    "terms": (
        configured(supply=[{**WIND, **DATED, "share": 1.0, "zone": "LT", "certificates": "sold"}]),
        'supply \'wind\': zone = "LT", was "PL"; supply \'wind\': certificates = "sold", was "kept"; '
        "supply 'wind': share = 1.0, was 0.5",
    ),
    "gone": (
        configured(supply=[{**WIND, "valid_until": (START + timedelta(hours=1)).isoformat()}]),
        "supply 'wind' does not count",
    ),
    "meters": (
        configured(meter=[UTILITY, {**SECOND, **DATED}, {**UPS, **DATED, "category": "pue2"}]),
        "meter 'ups-a': category = \"pue2\", was \"pue1\"; meter 'main-2' counts",
    ),
}


@pytest.fixture
async def place(tmp_path):
    found = Place(tmp_path)
    yield found
    for plant in found.plants:
        await plant.close()


@pytest.fixture
async def locked(place):
    """Three settled hours, of which two are the locked month 2026-10; half of a wind farm is bought."""
    plant = place.plant(configured())
    await plant.open()
    await run(plant, (-5, 183), meter__main_1=4000.0, meter__ups_a=3000.0, supply__wind=4000.0)
    await plant.settle(182)
    found = Locked(plant, SigningKey(place.path / "ledger.key"))
    await found.sign()
    return found


async def changed(place, locked: Locked, sites) -> Locked:
    return Locked(await restarted(place, locked.plant, sites, NOTED), locked.key)


async def row(locked: Locked, period: Period = Locked.span, as_of: float | None = None):
    at = None if as_of is None else START + as_of * MINUTE
    (found,) = await locked.figures.kpi("gdansk", period, as_of=at)
    return found


@pytest.mark.parametrize("change", CHANGES)
async def test_a_locked_month_keeps_what_the_site_was_until_it_is_restated(place, locked, change):
    sites, told = CHANGES[change]
    before, beyond = await row(locked), await row(locked, UNLOCKED)
    states = [
        {one.state for one in await locked.figures.rows("gdansk", span)} for span in (Locked.span, UNLOCKED)
    ]
    assert (states, before.state, beyond.state) == ([{"settled"}, {"provisional"}], "final", "provisional")
    after = await changed(place, locked, sites)

    assert await row(after) == before == await row(after, as_of=NOTED)
    assert await row(after, as_of=205) == before
    assert (await row(after, UNLOCKED, as_of=205)) == beyond
    waiting, _ = await load_beside(after.plant.database, "gdansk", "2026-10")
    assert waiting.because == [told]
    (cause,) = await causes(after.plant, kinds=["configuration"])
    assert (cause.reason, cause.who, cause.at) == (told, "amberwatt", START + NOTED * MINUTE)
    assert FIRST <= cause.first < FIRST + 8
    assert cause.until == FIRST + 12
    now = await row(after, UNLOCKED)
    assert now.revision == beyond.revision + 1
    assert await after.differences() == []

    made = await after.restate(220, "the contract was read again")
    assert made.told["because"][-1] == told
    restated = await row(after)
    assert restated.revision > before.revision
    assert restated != before == await row(after, as_of=215)
    told_then = [
        (await load_beside(after.plant.database, "gdansk", "2026-10", START + minute * MINUTE))[0].because
        for minute in (205, 215, 225)
    ]
    assert told_then == [[], [told], []]
    assert await after.differences() == []


async def test_a_floor_that_is_lowered_publishes_nothing_that_was_withheld_before(place):
    floors = [configured(supply=(), floor=floor) for floor in (0.9, 0.5)]
    plant = place.plant(floors[0])
    await plant.open()
    found = Locked(plant, SigningKey(place.path / "ledger.key"))
    await run(plant, (-5, 183), meter__main_1=4000.0)
    await run(plant, (-5, 30), meter__ups_a=3000.0)
    await plant.settle(182)
    await found.sign()
    before, beyond = await row(found), await row(found, UNLOCKED)
    assert "below the floor" in before.withheld["pue"]
    assert "below the floor" in beyond.withheld["pue"]
    after = await changed(place, found, floors[1])
    assert (await row(after), await row(after, UNLOCKED)) == (before, beyond)
    assert await causes(after.plant, kinds=["configuration"]) == []
    options = (await after.figures.configured("gdansk", Locked.span))["gdansk"]
    assert options.completeness_floor == 0.9


@pytest.mark.parametrize("after", [12, None])
@pytest.mark.parametrize("before", ["tells", "of an older release"])
async def test_another_contract_bounds_what_is_lost_from_when_it_is_noted(place, before, after):
    """Of the locked month two quarter-hours are lost: they may have drawn what was contracted then."""
    plant = place.plant(configured(contracted_kw=20, estimate="none", floor=0.5))
    await plant.open()
    if before != "tells":
        await forget_the_contract(plant)
    found = Locked(plant, SigningKey(place.path / "ledger.key"))
    await run(plant, (-5, 91), meter__main_1=4000.0, meter__ups_a=3000.0)
    await run(plant, (-5, 183), supply__wind=4000.0)
    await plant.settle(182)
    await found.sign()
    told = await row(found)
    assert told.ref == pytest.approx(1.5 * 2 / (1.5 * 4 + 0.5 * 20))
    other = await changed(place, found, configured(contracted_kw=after, estimate="none", floor=0.5))
    assert await row(other) == told == await row(other, as_of=NOTED)
    assert (await other.figures.configured("gdansk", Locked.span))["gdansk"].contracted_kw == 20
    waiting, _ = await load_beside(other.plant.database, "gdansk", "2026-10")
    assert not waiting
    assert (await other.figures.configured("gdansk", LATER))["gdansk"].contracted_kw == after
    assert await other.differences() == []
    again = await restarted(place, other.plant, other.plant.sites, NOTED + 1)
    async with again.database.read() as connection:
        plans = (await connection.execute(select(ROSTER.c.tables).order_by(ROSTER.c.number))).scalars().all()
    contracts = [json.loads(tables).get("contracted_kw", "not told") for tables in plans]
    assert contracts == ([20, after] if before == "tells" else ["not told", 20, after])


async def forget_the_contract(plant):
    """Leave of its one plan what releases wrote that kept no contract."""
    async with plant.database.begin() as connection:
        told = json.loads((await connection.execute(select(ROSTER.c.tables))).scalar_one())
        del told["contracted_kw"]
        await connection.execute(update(ROSTER).values(tables=json.dumps(told, sort_keys=True)))


ROOF = {"id": "roof", "kind": "onsite_solar", "max_power_kw": 10}


async def test_one_late_reading_that_tells_of_exports_changes_no_locked_month(place):
    """While nobody tells what leaves the site, its roof makes nothing green."""
    plant = place.plant(configured(supply=[ROOF]))
    await plant.open()
    await run(plant, (-5, 183), meter__main_1=4000.0, meter__ups_a=3000.0, supply__roof=4000.0)
    await plant.settle(182)
    found = Locked(plant, SigningKey(place.path / "ledger.key"))
    await found.sign()
    before, beyond = await row(found), await row(found, UNLOCKED)
    assert (before.green_wh, beyond.green_wh) == (0, 0)
    after = await changed(place, found, plant.sites)
    told = await row(after), await row(after, UNLOCKED)
    assert told == (before, beyond)
    await after.plant.feed(after.plant.frame(MAIN, [START], {"power_w": [4000.0]}))
    await after.plant.settle(NOTED + 1)

    assert await row(after) == before == await row(after, as_of=NOTED)
    assert await row(after, UNLOCKED, as_of=205) == beyond
    now = await row(after, UNLOCKED)
    assert (now.green_wh, now.revision) == (4000, beyond.revision + 1)
    (cause,) = await causes(after.plant, kinds=["register"])
    assert (cause.first - FIRST, cause.until - FIRST, cause.who) == (0, 12, "meter/main-1/energy")
    waiting, _ = await load_beside(after.plant.database, "gdansk", "2026-10")
    assert waiting.because == [cause.reason]
    assert "meter 'main-1' told its power from 2026-10-05T00:00:00+00:00 on" in cause.reason
    assert await after.differences() == []

    await after.restate(220, "the gateway had kept it")
    assert (await row(after)).green_wh == 8000
    assert await row(after, as_of=215) == before
    assert await after.differences() == []
    await after.plant.feed(after.plant.frame(MAIN, [START + MINUTE], {"power_w": [4000.0]}))
    assert len(await causes(after.plant, kinds=["register"])) == 1, "it tells of nothing earlier"


async def test_what_was_put_right_before_a_restatement_waits_no_longer(place, locked):
    before = await row(locked)
    await changed(place, locked, CHANGES["terms"][0])
    again = Locked(
        await restarted(place, place.plants[-1], configured(supply=[{**WIND, **DATED}]), 215), locked.key
    )
    waiting, _ = await load_beside(again.plant.database, "gdansk", "2026-10")
    assert not waiting
    assert [one.first - FIRST for one in await causes(again.plant, kinds=["configuration"])] == [0, 0]
    assert await row(again) == before
    assert (await row(again, UNLOCKED)).green_wh == (await row(locked, UNLOCKED)).green_wh


async def test_settled_grid_and_eu_declarations_are_told_as_of_a_time(place, locked):
    assert await locked.figures.settled_until("gdansk", START + 100 * MINUTE) is None
    assert await locked.figures.settled_until("gdansk", START + 182 * MINUTE) == START + timedelta(hours=3)
    noted = [configured(eu={"dc_name": name}) for name in ("North", "South")]
    first = await changed(place, locked, noted[0])
    last = Locked(await restarted(place, first.plant, noted[1], NOTED + 10), locked.key)
    desk = EuDesk(last.plant.database, last.figures, noted[1])

    async def named(minute: float | None):
        at = START + 400 * MINUTE
        as_of = None if minute is None else START + minute * MINUTE
        found = await desk.data_set("gdansk", 2026, at, as_of)
        return next(
            entry.told.value if entry.told else None for entry in found.entries if entry.item.key == "dc_name"
        )

    assert [await named(minute) for minute in (205, NOTED + 5, NOTED + 15, None)] == [
        None,
        "North",
        "South",
        "South",
    ]
    (hour, *_) = await last.figures.grid("gdansk", UNLOCKED, START + 205 * MINUTE)
    assert hour.zone == "PL"
