"""Three scopes: exact lines of factors, factor sets that change, and gaps that are never green."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from energy.carbon.choice import Use
from energy.carbon.factor import Factor, FactorSet
from energy.carbon.hours import hour_of
from energy.carbon.intake import GridIntake
from energy.carbon.library import packaged
from energy.carbon.uses import record_uses
from energy.interval import Period, Step
from energy.proof.cause import load_causes
from energy.reading.reader import LedgerFigures
from tests.unit.energy.carbon.documents import document, series
from tests.unit.energy.plant import MINUTE, START, Plant, site

HOUR = timedelta(hours=1)
HOURS = 4
PERIOD = Period(START, START + HOURS * HOUR)
SUPPLY = [
    {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 50},
    {"id": "pv", "kind": "onsite_solar", "max_power_kw": 50},
    {"id": "diesel", "kind": "generator", "carbon_g_per_kwh": 750},
]
LIFECYCLE, DIRECT = packaged()["ipcc-2014-lifecycle"], packaged()["ipcc-2014-direct"]
FIGURES = {"location": "co2_location_kg", "market": "co2_market_kg", "scope1": "co2_scope1_kg"}


def residual(grams: float = 900.0, version: str = "1", until: date | None = None) -> FactorSet:
    factor = Factor(
        technology=("residual_mix",), zone="PL", g_per_kwh=grams, from_=date(2026, 1, 1), until=until
    )
    return FactorSet(
        id="res", version=version, source="EXAMPLE", method="direct", example=True, factor=(factor,)
    )


@pytest.fixture
async def plant(tmp_path):
    """Four hours: import 10.333 kW, wind 4.001, pv 1, diesel 2, IT 9 kW; the grid is told every hour."""
    made = Plant(tmp_path, {"gdansk": site(supply=SUPPLY)})
    await made.open()
    powers = {"meter/gdansk/main-1": 10_333.0, "meter/gdansk/ups-a": 9_000.0, "supply/gdansk/wind": 4_001.0}
    powers |= {"supply/gdansk/pv": 1_000.0, "supply/gdansk/diesel": 2_000.0}
    for topic, watts in powers.items():
        await made.counts(topic, watts, (-5, 60 * HOURS + 5))
    for hour in range(HOURS):
        fields = {"carbon_free_share": [0.3], "carbon_g_per_kwh": [601.7 + hour]}
        await made.feed(made.frame("grid/PL", [START + hour * HOUR + MINUTE], fields))
    await made.settle(60 * HOURS + 2)
    yield made
    await made.close()


def figures(plant: Plant) -> LedgerFigures:
    return LedgerFigures(plant.database, plant.store, plant.sites)


async def lines(reader: LedgerFigures, period: Period = PERIOD, as_of=None) -> dict[str, list]:
    found: dict[str, list] = {scope: [] for scope in (*FIGURES, "lifecycle")}
    for row in await reader.factors("gdansk", period, as_of):
        found[row.scope].append(row)
    return found


async def test_scopes_are_told_apart_and_the_lines_of_each_add_up_to_it_exactly(plant):
    reader = figures(plant)
    (row,) = await reader.kpi("gdansk", PERIOD)
    found = await lines(reader)
    for scope, name in FIGURES.items():
        assert sum(line.co2_g for line in found[scope]) == row.value(name) * 1000
    grid = 4 * 10.333
    assert row.value("co2_location_kg") == pytest.approx(
        sum(10.333 * (601.7 + h) for h in range(4)) / 1000, rel=1e-4
    )
    assert row.value("co2_scope1_kg") == pytest.approx(8 * 0.75)
    rest = grid - 4 * 4.001
    assert row.value("co2_market_kg") == pytest.approx(row.value("co2_location_kg") * rest / grid, rel=1e-3)
    kwh = row.eit_wh / 1000
    assert row.cue == pytest.approx((row.value("co2_location_kg") + 6) / kwh)
    assert row.value("cue_market") == pytest.approx((row.value("co2_market_kg") + 6) / kwh)


async def test_quarters_hours_and_the_period_hold_the_same_grams(plant):
    reader = figures(plant)
    (whole,) = await reader.kpi("gdansk", PERIOD)
    for step in (Step.QUARTER, Step.HOUR):
        parts = await reader.kpi("gdansk", PERIOD, step)
        for scope in FIGURES:
            assert sum(p.sums[f"co2_{scope}_g"] for p in parts) == pytest.approx(
                whole.sums[f"co2_{scope}_g"], abs=0.01
            )


async def test_every_line_names_its_source_method_and_version(plant):
    found = await lines(figures(plant))
    (grid,) = found["location"]
    assert (grid.zone, grid.method) == ("PL", "told, production and direct by default")
    assert grid.version == "hours up to version 1"
    assert grid.source == "as told on dc/v1/grid/pl, hour by hour"
    wind, rest = found["market"]
    assert (wind.what, wind.co2_g, wind.version) == ("matched with wind", 0.0, "0 by contract")
    assert rest.what == "unmatched, by the grid of the hour: no residual mix of PL is known"
    assert wind.energy_wh + rest.energy_wh == grid.energy_wh
    (burnt,) = found["scope1"]
    assert "diesel 750 g/kWh" in burnt.source


async def test_the_residual_mix_counts_where_it_is_valid_and_a_change_is_a_revision_that_as_of_undoes(plant):
    reader = figures(plant)
    (before,) = await reader.kpi("gdansk", PERIOD)
    at = START + 5 * HOUR
    assert await record_uses(plant.database, {"gdansk": Use(LIFECYCLE)}, at) == []
    assert await record_uses(plant.database, {"gdansk": Use(LIFECYCLE, residual())}, at + HOUR) == ["gdansk"]
    (after,) = await reader.kpi("gdansk", PERIOD)
    assert after.value("co2_location_kg") == before.value("co2_location_kg")
    rest = (4 * 10.333 - 4 * 4.001) * 0.9
    assert after.value("co2_market_kg") == pytest.approx(rest, rel=1e-3)
    _, unmatched = (await lines(reader))["market"]
    assert (unmatched.version, unmatched.example) == ("res 1 (example)", True)
    assert await record_uses(plant.database, {"gdansk": Use(LIFECYCLE, residual(910, "2"))}, at + 2 * HOUR)
    (latest,) = await reader.kpi("gdansk", PERIOD)
    assert latest.value("co2_market_kg") == pytest.approx(rest / 0.9 * 0.91, rel=1e-3)
    for moment, then in ((at, before), (at + HOUR, after), (at + 2 * HOUR, latest)):
        (told,) = await reader.kpi("gdansk", PERIOD, as_of=moment)
        assert told.value("co2_market_kg") == then.value("co2_market_kg")
        assert sum(line.co2_g for line in (await lines(reader, as_of=moment))["market"]) == 1000 * then.value(
            "co2_market_kg"
        )
    async with plant.database.read() as connection:
        causes = await load_causes(connection, ["gdansk"], (0, 2**31 - 1), ["factor"])
    assert [cause.reason for cause in causes] == [
        "residual mix none replaced by res 1 (example)",
        "residual mix res 1 (example) replaced by res 2 (example)",
    ]
    assert (
        await record_uses(plant.database, {"gdansk": Use(LIFECYCLE, residual(910, "2"))}, at + 3 * HOUR) == []
    )


async def test_a_residual_mix_that_is_not_valid_falls_back_by_name(plant):
    old = Use(LIFECYCLE, residual(until=date(2026, 10, 1)))
    await record_uses(plant.database, {"gdansk": old}, START)
    _, rest = (await lines(figures(plant)))["market"]
    assert rest.what == "unmatched, by the grid of the hour: no residual mix of PL is known"


async def test_a_use_that_was_kept_with_lifecycle_contracts_is_replayed_as_it_was(plant):
    await record_uses(plant.database, {"gdansk": Use(LIFECYCLE, contracts="lifecycle")}, START)
    wind, _ = (await lines(figures(plant)))["market"]
    assert (wind.g_per_kwh, wind.version) == (pytest.approx(11), "ipcc-2014-lifecycle 1")


async def test_hours_of_documents_follow_the_set_in_use_and_are_named_production_based(plant):
    hours = [series("B05", START, [600.0] * HOURS), series("B19", START, [200.0] * HOURS)]
    await GridIntake(plant.database, plant.sites).take(document(*hours), START + 4 * HOUR)
    use = Use(DIRECT, grid="entsoe", lifecycle=LIFECYCLE)
    await record_uses(plant.database, {"gdansk": use}, START + 4 * HOUR)
    reader = figures(plant)
    found = await lines(reader)
    for scope, method, expected in (
        ("location", "direct", 600 * 760 / 800),
        ("lifecycle", "lifecycle", (600 * 820 + 200 * 11) / 800),
    ):
        (line,) = found[scope]
        assert line.g_per_kwh == pytest.approx(expected)
        assert line.method == f"production, {method}"
        assert line.version == f"ipcc-2014-{method} 1, hours up to version 1"
    (first, *_rest) = await reader.grid("gdansk", PERIOD)
    assert (first.renewable_share, first.carbon_g_per_kwh) == (0.25, pytest.approx(570))
    assert first.how == "production, direct"
    (row,) = await reader.kpi("gdansk", PERIOD)
    assert row.value("co2_lifecycle_kg") == pytest.approx(41.332 * 617.75 / 1000, rel=1e-4)
    assert row.value("co2_location_kg") == pytest.approx(41.332 * 570 / 1000, rel=1e-4)


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ({}, "told, production and direct by default"),
        ({"lifecycle": [0.0]}, "told, direct, production by default"),
        ({"consumption_based": [0.0], "lifecycle": [0.0]}, "told, production, direct"),
        ({"lifecycle": [1.0]}, None),
        ({"consumption_based": [1.0], "lifecycle": [0.0]}, None),
        ({"consumption_based": [0.5]}, None),
    ],
)
async def test_told_hours_say_what_they_are_and_count_only_where_that_is_what_the_figure_counts(
    tmp_path, said, how
):
    """One hour at 600 g: over the life cycle it is no scope 2, of another basis it is none of the site's."""
    plant = Plant(tmp_path, {"gdansk": site()})
    await plant.open()
    for topic, watts in (("meter/gdansk/main-1", 10_000.0), ("meter/gdansk/ups-a", 8_000.0)):
        await plant.counts(topic, watts, (-5, 65))
    fields = {"carbon_free_share": [0.3], "carbon_g_per_kwh": [600.0], **said}
    await plant.feed(plant.frame("grid/PL", [START + MINUTE], fields))
    await plant.settle(62)
    hour, reader = Period(START, START + HOUR), figures(plant)
    (told,) = await reader.grid("gdansk", hour)
    (row,) = await reader.kpi("gdansk", hour)
    kg = row.value("co2_location_kg"), row.value("co2_lifecycle_kg")
    assert told.how == how
    assert kg == ((6.0, None) if how else (None, 6.0 if said == {"lifecycle": [1.0]} else None))
    if "consumption_based" in said and how is None:
        assert told.carbon_free_share is None
        await record_uses(plant.database, {"gdansk": Use(DIRECT, basis="consumption")}, START)
        (again,) = await reader.grid("gdansk", hour)
        traced = said["consumption_based"] == [1.0]
        assert again.how == ("told, consumption, direct" if traced else None)
    await plant.close()


