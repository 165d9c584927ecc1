"""What was used of own plants whose certificates are gone is bought, in the market-based figure."""

from __future__ import annotations

import numpy as np
import pytest

from energy.carbon.emission import Emissions, emissions, highest_factors
from energy.sums.gridmix import GridMix
from tests.unit.energy.arrays import account, grid, hourly, sheet
from tests.unit.energy.plant import site

IMPORT, EXPORT, PV = "meter/main-1/energy", "meter/main-1/export", "supply/pv/energy"
KWH = 1000.0


def emitted(supply: list[dict[str, object]], rows: dict[str, float], mix: GridMix | None = None) -> Emissions:
    """One hour at 700 g/kWh; ``rows`` are kWh."""
    whole = sheet({name: hourly(kwh * KWH) for name, kwh in rows.items()})
    balance, _, found = account(site(supply=supply), whole)
    return emissions(balance, found, mix or grid(4, 0.3, 700.0))


def plant(name: str = "pv", kind: str = "onsite_solar", **options: object) -> dict[str, object]:
    return {"id": name, "kind": kind, "max_power_kw": 100, **options}


@pytest.mark.parametrize("certificates", ["sold", "unissued"])
def test_own_energy_whose_certificates_are_gone_counts_as_bought_in_the_market_based_figure(certificates):
    rows = {IMPORT: 20.0, PV: 20.0}
    kept = emitted([plant()], rows)
    gone = emitted([plant(certificates=certificates)], rows)
    assert kept.market.sum() == kept.location.sum() == gone.location.sum() == 20 * 700
    assert gone.market.sum() == 40 * 700
    assert gone.market_unmatched.sum() == gone.market_parted.sum() == 20 * 700


def test_it_takes_the_residual_mix_and_is_not_known_where_no_factor_is():
    residual = GridMix(np.full(4, 0.3), np.full(4, 700.0), residual_g_per_kwh=np.full(4, 900.0))
    sold = [plant(certificates="sold")]
    assert emitted(sold, {IMPORT: 20.0, PV: 20.0}, residual).market.sum() == 40 * 900
    blind = emitted(sold, {IMPORT: 0.0, PV: 20.0}, GridMix.unknown(4))
    assert np.isnan(blind.market).all()
    assert blind.location.sum() == 0


def test_what_went_out_is_not_bought_unless_a_generator_may_have_given_it():
    sold = plant(certificates="sold")
    out = emitted([sold], {IMPORT: 20.0, EXPORT: 15.0, PV: 20.0})
    assert out.market_parted.sum() == 5 * 700
    diesel = plant("diesel", "generator", carbon_g_per_kwh=800.0)
    burnt = emitted([sold, diesel], {IMPORT: 20.0, EXPORT: 15.0, PV: 20.0, "supply/diesel/energy": 10.0})
    assert burnt.market_parted.sum() == 15 * 700


def test_every_scope_that_may_be_told_bounds_what_is_not_known_by_its_highest_factor():
    whole = GridMix(
        np.full(4, 0.3), np.full(4, 700.0), lifecycle_g_per_kwh=np.array([800.0, 900, np.nan, 700])
    )
    found = {name: float(factor.max()) for name, factor in highest_factors(whole).items()}
    assert found == {"location_g_per_kwh": 700.0, "market_g_per_kwh": 700.0, "lifecycle_g_per_kwh": 900.0}


def test_contracts_may_cover_it_once_and_never_more_than_is_bought():
    supplies = [plant(certificates="sold"), plant("wind", "ppa_wind", zone="PL")]
    found = emitted(supplies, {IMPORT: 20.0, PV: 20.0, "supply/wind/energy": 30.0})
    assert found.contracted["wind"].sum() == 30 * KWH
    assert (found.unmatched.sum(), found.parted.sum()) == (0, 10 * KWH)
    assert found.market.sum() == 10 * 700
