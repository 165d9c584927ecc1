"""The renewable energy factor of a settled month, from registers and certificates to the figure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.certificates.book import Order
from energy.certificates.pool import Wanted
from energy.certificates.selection import Selection
from energy.certificates.tally import Counted
from energy.interval import Period, Step
from energy.kpis.ref import Ref
from energy.reading.certified import with_certificates
from energy.sums.totals import Totals
from tests.unit.energy.certificates.settled import MWH, OCTOBER, Month, load
from tests.unit.energy.certificates.vault import AT, CANCELLED, hour, wind
from tests.unit.energy.plant import site

PV = {"id": "pv", "kind": "onsite_solar", "max_power_kw": 1e6}
PPA = {"id": "ppa", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 1e6}


@pytest.fixture
async def opened() -> AsyncIterator[list[Month]]:
    """Months to be closed."""
    months: list[Month] = []
    yield months
    for month in months:
        await month.plant.close()


@pytest.fixture
def month(tmp_path: Path, opened: list[Month]):
    """Makes a site with these supplies."""

    def make(*supplies: dict[str, object], exports: str = "none") -> Month:
        opened.append(Month(tmp_path, site(exports=exports, supply=list(supplies))))
        return opened[-1]

    return make


async def test_t1_guarantees_contracts_and_own_plants_add_up(month):
    here = month(PV, PPA)
    supplied = {"supply/gdansk/pv/energy_wh": 1000, "supply/gdansk/ppa/energy_wh": 3000}
    await here.settle({**load(10_000, own=1000), **supplied})
    assert (await here.row()).ref == pytest.approx(0.4)
    await here.vault.take(wind(1, 2000))
    await here.cancel()
    row = await here.row()
    split = [row.sums[name] / MWH for name in ("goo_wh", "ppa_wh", "onsite_wh")]
    assert split == [2000, 3000, 1000]
    assert sum(split) * 1000 == 6_000_000  # TOT in kWh
    assert row.ref == pytest.approx(0.6)
    assert row.hourly_matched == pytest.approx(0.4)  # untimed certificates match no hour


async def test_t2_99_of_147(month):
    here = month()
    await here.settle(load(147))
    await here.vault.take(wind(1, 99))
    await here.cancel()
    row = await here.row()
    assert round(row.ref, 2) == 0.67
    assert row.ref == pytest.approx(99 / 147)


async def test_t8_own_panels_whose_certificates_are_sold_contribute_nothing(month):
    here = month({**PV, "certificates": "sold"})
    await here.settle({**load(100, own=40), "supply/gdansk/pv/energy_wh": 40})
    row = await here.row()
    assert (row.ref, row.sums["onsite_wh"]) == (0, 0)
    # Certificates that we held and gave away prove nothing either.
    await here.vault.take(wind(1, 50))
    await here.vault.book.sell(Wanted("PL"), None, CANCELLED)
    assert (await here.row()).ref == 0


async def test_t9_more_than_is_used_is_one_and_no_more(month):
    here = month(PV, exports="metered")
    exported = {"meter/gdansk/main-1/export_wh": 50, "supply/gdansk/pv/energy_wh": 150}
    await here.settle({**load(100, own=100), **exported})
    assert (await here.row()).ref == 1
    await here.vault.take(wind(1, 70))
    await here.cancel()
    row = await here.row()
    assert (row.ref, row.sums["goo_wh"]) == (1, 70 * MWH)


async def test_a_file_with_duplicates_expired_and_foreign_rows_makes_nothing_green(month):
    here = month()
    await here.settle(load(100))
    bad = await here.vault.take(
        wind(1, 20), wind(10, 30), wind(40, 50, days=("2025-01-01", "2025-01-31")), wind(60, 70, zone="SE4")
    )
    assert [remark.line for remark in bad.wrong] == [3, 4]
    assert [remark.line for remark in bad.notes] == [5]
    with pytest.raises(ValueError, match="0 MWh of what was asked for are free"):
        await here.cancel()
    row = await here.row()
    assert (row.ref, row.hourly_matched, row.green_wh) == (0, 0, 0)
    # Without the lines that were named, the foreign ones count by volume and match no hour.
    await here.vault.take(wind(60, 70, zone="SE4"), hour(1, 4 * MWH, "2026-10-05T10", zone="SE4"))
    await here.cancel()
    row = await here.row()
    assert row.ref == pytest.approx(0.15)
    assert (row.hourly_matched, row.green_wh) == (0, 0)


async def test_what_is_not_cancelled_is_pending_and_what_was_known_stays_known(month):
    here = month()
    await here.settle(load(100))
    await here.vault.take(wind(1, 60))
    await here.vault.book.allocate(Order("PL", "gdansk", "2026-10", 60 * MWH), CANCELLED)
    before = await here.row()
    assert (before.ref, before.sums["goo_pending_wh"]) == (0, 60 * MWH)
    later = AT + timedelta(days=1)
    told = CANCELLED.__class__("Anna", later, "TGE 2026/11/77")
    await here.vault.book.cancel(Selection(site="gdansk", period=OCTOBER), AT, told)
    row = await here.row()
    assert row.ref == pytest.approx(0.6)
    assert row.revision == before.revision + 1
    then = await here.row(as_of=AT)
    assert (then.ref, then.revision) == (0, before.revision)


async def test_a_shorter_step_shows_time_stamped_certificates_only(month):
    here = month()
    await here.settle(load(74.5))  # 100 kWh an hour
    await here.vault.take(
        wind(1, 20), hour(1, 60_000, "2026-10-05T10"), hour(70_001, 300_000, "2026-10-05T11")
    )
    await here.cancel()
    day = Period(OCTOBER.start + timedelta(days=4), OCTOBER.start + timedelta(days=5))
    hours = await here.figures.kpi("gdansk", day, Step.HOUR)
    ref = {row.start.hour: row.ref for row in hours}
    matched = {row.start.hour: row.hourly_matched for row in hours}
    assert ref == {h: {10: pytest.approx(0.6), 11: 1.0}.get(h, 0.0) for h in ref}
    assert matched == ref
    days = [row.ref for row in await here.figures.kpi("gdansk", OCTOBER, Step.DAY)]
    assert [round(value, 4) for value in days if value] == [0.15]
    whole = await here.row()
    assert whole.ref == pytest.approx((20_000 + 60 + 300) / 74_500)
    assert whole.hourly_matched == pytest.approx((60 + 100) / 74_500, rel=1e-4)
    (seen,) = await here.figures.snapshot(OCTOBER).kpi("gdansk", OCTOBER)
    assert seen.ref == whole.ref


async def test_consumption_that_is_not_settled_yet_has_no_certificates(month):
    here = month()
    await here.settle(load(100))
    await here.vault.take(wind(1, 60))
    await here.vault.book.allocate(Order("PL", "gdansk", "2026", 60 * MWH), CANCELLED)
    part = (await here.vault.claims.claimed("gdansk", OCTOBER)).claims[0]
    await here.vault.book.cancel(Selection(parts=(part.part,)), AT, CANCELLED)
    assert (await here.row()).ref == 0
    year = await here.row(Period(part.start, part.end))  # it has not ended
    assert (year.ref, year.sums["goo_wh"], year.sums["goo_pending_wh"]) == (None, 0, 0)


def test_certificates_cover_no_more_than_the_load_with_what_is_missing_of_it():
    """What batteries took is no load, and REF divides by the load with the bound for what is not known."""
    charged = Totals(10, edc=900, edc_known=9, load=800, load_known=9, load_missing=100, renewable=300)
    all_of_it = with_certificates(charged, Counted(5000))
    assert (all_of_it.goo, all_of_it.goo_counted) == (5000, 600)
    assert Ref().figure(all_of_it, 0.9).value == 1
    some = with_certificates(charged, Counted(150))
    assert Ref().figure(some, 0.9).value == pytest.approx((300 + 150) / (800 + 100))


MONTHS = st.lists(
    st.tuples(
        st.integers(0, 100),  # by own plants and contracts, hour by hour
        st.integers(0, 100),  # by volume only: what supplies gave beyond the load of its hour
        st.integers(0, 60),  # time-stamped certificates that matched
        st.integers(0, 200),  # all cancelled certificates of the month
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(MONTHS, st.integers(0, 300))
def test_annual_is_no_less_than_monthly_and_that_no_less_than_hourly(months, for_the_year):
    load_of_month, green, counted = 100.0, 0.0, 0
    monthly = annual = Totals()
    for hourly, beyond, timed, certificates in months:
        timed = min(timed, 100 - hourly, certificates)
        green += hourly + timed
        volume = min(hourly + beyond, load_of_month)
        own = Totals(1, edc=load_of_month, edc_known=1, load=load_of_month, load_known=1, renewable=volume)
        monthly += with_certificates(own, Counted(certificates))
        annual += own
        counted += certificates
    annual = with_certificates(annual, Counted(counted + for_the_year))
    by_hour = green / (load_of_month * len(months))
    by_month, by_year = (Ref().figure(totals, 0.9).value for totals in (monthly, annual))
    assert by_hour <= by_month + 1e-12
    assert by_month <= by_year + 1e-12 <= 1 + 2e-12
