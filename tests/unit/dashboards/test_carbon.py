"""The carbon panel: each scope apart, its method in words, and factors that are examples named so."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from dashboards.house import House
from dashboards.panels.carbon import carbon_month
from energy.carbon.factor_row import FactorRow
from energy.interval import Period
from tests.fakes.figures import SyntheticFigures, site
from tests.unit.energy.plant import START

PERIOD = Period(START, START + timedelta(days=1))


class Told(SyntheticFigures):
    """Figures whose factors are written by hand."""

    def __init__(self, *rows: FactorRow) -> None:
        super().__init__({"gdansk": site()}, PERIOD.end)
        self.told = list(rows)

    async def factors(self, site, period, as_of=None):
        return self.told


def row(scope, energy, method, example=False) -> FactorRow:
    return FactorRow("gdansk", scope, "energy", "PL", energy, 500.0, 1000.0, "source", method, "1", example)


async def panel(*rows: FactorRow):
    figures = Told(*rows)
    (total,) = await figures.kpi("gdansk", PERIOD)
    house = cast(House, SimpleNamespace(figures=figures))
    return await carbon_month(house, "gdansk", PERIOD, total)


async def test_each_scope_has_its_own_lines_and_says_how_it_was_counted():
    month = await panel(
        row("location", 10.0, "production, direct"),
        row("market", 5.0, "direct"),
        row("market", 9.0, "told, production and direct by default"),
        row("market", None, "estimated"),
    )
    location, market, burnt = month.scopes
    assert location.method == "production-based grid hour by hour, direct factors"
    told = "grid hour by hour, as told: production and direct by default"
    assert market.method == f"{told}; direct factors; a bound for what is not known"
    assert (burnt.method, len(burnt.lines)) == ("nothing to count", 0)
    assert [len(s.lines) for s in month.scopes] == [1, 3, 0]
    assert month.query.startswith("site=gdansk&from=1")


async def test_the_life_cycle_has_a_line_of_its_own_where_something_tells_it_and_is_no_scope():
    month = await panel(
        row("location", 10.0, "production, direct"), row("lifecycle", 10.0, "production, lifecycle")
    )
    assert [s.title for s in month.scopes][-1] == "Over the life cycle, no scope"
    assert month.scopes[-1].method == "production-based grid hour by hour, lifecycle factors"


@pytest.mark.parametrize("example", [True, False])
async def test_an_invented_factor_is_named_as_one(example):
    month = await panel(row("market", 5.0, "direct"), row("market", 1.0, "direct", example))
    assert [s.example for s in month.scopes] == [False, example, False]
