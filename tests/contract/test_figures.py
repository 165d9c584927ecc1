"""What every implementation of Figures keeps to: the ledger's over two stores, and the invented twin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from energy.figures import Figures
from energy.interval import QUARTER, Period, Step
from energy.reading.reader import LedgerFigures
from telemetry.stores.duckdb import DuckDBOptions, DuckDBStore
from tests.fakes.figures import SyntheticFigures, site
from tests.unit.energy.plant import START, Plant

HOURS = 12
SETTLED = START + timedelta(hours=HOURS)
PERIOD = Period(START, SETTLED)


@dataclass
class Twin:
    """Figures and how to let go of what is behind them."""

    figures: Figures
    plant: Plant | None = None


async def _ledger(folder: Path, kind: str) -> Twin:
    plant = Plant(folder, {"gdansk": site()})
    if kind == "duckdb":
        store = DuckDBStore(DuckDBOptions(), plant.registry, folder)
        await store.open()
        plant.use(store)
    await plant.open()
    end = HOURS * 60 + 5
    await plant.counts("meter/gdansk/main-1", 8_000_000.0, (-5, end))
    await plant.counts("meter/gdansk/ups-a", 7_000_000.0, (-5, end))
    await plant.counts("supply/gdansk/pv-roof", 500_000.0, (-5, end))
    await plant.counts("supply/gdansk/ppa-wind-1", 6_000_000.0, (-5, 300))
    await plant.counts("supply/gdansk/ppa-wind-1", 9_000_000.0, (301, end), first=-15_000_000.0)
    await plant.settle(HOURS * 60 + 2)
    return Twin(LedgerFigures(plant.database, plant.store, plant.sites), plant)


@pytest.fixture(params=["memory", "duckdb", "synthetic"])
async def figures(request, tmp_path: Path) -> AsyncIterator[Figures]:
    if request.param == "synthetic":
        yield SyntheticFigures({"gdansk": site()}, SETTLED)
        return
    twin = await _ledger(tmp_path, request.param)
    yield twin.figures
    assert twin.plant is not None
    await twin.plant.store.close()
    await twin.plant.close()


async def test_without_a_step_there_is_one_row_for_the_period(figures):
    (row,) = await figures.kpi("gdansk", PERIOD)
    assert (row.start, row.end) == (PERIOD.start, PERIOD.end)
    assert row.completeness == 1
    assert row.pue > 1
    assert row.state == "provisional"
    assert row.pue_category == "pue1"


@pytest.mark.parametrize("step", [Step.QUARTER, Step.HOUR, Step.DAY, Step.MONTH])
async def test_steps_lie_end_to_end_and_add_up(figures, step):
    rows = await figures.kpi("gdansk", PERIOD, step)
    assert rows[0].start == PERIOD.start
    assert rows[-1].end == PERIOD.end
    assert all(one.end == two.start for one, two in pairwise(rows))
    (whole,) = await figures.kpi("gdansk", PERIOD)
    for name in ("edc_wh", "eit_wh", "green_wh", "other_wh"):
        assert sum(getattr(row, name) for row in rows) == pytest.approx(getattr(whole, name))


async def test_green_other_and_unknown_are_all_of_consumption(figures):
    for row in await figures.kpi("gdansk", PERIOD, Step.HOUR):
        assert row.green_wh + row.other_wh + row.unknown_wh == pytest.approx(row.edc_wh)
        assert 0 <= row.hourly_matched <= row.ref + 1e-9 <= 1 + 1e-9


async def test_a_figure_that_is_none_says_why(figures):
    (row,) = await figures.kpi("gdansk", PERIOD)
    for name in ("pue", "ref", "hourly_matched", "cfe_score", "cue", "wue", "erf", "ere"):
        if getattr(row, name) is None:
            assert row.withheld[name]
        else:
            assert name not in row.withheld


async def test_mix_agrees_with_the_kpis(figures):
    rows = await figures.kpi("gdansk", PERIOD, Step.HOUR)
    mixed = await figures.mix("gdansk", PERIOD, Step.HOUR)
    for row, mix in zip(rows, mixed, strict=True):
        assert (mix.start, mix.end) == (row.start, row.end)
        assert mix.edc_wh == pytest.approx(row.edc_wh)
        assert sum(mix.green.values()) == pytest.approx(row.green_wh)
        assert set(mix.green) == set(mix.available_wh) == {"pv-roof", "ppa-wind-1"}
        delivered = sum(mix.available_wh.values())
        assert mix.surplus_wh == pytest.approx(delivered - row.green_wh)


async def test_what_is_not_settled_is_open_and_none(figures):
    later = Period(SETTLED, SETTLED + timedelta(hours=1))
    (row,) = await figures.kpi("gdansk", later)
    assert row.state == "open"
    assert (row.edc_wh, row.pue, row.green_wh, row.hourly_matched) == (None, None, None, None)
    assert row.withheld["pue"]
    assert await figures.settled_until("gdansk") == SETTLED


async def test_rows_and_statements_agree(figures):
    rows = [r for r in await figures.rows("gdansk", PERIOD, "main-1") if r.channel == "energy"]
    assert [row.start for row in rows] == [START + n * QUARTER for n in range(4 * HOURS)]
    told = {s.meter: s for s in await figures.statements("gdansk", PERIOD)}["main-1"]
    assert told.role == "utility"
    assert told.expected == told.known == 4 * HOURS
    assert told.energy_wh == pytest.approx(sum(row.energy_wh for row in rows))


async def test_it_tells_what_a_site_consisted_of_when(figures):
    found = await figures.eras("gdansk", PERIOD)
    assert found == await figures.eras("all", PERIOD) == {"gdansk": [(PERIOD, figures.sites["gdansk"])]}


async def test_it_tells_since_when_it_has_readings(figures):
    assert await figures.began("gdansk") == await figures.began("all") <= START
    assert await figures.departed() == {}


async def test_it_knows_its_sites(figures):
    assert figures.sites["gdansk"].zone == "Europe/Warsaw"
    assert datetime(2026, 10, 5, tzinfo=UTC) == START


async def test_the_meter_tree_closes_to_the_inlet(figures):
    (tree,) = await figures.closure("gdansk", PERIOD)
    assert (tree.site, tree.start, tree.end) == ("gdansk", PERIOD.start, PERIOD.end)
    (row,) = await figures.kpi("gdansk", PERIOD)
    assert tree.inlet_wh == pytest.approx(row.edc_wh)
    assert sum(share.energy_wh for share in tree.shares) == pytest.approx(tree.inlet_wh)
    assert {formula.figure: formula.text for formula in tree.formulas} == {
        "E_DC": "E_DC = main-1 + pv-roof",
        "E_IT": "E_IT = ups-a",
    }
    assert [point.pue for point in tree.points] == [pytest.approx(row.pue)]
    later = Period(SETTLED, SETTLED + timedelta(hours=1))
    assert await figures.closure("gdansk", later) == []
