"""What is not known of a year never makes its EU data set better."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import energy.kpis
from energy.configuration.site import SiteOptions
from energy.figures import KpiRow
from energy.interval import QUARTER, Period, Step
from energy.kpi import KPIS
from energy.reading.rows import Scope, kpi_row, kpis
from reports.eu.data_set import DataSet, Told, assemble
from reports.eu.measured import measure
from tests.fakes.figures import SyntheticFigures
from tests.unit.energy.arrays import NAN, sheet, summed
from tests.unit.energy.plant import START
from tests.unit.energy.plant import site as plant

KPIS.load(energy.kpis)
QUARTERS, FLOOR = 40, 0.8
PERIOD = Period(START, START + QUARTERS * QUARTER)
SITE = plant(
    supply=[
        {"id": "pv", "kind": "onsite_solar", "max_power_kw": 1e6, "certificates": "none"},
        {"id": "ppa", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 1e6, "certificates": "none"},
    ],
    water=[{"id": "w"}],
    heat=[{"id": "h", "use": "reuse"}],
)
YEAR = {
    "meter/main-1/energy": 9000.0,
    "meter/ups-a/energy": 8000.0,
    "supply/pv/energy": 1000.0,
    "supply/ppa/energy": 5000.0,
    "water/w/volume": 12.0,
    "heat/h/energy": 1500.0,
}


class Measured(SyntheticFigures):
    """The figures of a ledger written by hand."""

    def __init__(self, site: SiteOptions, amounts: Mapping[str, list[float]]) -> None:
        super().__init__({"gdansk": site}, PERIOD.end)
        self._totals = summed(site, sheet(amounts))

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: object = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        return [kpi_row(period, self._totals, Scope(FLOOR, None, PERIOD.end), kpis())]


async def told(lost: Mapping[str, Collection[int]]) -> DataSet:
    """The set of a steady year without the quarters that are ``lost`` of each register."""
    holes = {name: set(lost.get(name, ())) for name in YEAR}
    rows = {n: [NAN if q in holes[n] else wh for q in range(QUARTERS)] for n, wh in YEAR.items()}
    figures = Measured(SITE, rows)
    return assemble("gdansk", 2026, await measure(figures, "gdansk", PERIOD, None, FLOOR), {})


def numbers(found: DataSet) -> dict[str, float]:
    """The values by item."""
    entries = ((entry.item.key, entry.told) for entry in found.entries)
    return {key: one.value for key, one in entries if one is not None and isinstance(one.value, float)}


def reasons(found: DataSet) -> dict[str, str]:
    """Why items are missing."""
    return {entry.item.key: entry.reason for entry in found.missing}


async def test_a_year_without_a_hole_is_that_of_t1() -> None:
    found = numbers(await told({}))
    assert found["edc_kwh"] == 400
    assert (found["pue"], found["wue"], found["erf"]) == (1.25, 1.5, 0.15)
    assert found["ref"] == pytest.approx(0.6)
    assert found["eres_tot_kwh"] == 240


async def test_a_quarter_of_the_inlet_lost_leaves_no_indicator_over_it() -> None:
    found = await told({"meter/main-1/energy": range(10)})
    assert (
        "75.00 % of energy at the inlet is known, less than the floor of 80.00 %" in reasons(found)["edc_kwh"]
    )
    assert numbers(found).keys().isdisjoint({"edc_kwh", "pue", "erf", "ref"})
    assert (numbers(found)["eit_kwh"], numbers(found)["wue"]) == (320, 1.5)


async def test_a_small_hole_in_the_inlet_is_told_and_flatters_nothing() -> None:
    found = await told({"meter/main-1/energy": range(4)})
    edc = next(entry.told for entry in found.entries if entry.item.key == "edc_kwh")
    assert isinstance(edc, Told)
    assert (edc.value, edc.whole) == (360, False)
    assert "90.00 % of the intervals are known" in edc.note
    assert numbers(found)["pue"] == 1.25
    assert numbers(found)["ref"] <= 0.6


async def test_water_of_one_quarter_is_not_that_of_the_year() -> None:
    found = await told({"water/w/volume": range(1, QUARTERS)})
    assert "of the water is known" in reasons(found)["win_m3"]
    assert "wue" in reasons(found)


async def test_water_and_heat_do_not_hang_on_other_meters() -> None:
    found = await told({"meter/ups-a/energy": range(20), "meter/main-1/energy": range(4)})
    assert numbers(found)["win_m3"] == pytest.approx(0.48)
    assert numbers(found)["ereuse_kwh"] == 60
    assert {"eit_kwh", "pue", "wue"} <= reasons(found).keys()


async def test_what_a_battery_gave_to_the_grid_is_not_renewable_twice() -> None:
    site = plant(
        supply=[
            {"id": "pv", "kind": "onsite_solar", "max_power_kw": 1e6},
            {"id": "bat", "kind": "battery", "round_trip": 0.8},
        ]
    )
    amounts = {
        "meter/main-1/energy": [0.0] * 4 + [10_000.0] * 4 + [0.0] * 4,
        "meter/main-1/export": [0.0] * 8 + [8000.0] * 4,
        "meter/ups-a/energy": [8000.0] * 8 + [0.0] * 4,
        "supply/pv/energy": [20_000.0] * 4 + [0.0] * 8,
        "supply/bat/charge": [10_000.0] * 4 + [0.0] * 8,
        "supply/bat/discharge": [0.0] * 8 + [8000.0] * 4,
    }
    totals = summed(site, sheet(amounts))
    assert totals.volume_onsite == 48_000
    assert totals.volume_onsite + totals.volume_ppa <= totals.renewable


@given(
    lost=st.dictionaries(
        st.sampled_from(sorted(YEAR)), st.frozensets(st.integers(0, QUARTERS - 1), max_size=12)
    )
)
async def test_dropping_readings_of_a_steady_year_never_improves_an_indicator(
    lost: dict[str, frozenset[int]],
) -> None:
    before, after = numbers(await told({})), numbers(await told(lost))
    for key in ("pue", "wue"):
        assert after.get(key, before[key]) >= before[key] - 1e-9
    for key in ("eres_tot_kwh", "erf", "ref"):
        assert after.get(key, before[key]) <= before[key] + 1e-9
