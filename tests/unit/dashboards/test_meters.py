"""The view-models of meter trees: each meter after its parent, with what is left between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dashboards.house import House
from dashboards.panels.meters import meter_month
from energy.configuration.site import SiteOptions
from energy.figures import ALL
from energy.interval import month
from tests.fakes.day import AT, SETTLED, SITES, day_house
from tests.fakes.figures import SyntheticFigures

GDANSK = SITES["gdansk"].tz
OCTOBER = month("2026-10", GDANSK)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with day_house(tmp_path) as fake:
        yield fake.house


async def test_the_inlet_stands_above_its_feeders_and_these_above_what_hangs_below(house: House) -> None:
    page = await meter_month(house, "gdansk", OCTOBER, GDANSK, AT)
    (tree,) = page.trees
    assert [(one.name, one.depth) for one in tree.branches] == [
        ("inlet", 0),
        ("main-1", 1),
        ("ups-a", 1),
        ("battery-1", 1),
    ]
    assert (tree.branches[0].verdict, tree.branches[0].wrong) == ("partly metered", False)
    assert tree.closure.end == SETTLED
    assert tree.uncertainty is None  # nobody named a class
    assert (page.before, page.after) == ("2026-09", None)


async def test_every_site_has_its_tree(house: House) -> None:
    page = await meter_month(house, ALL, OCTOBER, GDANSK, AT)
    assert [tree.name for tree in page.trees] == ["Gdańsk", "Kaunas"]


async def test_a_month_that_is_not_settled_has_no_tree(house: House) -> None:
    page = await meter_month(house, ALL, month("2026-12", GDANSK), GDANSK, AT)
    assert page.trees == []


async def test_the_uncertainty_of_the_pue_stands_in_its_own_unit(tmp_path: Path) -> None:
    meters = [
        {"id": "main-1", "role": "utility", "accuracy_class": 0.5},
        {"id": "ups-a", "role": "ups", "parent": "main-1", "accuracy_class": 0.5},
    ]
    tables = SITES["gdansk"].model_dump()
    own = [{**supply, "accuracy_class": 0.2} for supply in tables["supply"]]
    sites = {"gdansk": SiteOptions.model_validate({**tables, "meter": meters, "supply": own})}
    async with day_house(tmp_path) as fake:
        fake.figures = SyntheticFigures(sites, SETTLED)
        (tree,) = (await meter_month(fake.house, "gdansk", OCTOBER, GDANSK, AT)).trees
    assert tree.pue.pue is not None
    assert tree.uncertainty == pytest.approx(0.0082 * tree.pue.pue, abs=1e-4)
