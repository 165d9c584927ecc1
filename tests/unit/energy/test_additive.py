"""Whatever was read: days and months add up across a clock change, and sites to their total."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy.kpis
from energy.configuration.site import SiteOptions
from energy.figures import KpiRow
from energy.interval import QUARTER_MS, Period, Step, steps
from energy.kpi import KPIS
from energy.reading.rows import Scope, kpi_row, kpis
from energy.sums.columns import Columns, columns
from energy.sums.sheet import Sheet
from energy.sums.totals import Totals
from runtime.clock import to_ms
from tests.unit.energy.arrays import NAN, account, grid, sheet
from tests.unit.energy.plant import site as plant

KPIS.load(energy.kpis)
WARSAW = ZoneInfo("Europe/Warsaw")
CHANGE = Period(datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2026, 11, 2, 23, tzinfo=UTC))
"""Ten days of Warsaw: that of 25 hours is the second, and November begins with the ninth."""

FIRST = to_ms(CHANGE.start) // QUARTER_MS
SITE = plant(
    supply=[
        {"id": "pv", "kind": "onsite_solar", "max_power_kw": 1e6},
        {"id": "ppa", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 1e6},
    ]
)
OTHER = SITE.model_copy(update={"name": "Kaunas"})
REGISTERS = {
    "meter/main-1/energy": 9000,
    "meter/ups-a/energy": 8000,
    "supply/pv/energy": 6000,
    "supply/ppa/energy": 12_000,
}
BOUNDS = ("_missing", "renewable", "volume_onsite", "volume_ppa")
"""Of a whole period: its highest quarter-hour, and no more than it used."""


@st.composite
def read(draw: st.DrawFn) -> Sheet:
    """What the registers of a site told: a drawn cycle of some hours over and over, with holes."""
    rows = {}
    for name, most in REGISTERS.items():
        cycle = draw(st.lists(st.integers(0, most), min_size=3, max_size=60))
        row = np.resize(np.array(cycle, dtype=np.float64), CHANGE.quarters)
        for at in draw(st.lists(st.integers(0, CHANGE.quarters - 1), max_size=4)):
            row[at : at + draw(st.integers(1, 200))] = NAN
        rows[name] = row.tolist()
    return dataclasses.replace(sheet(rows), first=FIRST)


def summed(site: SiteOptions, found: Sheet) -> Columns:
    return columns(*account(site, found), grid(CHANGE.quarters, 0.5, 600.0))


def over(found: Columns, part: Period) -> Totals:
    return found.totals(*(to_ms(at) // QUARTER_MS - FIRST for at in (part.start, part.end)))


def row_of(totals: Totals) -> KpiRow:
    return kpi_row(CHANGE, totals, Scope(0.0, None, CHANGE.end, ("gdansk",)), kpis())


@settings(max_examples=12, deadline=None)
@given(read(), st.sampled_from([(Step.DAY, 10), (Step.MONTH, 2)]))
def test_days_and_months_add_up_to_their_period_across_a_clock_change(
    found: Sheet, cut: tuple[Step, int]
) -> None:
    step, count = cut
    sums, parts = summed(SITE, found), list(steps(CHANGE, step, WARSAW))
    assert len(parts) == count
    assert sum(part.quarters for part in parts) == CHANGE.quarters == 964
    whole, told = over(sums, CHANGE), [over(sums, part) for part in parts]
    for field in dataclasses.fields(Totals):
        amount = getattr(whole, field.name)
        if isinstance(amount, float) and not field.name.endswith(BOUNDS):
            added = sum(getattr(part, field.name) for part in told)
            assert added == pytest.approx(amount, abs=1e-3), field.name


@settings(max_examples=8, deadline=None)
@given(read(), read())
def test_sites_add_up_to_their_total_and_ratios_are_made_of_sums(one: Sheet, other: Sheet) -> None:
    totals = [over(summed(site, found), CHANGE) for site, found in ((SITE, one), (OTHER, other))]
    whole, rows = row_of(totals[0] + totals[1]), [row_of(own) for own in totals]
    for name in ("edc_wh", "eit_wh", "load_wh", "green_wh", "other_wh", "unknown_wh"):
        told = [row.value(name) or 0.0 for row in rows]
        assert (whole.value(name) or 0.0) == pytest.approx(sum(told)), name
    # Where nothing is known at a site its row tells no sums, but the total holds the bound of what it lacks.
    for name in whole.sums.keys() & rows[0].sums.keys() & rows[1].sums.keys():
        assert whole.sums[name] == pytest.approx(sum(row.sums[name] for row in rows), abs=0.01), name
    for name in ("pue", "hourly_matched", "ref", "cue"):
        filled = [row.parts[name] for row in rows]
        below = sum(part.denominator or 0.0 for part in filled)
        if (told_all := whole.value(name)) is not None:
            assert told_all == pytest.approx(sum(part.numerator for part in filled) / below), name
