"""The factors behind a figure: which energy was counted with which factor, from whom, in which version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from energy.carbon.emission import Emissions, emissions
from energy.carbon.factor import RESIDUAL
from energy.carbon.factor_row import FactorRow, Scope
from energy.configuration.supply import SupplyKind
from energy.sums.balance import Balance
from energy.sums.gridmix import GridMix, Origin
from energy.sums.line import Flags
from energy.sums.matching import Match
from energy.sums.totals import Totals
from telemetry.frame import Floats

_TOLD = {
    "told": "as told on dc/v1/grid/{zone}, hour by hour",
    "production": "ENTSO-E generation per type, production-based, hour by hour",
    "consumption": "ENTSO-E generation, load and flows, imports traced, consumption-based, hour by hour",
}


@dataclass(frozen=True)
class Account:
    """One site's emissions with all that they were made of; ``key`` names it."""

    key: str
    balance: Balance
    match: Match
    mix: GridMix


def factor_rows(account: Account, cut: tuple[int, int], totals: Totals) -> list[FactorRow]:
    """The lines of all scopes over the quarters of ``cut``, whose sums are ``totals``."""
    found = emissions(account.balance, account.match, account.mix)
    rows = []
    for origin in account.mix.origins:
        part = slice(max(cut[0], origin.first), min(cut[1], origin.until))
        if part.start < part.stop:
            rows += list(_location(account, found, origin, part))
            rows += list(_market(account, found, origin, part))
            rows += list(_scope1(account, found, origin, part))
            rows += list(_lifecycle(account.key, found, origin, part))
    return [*rows, *_missing(account.key, totals)]


def _location(account: Account, found: Emissions, origin: Origin, part: slice) -> Iterator[FactorRow]:
    for how, where in _ways(account, part):
        told = _grid((account.key, "location"), "energy from the grid", how, origin)
        if (known := where & ~np.isnan(found.location[part])).any():
            yield _row(told, found.grid[part], found.location[part], known)


def _ways(account: Account, part: slice) -> Iterator[tuple[str, Flags]]:
    """Each way in which the intensity of quarters of ``part`` came about, and which quarters those are."""
    how = account.mix.how[part] if account.mix.how is not None else np.full(part.stop - part.start, "told")
    for one in dict.fromkeys(way for way in how.tolist() if way is not None):
        yield one, how == one


def _lifecycle(key: str, found: Emissions, origin: Origin, part: slice) -> Iterator[FactorRow]:
    known = ~np.isnan(found.lifecycle[part]) & (found.grid[part] > 0)
    if known.any():
        how = "told" if origin.use.grid == "mqtt" else origin.use.basis
        told = _grid(
            (key, "lifecycle"), "energy from the grid, over the life cycle", f"{how}, lifecycle", origin
        )
        yield _row(told, found.grid[part], found.lifecycle[part], known)


def _market(account: Account, found: Emissions, origin: Origin, part: slice) -> Iterator[FactorRow]:
    use, zone, key = origin.use, origin.site.grid, account.key
    known = ~np.isnan(found.market[part])
    for name, energy in found.contracted.items():
        made = name in account.mix.contract_g_per_kwh
        source = f"{name}: matched in its hour, certificates kept"
        told = FactorRow(
            key, "market", f"matched with {name}", zone, 0.0, None, 0.0, source,
            use.factors.method if made else "direct", use.factors.name if made else "0 by contract",
            made and use.factors.example,
        )  # fmt: skip
        if np.nansum(energy[part]) > 0:
            yield _row(told, energy[part], found.market_contracted[name][part], known)
    for what, energy, grams in (
        ("unmatched", found.unmatched, found.market_unmatched),
        ("own plants without their certificates", found.parted, found.market_parted),
    ):
        if what == "unmatched" or np.nansum(energy[part]) > 0:
            yield from _unmatched((account, origin), what, (energy[part], grams[part]), (part, known))


