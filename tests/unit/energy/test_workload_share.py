"""An interval is cut so that nothing is left over, whatever was used."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from energy.workloads.flag import Flag
from energy.workloads.share import WHOLE, GpuEnergy, Share, SiteInterval, cut, divide

HOUR = SiteInterval(1500, 1200, 600, 300, 900_000, 300_000)


def test_a_share_of_gpu_energy_is_a_share_of_it_overhead_green_and_carbon() -> None:
    found = cut(HOUR, GpuEnergy([500_000, 300_000], 200_000, 0))
    first, second = found.shares
    assert (first.gpu_wh, first.it_wh, first.total_wh) == (500, 600, 750)
    assert (first.green_wh, first.unknown_wh, first.co2_location_g) == (300, 150, 450_000)
    assert (second.gpu_wh, second.total_wh, second.co2_market_g) == (300, 450, 90_000)
    assert (found.rest.gpu_wh, found.rest.total_wh, found.rest.green_wh) == (200, 300, 120)


def test_gpus_that_told_nothing_make_nobodys_account_larger() -> None:
    all_told = cut(HOUR, GpuEnergy([500_000], 500_000, 0))
    half_told = cut(HOUR, GpuEnergy([500_000], 0, 500_000))
    assert all_told.shares == half_told.shares
    assert half_told.rest.gpu_wh == 0
    assert half_told.rest.total_wh == 750


def test_without_it_energy_the_load_is_cut_and_overhead_is_not_told_apart() -> None:
    found = cut(SiteInterval(1500, None, 600, 300, None, None), GpuEnergy([500_000], 500_000, 0))
    assert found.flags == Flag.NO_PUE
    assert (found.shares[0].it_wh, found.shares[0].total_wh) == (None, 750)


def test_a_pue_below_one_tells_no_overhead() -> None:
    found = cut(SiteInterval(1000, 1200, 0, 0, None, None), GpuEnergy([1], 0, 0))
    assert found.flags == Flag.NO_PUE
    assert found.shares[0].it_wh is None


def test_without_a_load_only_gpu_energy_is_known() -> None:
    found = cut(SiteInterval(None, None, None, None, None, None), GpuEnergy([500_000], 0, 0))
    assert found.shares[0] == Share(500, None, None, None, None, None, None, WHOLE)


def test_gpus_above_the_it_meters_are_told() -> None:
    assert cut(HOUR, GpuEnergy([1_300_000], 0, 0)).flags == Flag.ABOVE_IT


def test_nobody_ran_anything_so_all_of_it_is_the_rests() -> None:
    found = cut(HOUR, GpuEnergy([0, 0], 0, 0))
    assert [share.total_wh for share in found.shares] == [0, 0]
    assert found.rest.total_wh == 1500


amounts = st.integers(0, 10**9)


@st.composite
def intervals(draw: st.DrawFn) -> SiteInterval:
    """Any interval of which all is known."""
    load = draw(amounts)
    green = draw(st.integers(0, load))
    unknown = draw(st.integers(0, load - green))
    return SiteInterval(load, draw(amounts), green, unknown, draw(amounts), draw(amounts))


@settings(max_examples=150)
@given(intervals(), st.lists(st.integers(0, 10**12), max_size=12), amounts, amounts)
def test_accounts_and_rest_close_to_the_site_to_the_watt_hour(
    site: SiteInterval, accounts: list[int], idle: int, untold: int
) -> None:
    found = cut(site, GpuEnergy(accounts, idle, untold))
    shares = [*found.shares, found.rest]
    for name, whole in (
        ("total_wh", site.load_wh),
        ("green_wh", site.green_wh),
        ("unknown_wh", site.unknown_wh),
        ("co2_location_g", site.co2_location_g),
        ("co2_market_g", site.co2_market_g),
    ):
        assert sum(getattr(share, name) for share in shares) == whole
    assert sum(share.gpu_wh for share in shares) == round((sum(accounts) + idle) / 1000)
    if not found.flags & Flag.NO_PUE:
        assert sum(share.it_wh or 0 for share in shares) == site.eit_wh
    for share in shares:
        assert all((getattr(share, f.name) or 0) >= 0 for f in fields(share))
        assert (share.green_wh or 0) + (share.unknown_wh or 0) <= (share.total_wh or 0)


@given(amounts, st.lists(st.integers(0, 10**15), min_size=1).filter(any))
def test_parts_are_at_most_one_from_their_exact_share(total: int, weights: list[int]) -> None:
    parts = divide(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    assert all(
        abs(part - total * weight / whole) <= 1 + 1e-6 for part, weight in zip(parts, weights, strict=True)
    )
