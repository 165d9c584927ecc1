"""What the energy of each quarter-hour emitted, in grams of CO2e by scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy.sums.balance import Balance
from energy.sums.gridmix import GridMix
from energy.sums.matching import Match
from energy.sums.splice import CERTIFICATES
from telemetry.frame import Floats

_PARTS = 4096
"""Grams are told to 1/4096: such fractions add up without an error, in any order and any grouping."""

_DUST = 1e-6
"""Wh: what adding binary fractions up may lose."""

SCOPES = ("location", "market", "scope1", "lifecycle")
"""Scope 2 by the mix of the place, scope 2 by contracts, and what is burnt on site: never added up. Beside
them the grid over the life cycle, which is in none of them."""


@dataclass(frozen=True)
class Emissions:
    """Per quarter, NaN where not known; energies in Wh, emissions in g. Sums of them are exact.

    Attributes:
        grid: energy from the grid, that of an inlet that was refuted or only estimated taken as not known.
        parted: energy of own plants whose certificates are sold or were never issued: whoever buys them has
            its zero, so that here it is bought like energy from the grid.
        contracted: what of both contracts and time-stamped certificates were matched with, by their name;
            ``unmatched`` the rest of ``grid``, unknown energy included, and ``parted`` that of the other.
        location: ``grid`` by the mix of its hour.
        market: ``unmatched`` and ``parted`` by the residual mix or without one by that of the hour, and what
            is contracted.
        market_unmatched, market_parted, market_contracted: what ``market`` is the sum of.
        scope1: what fuelled generators emitted.
        lifecycle: ``grid`` by the mix of its hour, with what lies upstream of it; no scope 2.
    """

    grid: Floats
    unmatched: Floats
    parted: Floats
    contracted: Mapping[str, Floats]
    location: Floats
    market: Floats
    market_unmatched: Floats
    market_parted: Floats
    market_contracted: Mapping[str, Floats]
    scope1: Floats
    lifecycle: Floats


def emissions(balance: Balance, match: Match, mix: GridMix) -> Emissions:
    """The grams of every quarter of one site."""
    grid = np.where(balance.refuted | balance.guessed, np.nan, balance.grid)
    nowhere = np.full(len(grid), np.nan)
    contracted = _covered(balance, match, grid + balance.parted)
    rest = grid + balance.parted - sum(contracted.values(), start=np.zeros(len(grid)))
    parted = np.minimum(rest, balance.parted)
    unmatched = rest - parted
    delivered = {
        name: _grams(wh, mix.contract_g_per_kwh[name]) if name in mix.contract_g_per_kwh else 0.0 * wh
        for name, wh in contracted.items()
    }
    from_grid, from_plants = (_grams(wh, mix.unmatched_g_per_kwh) for wh in (unmatched, parted))
    return Emissions(
        grid=grid,
        unmatched=unmatched,
        parted=parted,
        contracted=contracted,
        location=_grams(grid, mix.carbon_g_per_kwh),
        market=sum(delivered.values(), start=from_grid + from_plants),
        market_unmatched=from_grid,
        market_parted=from_plants,
        market_contracted=delivered,
        scope1=_exact(balance.generator_g),
        lifecycle=_grams(grid, nowhere if mix.lifecycle_g_per_kwh is None else mix.lifecycle_g_per_kwh),
    )


def _covered(balance: Balance, match: Match, bought: Floats) -> dict[str, Floats]:
    """What contracts and time-stamped certificates cover of the energy that is ``bought``, by their name.

    What batteries took by contract is not among it: that energy counts as unmatched when it is charged. Where
    they cover more than was bought, as some of the load came from a battery, each covers its part.
    """
    found = {
        name: np.maximum(wh, 0.0)
        for name, wh in match.green.items()
        if name in balance.ppa or name.startswith(f"{CERTIFICATES}:")
    }
    covered = sum(found.values(), start=np.zeros(len(bought)))
    part = np.divide(bought, covered, out=np.ones_like(bought), where=(covered > bought) & (covered > 0))
    return {name: np.floor(wh * part + _DUST) for name, wh in found.items()}


def emission_columns(found: Emissions, balance: Balance) -> dict[str, Floats]:
    """What is summed of them: grams and how many quarters they are known in; and with E_IT, for CUE."""
    columns: dict[str, Floats] = {}
    for scope in SCOPES:
        grams = getattr(found, scope)
        known = ~np.isnan(grams) & balance.there
        columns |= {f"{scope}_g": grams, f"{scope}_known": known.astype(np.float64)}
    boundless = np.isnan(balance.generator) & np.isnan(balance.burnable_g) & balance.there
    columns["scope1_boundless"] = boundless.astype(np.float64)
    columns["scope1_blind"] = np.where(np.isnan(found.scope1), np.nan_to_num(balance.generator), 0.0)
    return columns


def missing_grams(sums: Mapping[str, float], highest: Mapping[str, float]) -> dict[str, float]:
    """Bounds on what was emitted in quarters that are not known; ``sums`` are of all, ``highest`` of any.

    Each is taken to be as high as the highest that is known, and of energy from the grid as the highest draw
    at the highest factor, of generators as their highest power: a hole in the data is never green.
    """
    # Energy of own plants without its certificates counts like the grid's, in the market-based figure.
    drawn = {scope: highest["edc" if scope == "market" else "drawn"] for scope in SCOPES}
    most = {scope: drawn[scope] / 1000 * highest.get(factor_of(scope), 0.0) for scope in SCOPES}
    most["scope1"] = highest["scope1_most"]
    return {
        f"{scope}_missing": max(0.0, sums["expected"] - sums[f"{scope}_known"])
        * max(highest[f"{scope}_g"], most[scope])
        for scope in SCOPES
    }


def highest_factors(mix: GridMix) -> dict[str, Floats]:
    """g/kWh of energy from the grid by the name of its scope's factor, the highest there is; 0 if none."""
    market = mix.unmatched_g_per_kwh
    for contract in mix.contract_g_per_kwh.values():
        market = np.fmax(market, contract)
    found = {"location": mix.carbon_g_per_kwh, "market": market}
    if mix.lifecycle_g_per_kwh is not None:
        found["lifecycle"] = mix.lifecycle_g_per_kwh
    return {factor_of(scope): np.nan_to_num(factor) for scope, factor in found.items()}


def factor_of(scope: str) -> str:
    """How the highest factor of ``scope`` is called."""
    return f"{scope}_g_per_kwh"


def _grams(wh: Floats, g_per_kwh: Floats) -> Floats:
    return _exact(np.where(wh == 0, 0.0, wh / 1000 * g_per_kwh))


def _exact(grams: Floats) -> Floats:
    return np.rint(grams * _PARTS) / _PARTS
