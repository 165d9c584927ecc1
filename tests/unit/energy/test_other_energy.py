"""Who buys other energy than electricity says so beside the figures that E_DC makes, in the years it does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import energy.kpis
from energy.configuration.other_energy import marks
from energy.interval import Period
from energy.kpi import KPIS
from energy.reading.rows import Scope, kpi_row, kpis
from energy.sums.totals import Totals
from tests.unit.energy.plant import site

YEAR_END = datetime(2026, 12, 31, 23, tzinfo=UTC)
"""Midnight of Warsaw."""


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ({}, False),
        ({"other_energy": "none"}, False),
        ({"other_energy": "bought"}, True),
        ({"other_energy": "bought", "2026": {"other_energy": "none"}}, False),
        ({"other_energy": "none", "2026": {"other_energy": "bought"}}, True),
        ({"2027": {"other_energy": "bought"}}, False),
    ],
)
def test_the_year_of_the_period_decides(declared: dict[str, object], found: bool) -> None:
    december = Period(datetime(2026, 11, 30, 23, tzinfo=UTC), YEAR_END)
    assert bool(marks(december, [site(), site(eu=declared)])) is found


def test_a_row_is_marked_and_keeps_its_numbers() -> None:
    KPIS.load(energy.kpis)
    month = Period(datetime(2026, 11, 30, 23, tzinfo=UTC), YEAR_END)
    said = marks(month, [site(eu={"other_energy": "bought"})])
    same = Totals(pue_edc=120.0, pue_eit=100.0, pue_known=1.0, both_known=1.0, expected=1.0)
    row = kpi_row(month, same, Scope(0.9, None, YEAR_END, marks=said), kpis())
    assert row.pue == 1.2
    assert "chilled water, heat or fuel" in row.marks["pue"]
    assert set(row.marks) == {"pue", "ere", "erf", "ref"}