async def test_what_is_not_known_is_as_high_as_the_highest_that_is(plant):
    end = PERIOD.end + HOUR / 2
    await plant.settle(60 * HOURS + 32)
    reader, longer = figures(plant), Period(START, end)
    (row,) = await reader.kpi("gdansk", longer)
    found = (await lines(reader, longer))["location"]
    known, missing = found
    assert missing.energy_wh is None
    assert missing.what == "2 quarter-hours that are not known"
    assert missing.co2_g == pytest.approx(
        2 * 13_333 / 4 / 1000 * 604.7, rel=1e-3
    )  # of E_DC: the plants may have stood
    if row.value("co2_location_kg") is not None:
        assert (known.co2_g + missing.co2_g) / 1000 == row.value("co2_location_kg")
    assert hour_of(end) == hour_of(PERIOD.end)


async def test_a_generator_without_a_factor_leaves_scope_1_without_a_figure(tmp_path):
    bare = [{"id": "diesel", "kind": "generator"}]
    plant = Plant(tmp_path, {"gdansk": site(supply=bare)})
    await plant.open()
    for topic, watts in (("meter/gdansk/main-1", 9_000.0), ("supply/gdansk/diesel", 2_000.0)):
        await plant.counts(topic, watts, (-5, 65))
    await plant.settle(62)
    (row,) = await figures(plant).kpi("gdansk", Period(START, START + HOUR))
    assert row.value("co2_scope1_kg") is None
    assert row.withheld["co2_scope1_kg"] == "2.0 kWh of generators have no carbon_g_per_kwh; declare it"
    await plant.close()