def _unmatched(
    of: tuple[Account, Origin], what: str, counted: tuple[Floats, Floats], where: tuple[slice, Flags]
) -> Iterator[FactorRow]:
    """Energy that nothing was matched with: by the residual mix where one is valid, else by the grid."""
    (account, origin), (energy, grams), (part, known) = of, counted, where
    use, zone, key = origin.use, origin.site.grid, account.key
    residual = account.mix.residual_g_per_kwh
    has = np.zeros(len(known), dtype=np.bool_) if residual is None else ~np.isnan(residual[part])
    lines: list[tuple[FactorRow, Flags]] = []
    if use.residual is not None and has.any():
        source = use.residual.sources(RESIDUAL, zone)
        lines.append(
            (FactorRow(key, "market", f"{what}, by the residual mix", zone, 0.0, None, 0.0, source,
                       use.residual.method, use.residual.name, use.residual.example), has)
        )  # fmt: skip
    fallback = f"{what}, by the grid of the hour: no residual mix of {zone} is known"
    for how, told_so in _ways(account, part):
        lines.append((_grid((key, "market"), fallback, how, origin), ~has & told_so))
    for told, which in lines:
        if (which & known).any():
            yield _row(told, energy, grams, known & which)


def _scope1(account: Account, found: Emissions, origin: Origin, part: slice) -> Iterator[FactorRow]:
    fuelled = [s for s in origin.site.supply if s.kind is SupplyKind.GENERATOR]
    known = ~np.isnan(found.scope1[part])
    if fuelled and known.any():
        told = [f"{s.id} {s.carbon_g_per_kwh:g} g/kWh" for s in fuelled if s.carbon_g_per_kwh is not None]
        row = FactorRow(
            account.key, "scope1", "generators: " + ", ".join(s.id for s in fuelled), None, 0.0, None, 0.0,
            f"declared in [[sites.{account.key}.supply]]: {', '.join(told) or 'nothing'}",
            "direct", "declared",
        )  # fmt: skip
        yield _row(row, account.balance.generator[part], found.scope1[part], known)


def _missing(key: str, totals: Totals) -> Iterator[FactorRow]:
    lines: tuple[tuple[Scope, float, float], ...] = (
        ("location", totals.location_known, totals.location_missing),
        ("market", totals.market_known, totals.market_missing),
        ("scope1", totals.scope1_known, totals.scope1_missing),
    )
    if totals.lifecycle_known > 0:
        lines = (*lines, ("lifecycle", totals.lifecycle_known, totals.lifecycle_missing))
    for scope, known, grams in lines:
        count = totals.expected - known
        if count > 0:
            what = f"{count:,.0f} quarter-hours that are not known"
            source = "each taken to be as high as the highest that is known, or may have been"
            yield FactorRow(key, scope, what, None, None, None, grams, source, "estimated", "–")


def _grid(of: tuple[str, Scope], what: str, how: str, origin: Origin) -> FactorRow:
    """A line by the mix of the hour, which came about as ``how`` says, without its sums."""
    (key, scope), zone = of, origin.site.grid
    factors = origin.use.lifecycle if scope == "lifecycle" else origin.use.factors
    way = how.partition(",")[0]
    source, version = _TOLD[way].format(zone=zone.lower()), f"hours up to version {origin.version}"
    if way == "told" or factors is None:
        return FactorRow(key, scope, what, zone, 0.0, None, 0.0, source, how, version)
    source, version = f"{source}; {factors.source}", f"{factors.name}, {version}"
    return FactorRow(key, scope, what, zone, 0.0, None, 0.0, source, how, version, factors.example)


def _row(told: FactorRow, energy: Floats, grams: Floats, where: Flags) -> FactorRow:
    wh, co2 = float(np.nansum(energy[where])), float(np.nansum(grams[where]))
    return replace(told, energy_wh=wh, g_per_kwh=1000 * co2 / wh if wh > 0 else None, co2_g=co2)
