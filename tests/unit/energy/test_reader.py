"""Figures end to end: readings in, rows out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from energy.figures import Figures
from energy.interval import Period, Step, month
from energy.reading.reader import LedgerFigures
from tests.unit.energy.plant import MINUTE, START, Plant, site

HOUR = timedelta(hours=1)
SUPPLIES = [
    {"id": "pv-roof", "kind": "onsite_solar"},
    {"id": "ppa-wind-1", "kind": "ppa_wind", "zone": "PL"},
]


@pytest.fixture
async def green(tmp_path):
    """Two sites with supplies, six hours of readings of one of them, settled."""
    sites = {
        "gdansk": site(exports="none", supply=SUPPLIES),
        "kaunas": site(zone="Europe/Vilnius", grid="LT"),
    }
    plant = Plant(tmp_path, sites)
    await plant.open()
    end = 6 * 60 + 5
    await plant.counts("meter/gdansk/main-1", 8000.0, (-5, end))
    await plant.counts("meter/gdansk/ups-a", 7500.0, (-5, end))
    await plant.counts("supply/gdansk/pv-roof", 1000.0, (-5, end))
    await plant.counts("supply/gdansk/ppa-wind-1", 6000.0, (-5, end))
    await plant.settle(6 * 60 + 2)
    yield plant
    await plant.close()


def figures(plant) -> Figures:
    return LedgerFigures(plant.database, plant.store, plant.sites)


async def test_a_period_has_all_its_figures(green):
    (row,) = await figures(green).kpi("gdansk", Period(START, START + 6 * HOUR))
    assert row.edc_wh == 9000 * 6
    assert row.eit_wh == 7500 * 6
    assert row.pue == pytest.approx(1.2)
    assert row.pue_category == "pue1"
    assert row.green_wh == pytest.approx(7000 * 6)
    assert row.other_wh == pytest.approx(2000 * 6)
    assert row.unknown_wh == 0
    assert row.hourly_matched == pytest.approx(7 / 9)
    assert row.ref == pytest.approx(7 / 9)
    assert row.completeness == 1
    assert row.estimated == 0
    assert row.state == "provisional"
    assert row.revision == 1
    assert row.cfe_score is None
    assert "carbon-free share" in row.withheld["cfe_score"]
    assert row.withheld["wue"] == "no water meter at Gdańsk"


@pytest.mark.parametrize("step", list(Step))
async def test_steps_add_up_to_the_period(green, step):
    reader = figures(green)
    period = Period(START, START + 6 * HOUR)
    (whole,) = await reader.kpi("gdansk", period)
    rows = await reader.kpi("gdansk", period, step)
    for name in ("edc_wh", "eit_wh", "green_wh", "other_wh", "unknown_wh"):
        assert sum(getattr(row, name) for row in rows) == pytest.approx(getattr(whole, name))
    assert rows[0].start == period.start
    assert rows[-1].end == period.end


async def test_the_grid_mix_makes_the_cfe_score_and_cue_known(green):
    at = [START + n * HOUR for n in range(7)]
    await green.feed(
        green.frame("grid/PL", at, {"carbon_free_share": [0.25] * 7, "carbon_g_per_kwh": [600.0] * 7})
    )
    await green.settle(6 * 60 + 3)
    (row,) = await figures(green).kpi("gdansk", Period(START, START + 6 * HOUR))
    assert row.cfe_score == pytest.approx((7000 + 2000 * 0.25) / 9000)
    assert row.cue == pytest.approx(0.6 * 8000 / 7500)


async def test_an_open_period_counts_only_what_is_settled(green):
    (row,) = await figures(green).kpi("gdansk", Period(START, START + 48 * HOUR))
    assert row.state == "open"
    assert row.completeness == 1
    assert row.edc_wh == 9000 * 6


async def test_all_sites_are_the_sum_of_each(green):
    await green.counts("meter/kaunas/main-1", 2000.0, (-5, 365))
    await green.counts("meter/kaunas/ups-a", 1000.0, (-5, 365))
    await green.settle(362)
    reader = figures(green)
    period = Period(START, START + 6 * HOUR)
    (row,) = await reader.kpi("all", period)
    assert row.edc_wh == 11_000 * 6
    assert row.pue == pytest.approx(11_000 / 8500)
    assert row.green_wh == pytest.approx(7000 * 6)
    (mixed,) = await reader.mix("all", period)
    assert set(mixed.green) == {"gdansk/pv-roof", "gdansk/ppa-wind-1"}
    assert mixed.edc_wh == row.edc_wh
    assert await reader.settled_until("all") == START + 6 * HOUR


async def test_a_site_that_never_spoke_leaves_nothing_to_be_told_of_all(green):
    period = Period(START, START + 6 * HOUR)
    (row,) = await figures(green).kpi("all", period)
    told = (row.pue, row.hourly_matched, row.ref, row.cfe_score, row.cue)
    assert told == (None,) * 5
    assert row.withheld["hourly_matched"].startswith("E_DC is known for 50.00 % of the period")
    assert row.completeness == pytest.approx(4 / (4 + len(green.sites["kaunas"].meter)))
    (alone,) = await figures(green).kpi("gdansk", period)
    assert alone.hourly_matched is not None


async def test_mix_names_each_supply_and_the_surplus(green):
    await green.counts("supply/gdansk/ppa-wind-1", 12_000.0, (366, 500), first=-36_600.0)
    await green.counts("meter/gdansk/main-1", 8000.0, (366, 500))
    await green.counts("supply/gdansk/pv-roof", 1000.0, (366, 500))
    await green.settle(8 * 60 + 2)
    row = (await figures(green).mix("gdansk", Period(START + 7 * HOUR, START + 8 * HOUR)))[0]
    assert row.green == {"pv-roof": 1000.0, "ppa-wind-1": 8000.0}
    assert row.available_wh == {"pv-roof": 1000.0, "ppa-wind-1": 12_000.0}
    assert row.surplus_wh == 4000.0
    assert row.other_wh == 0
    assert sum(row.green.values()) + row.other_wh + row.unknown_wh == row.edc_wh


async def test_rows_tell_the_ledger_and_statements_how_complete_it_is(green):
    reader = figures(green)
    period = Period(START, START + 2 * HOUR)
    rows = await reader.rows("gdansk", period, "main-1")
    assert [row.start for row in rows] == [START + n * 15 * MINUTE for n in range(8)]
    assert {(row.energy_wh, row.quality, row.revision, row.reason) for row in rows} == {
        (2000.0, "ok", 1, None)
    }
    told = {(s.meter, s.channel): s for s in await reader.statements("kaunas", period)}
    assert told["main-1", "energy"].known == 0
    told = {(s.meter, s.channel): s for s in await reader.statements("gdansk", period)}
    assert told["ppa-wind-1", "energy"].energy_wh == 12_000
    assert (told["ups-a", "energy"].expected, told["ups-a", "energy"].known) == (8, 8)
    assert told["ups-a", "energy"].role == "it"


async def test_late_data_changes_figures_and_as_of_still_tells_the_old_ones(green):
    reader = figures(green)
    period = Period(START + 6 * HOUR, START + 8 * HOUR)
    await green.counts("meter/gdansk/main-1", 8000.0, (366, 485))
    await green.counts("supply/gdansk/pv-roof", 1000.0, (366, 485))
    await green.settle(482)
    (before,) = await reader.kpi("gdansk", period)
    assert before.hourly_matched is None
    assert before.unknown_wh == pytest.approx(18_000 - 2000)
    assert "origin" in before.withheld["hourly_matched"]
    await green.counts("supply/gdansk/ppa-wind-1", 6000.0, (366, 490))
    await green.settle(490)
    (after,) = await reader.kpi("gdansk", period)
    assert after.hourly_matched == pytest.approx(7 / 9)
    assert after.revision == 1 + 8
    (then,) = await reader.kpi("gdansk", period, as_of=START + 485 * MINUTE)
    assert then == before


async def test_a_meter_that_is_added_later_changes_nothing_before(tmp_path, green):
    reader = figures(green)
    period = Period(START, START + 6 * HOUR)
    (before,) = await reader.kpi("gdansk", period)
    await green.close()
    more = [*green.sites["gdansk"].meter, {"id": "ups-b", "role": "it", "category": "pue1"}]
    sites = {**green.sites, "gdansk": site(supply=SUPPLIES, meter=more)}
    grown = Plant(tmp_path, sites, green.registry)
    grown.use(green.store)
    await grown.open()
    end = 8 * 60 + 5
    for topic, watts in (("main-1", 8000.0), ("ups-a", 7500.0), ("ups-b", 500.0)):
        await grown.counts(f"meter/gdansk/{topic}", watts, (366, end))
    await grown.settle(8 * 60 + 2)
    reader = figures(grown)
    (after,) = await reader.kpi("gdansk", period)
    assert (after.eit_wh, after.pue, after.completeness) == (before.eit_wh, before.pue, 1)
    (now,) = await reader.kpi("gdansk", Period(START + 7 * HOUR, START + 8 * HOUR))
    assert now.eit_wh == 8000
    told = {s.meter: s for s in await reader.statements("gdansk", Period(START, START + 8 * HOUR))}
    assert (told["ups-a"].expected, told["ups-b"].expected) == (32, 8)
    await grown.close()


async def test_before_anything_is_settled_nothing_is_told(plant):
    reader = figures(plant)
    (row,) = await reader.kpi("gdansk", Period(START, START + HOUR))
    assert (row.edc_wh, row.pue, row.green_wh, row.completeness) == (None, None, None, 0)
    assert row.state == "open"
    assert row.withheld["pue"] == "nothing is settled in this period yet"
    assert await reader.settled_until("gdansk") is None
    assert (await reader.mix("gdansk", Period(START, START + HOUR)))[0].edc_wh is None


async def test_an_unknown_site_is_refused_with_the_known_ones(plant):
    with pytest.raises(ValueError, match=r"'nowhere'.*gdansk, all"):
        await figures(plant).kpi("nowhere", Period(START, START + HOUR))


async def test_c7_october_in_warsaw_has_2980_quarters_and_2682_of_them_are_90_percent(tmp_path):
    plant = Plant(tmp_path, {"gdansk": site(meter=[{"id": "main-1", "role": "utility", "period": "15m"}])})
    await plant.open()
    october = month("2026-10", plant.sites["gdansk"].tz)
    assert october.quarters == 2980
    quarter = timedelta(minutes=15)
    at = [october.start + n * quarter for n in range(2683)]
    await plant.feed(plant.frame("meter/gdansk/main-1", at, {"energy_wh": [100.0 * n for n in range(2683)]}))
    await plant.ledger.settle(october.end + timedelta(minutes=2))
    reader = figures(plant)
    (row,) = await reader.kpi("gdansk", october)
    assert row.completeness == pytest.approx(0.9)
    # All but the last two hours have an estimate by then, which is no measurement and is told apart.
    assert row.edc_wh == 268_200 + 29_000
    assert row.estimated == pytest.approx(29_000 / row.edc_wh)
    assert row.ref == 0
    (statement,) = await reader.statements("gdansk", october)
    assert (statement.expected, statement.known, statement.longest_gap_intervals) == (2980, 2682, 298)
    days = await reader.kpi("gdansk", october, Step.DAY)
    assert len(days) == 31
    assert next(d for d in days if d.end - d.start == timedelta(hours=25)).start == datetime(
        2026, 10, 24, 22, tzinfo=UTC
    )
    assert sum(d.edc_wh or 0 for d in days) == row.edc_wh
    await plant.close()
