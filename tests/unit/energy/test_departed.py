"""A whole site that leaves the configuration: what all sites used together stays as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete

from energy.interval import Period, Step
from energy.tables import SITE
from tests.unit.energy.plant import MINUTE, START, site
from tests.unit.energy.test_roster import (
    CHANGED,
    HOUR,
    LATER,
    PAST,
    PV,
    RUNNING,
    UPS,
    UTILITY,
    WIND,
    Place,
    figures,
    gdansk,
    rest,
    restarted,
    run,
)

GDANSK = gdansk([UTILITY, UPS])
KAUNAS = site(name="Kaunas", zone="Europe/Vilnius", grid="LT", completeness_floor=0.99)
BOTH = {**GDANSK, "kaunas": KAUNAS}
WHOLE = Period(START, START + 12 * HOUR)


@pytest.fixture
async def place(tmp_path):
    found = Place(tmp_path)
    yield found
    for plant in found.plants:
        await plant.close()


async def kaunas(plant, minutes, inlet=2000.0, ups=1000.0):
    """Readings of the site that is to leave."""
    await plant.counts("meter/kaunas/main-1", inlet, minutes)
    await plant.counts("meter/kaunas/ups-a", ups, minutes)


@pytest.fixture
async def both(place):
    """Six settled hours of two sites, one of which knows of no renewable supply."""
    plant = place.plant(BOTH)
    await plant.open()
    await run(plant, (-5, CHANGED + 1), meter__main_1=8000.0, **RUNNING)
    await kaunas(plant, (-5, CHANGED + 1))
    await plant.settle(CHANGED + 2)
    return plant


async def told(plant, period=PAST, as_of=None):
    """Everything that pages and reports tell of all sites."""
    reader = figures(plant)
    return (
        await reader.kpi("all", period, as_of=as_of),
        await reader.kpi("all", period, Step.HOUR, as_of=as_of),
        await reader.mix("all", period, as_of=as_of),
        await reader.mix("all", period, Step.QUARTER, as_of=as_of),
        await reader.statements("all", period, as_of=as_of),
        list(await reader.rows("all", period, as_of=as_of)),
        await reader.grid("all", period),
        await reader.kpi("kaunas", period, as_of=as_of),
    )


async def test_what_all_sites_used_keeps_the_site_that_has_left(place, both):
    before = await told(both)
    assert (before[0][0].edc_wh, before[0][0].state) == (6 * 11_000, "provisional")
    assert before[0][0].hourly_matched == pytest.approx(4 / 11)
    new = await restarted(place, both, GDANSK)
    assert await told(new) == before
    await rest(new, meter__main_1=8000.0, **RUNNING)
    await kaunas(new, (CHANGED, 12 * 60 + 5))
    await new.settle(12 * 60 + 3)
    assert await told(new) == before
    (later,) = await figures(new).kpi("all", LATER)
    assert (later.edc_wh, later.completeness) == (3 * 9000, 1)
    assert later.hourly_matched == pytest.approx(4 / 9)
    (whole,) = await figures(new).kpi("all", WHOLE)
    assert (whole.edc_wh, whole.state, whole.completeness) == (6 * 11_000 + 6 * 9000, "provisional", 1)
    assert await figures(new).settled_until("all") == await figures(new).settled_until("gdansk")
    assert await figures(new).snapshot().kpi("all", WHOLE) == [whole]


async def test_it_is_told_what_all_sites_consisted_of(place, both):
    new = await restarted(place, both, GDANSK)
    await rest(new, meter__main_1=8000.0, **RUNNING)
    found = await figures(new).eras("all", WHOLE)
    assert [part for part, _ in found["gdansk"]] == [WHOLE]
    ((part, options),) = found["kaunas"]
    assert (part, options) == (PAST, KAUNAS)
    assert list(await figures(new).eras("all", LATER)) == ["gdansk"]
    assert await figures(new).configured("all", PAST) == BOTH
    assert await figures(new).configured("all", LATER) == GDANSK
    assert list(figures(new).sites) == ["gdansk"]
    bare = KAUNAS.model_copy(update={"meter": ()})
    assert await figures(new).departed() == {"kaunas": bare}
    assert await figures(new).began("kaunas") == START - 15 * MINUTE
    assert await figures(new).settled_until("kaunas") >= WHOLE.end


async def test_late_readings_of_a_site_that_has_left_correct_its_past(place):
    plant = place.plant(BOTH)
    await plant.open()
    await run(plant, (-5, CHANGED + 1), meter__main_1=8000.0, **RUNNING)
    await kaunas(plant, (-5, 120))
    await plant.settle(CHANGED + 2)
    (before,) = await figures(plant).kpi("all", PAST)
    assert before.edc_wh == 6 * 9000 + 2 * 2000
    assert before.hourly_matched is None
    plant = await restarted(place, plant, GDANSK)
    await rest(plant, meter__main_1=8000.0, **RUNNING)
    (after,) = await figures(plant).kpi("all", PAST)
    assert (after.edc_wh, after.hourly_matched) == (before.edc_wh, None)
    await kaunas(plant, (121, CHANGED + 45))
    await plant.settle(12 * 60 + 10)
    (corrected,) = await figures(plant).kpi("all", PAST)
    assert (corrected.edc_wh, corrected.completeness) == (6 * 11_000, 1)
    assert corrected.revision > before.revision
    rows = [row for row in await figures(plant).rows("all", WHOLE) if row.site == "kaunas"]
    assert max(row.start for row in rows) == PAST.end - 15 * MINUTE


async def test_hours_that_waited_when_a_site_left_are_settled(place):
    plant = place.plant(BOTH)
    await plant.open()
    await run(plant, (-5, CHANGED + 1), meter__main_1=8000.0, **RUNNING)
    await kaunas(plant, (-5, CHANGED + 1))
    await plant.settle(62)
    plant = await restarted(place, plant, GDANSK)
    assert await figures(plant).settled_until("all") == START + HOUR
    await rest(plant, meter__main_1=8000.0, **RUNNING)
    (past,) = await figures(plant).kpi("all", PAST)
    assert (past.edc_wh, past.completeness, past.state) == (6 * 11_000, 1, "provisional")


async def test_a_site_that_was_never_heard_is_owed_until_it_left(place):
    plant = place.plant(BOTH)
    await plant.open()
    await run(plant, (-5, CHANGED + 1), meter__main_1=8000.0, **RUNNING)
    await plant.settle(CHANGED + 2)
    (before,) = await figures(plant).kpi("all", PAST)
    assert before.hourly_matched is None
    plant = await restarted(place, plant, GDANSK)
    await rest(plant, meter__main_1=8000.0, **RUNNING)
    (past,), (later,) = [await figures(plant).kpi("all", p) for p in (PAST, LATER)]
    assert (past.hourly_matched, past.completeness) == (None, before.completeness)
    assert past.withheld == before.withheld
    assert (later.hourly_matched, later.completeness) == (pytest.approx(4 / 9), 1)


async def test_a_site_that_comes_back_was_not_there_in_between(place, both):
    before = await told(both)
    new = await restarted(place, both, GDANSK)
    await rest(new, meter__main_1=8000.0, **RUNNING)
    between = await figures(new).kpi("all", LATER)
    back = await restarted(place, new, BOTH, 12 * 60)
    await run(back, (12 * 60 + 6, 18 * 60 + 5), meter__main_1=8000.0, **RUNNING)
    await kaunas(back, (CHANGED + 2, 18 * 60 + 5))
    await back.settle(18 * 60 + 2)
    assert (await told(back))[:4] == before[:4]
    assert await figures(back).kpi("all", LATER) == between
    (last,) = await figures(back).kpi("all", Period(START + 13 * HOUR, START + 18 * HOUR))
    assert (last.edc_wh, last.completeness) == (5 * 11_000, 1)
    parts = (await figures(back).eras("all", Period(START, START + 18 * HOUR)))["kaunas"]
    assert [part for part, _ in parts] == [PAST, Period(START + 12 * HOUR, START + 18 * HOUR)]
    (row,) = await figures(back).kpi("kaunas", Period(START, START + 18 * HOUR))
    assert (row.edc_wh, row.completeness) == (12 * 2000, 1)


async def test_the_floor_of_a_site_holds_as_long_as_it_was_there(place, both):
    """A hole of 3 % is too much for the stricter of two sites, also when that one has left."""
    new = await restarted(place, both, GDANSK)
    await run(new, (CHANGED, 700), meter__main_1=8000.0, **RUNNING)
    await run(new, (780, 14 * 60 + 5), meter__main_1=8000.0, **RUNNING)
    await new.settle(14 * 60 + 2)
    across = Period(START + 5 * HOUR, START + 14 * HOUR)
    (both_there,) = await figures(new).kpi("all", across)
    assert 0.9 < both_there.completeness < 0.99 or both_there.hourly_matched is None
    (alone,) = await figures(new).kpi("all", Period(START + 7 * HOUR, START + 11 * HOUR))
    assert alone.hourly_matched == pytest.approx(4 / 9)


async def test_before_it_was_noted_that_a_site_has_left_it_was_there(place, both):
    early = START + (CHANGED + 5) * MINUTE
    before = await told(both, as_of=early)
    new = await restarted(place, both, GDANSK, CHANGED + 10)
    await rest(new, meter__main_1=8000.0, **RUNNING)
    assert await told(new, as_of=early) == before


async def test_a_site_of_which_only_devices_were_kept_goes_by_its_key(place, both):
    before = await told(both)
    async with both.database.begin() as connection:
        await connection.execute(delete(SITE))
    new = await restarted(place, both, GDANSK)
    after = await told(new)
    assert after[0][0].edc_wh == before[0][0].edc_wh
    assert after[0][0].withheld["wue"] == before[0][0].withheld["wue"].replace("Kaunas", "kaunas")
    with pytest.raises(ValueError, match="there are: gdansk, kaunas, all"):
        await figures(new).kpi("nowhere", PAST)


async def test_all_sites_can_be_replaced(place, both):
    before = await told(both)
    new = await restarted(place, both, {"gdynia": GDANSK["gdansk"].model_copy(update={"name": "Gdynia"})})
    assert (await told(new))[:4] == before[:4]
    for topic, watts in (("main-1", 8000.0), ("ups-a", 7500.0)):
        await new.counts(f"meter/gdynia/{topic}", watts, (CHANGED, 12 * 60 + 5))
    for supply, watts in ((PV["id"], 1000.0), (WIND["id"], 3000.0)):
        await new.counts(f"supply/gdynia/{supply}", watts, (CHANGED, 12 * 60 + 5))
    await new.settle(12 * 60 + 2)
    assert (await told(new))[:4] == before[:4]
    (later,) = await figures(new).kpi("all", LATER)
    assert (later.edc_wh, later.completeness) == (3 * 9000, 1)


async def test_half_an_hour_later_the_site_that_left_is_not_missing(place, both):
    """Its highest quarter is no measure for what the others used when it had left."""
    new = await restarted(place, both, GDANSK)
    await rest(new, meter__main_1=8000.0, **RUNNING)
    hours = await figures(new).kpi("all", Period(START, START + 10 * HOUR), Step.HOUR)
    assert [hour.edc_wh for hour in hours] == [11_000] * 6 + [9000] * 4
    assert [hour.sums["missing_wh"] for hour in hours] == [0] * 10
    assert hours[-1].end - hours[0].start == timedelta(hours=10)
