"""The factors behind a figure: which energy was counted with which factor, from whom, in which version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from energy.balance import Balance
from energy.carbon.emission import Emissions, emissions
from energy.carbon.factor import RESIDUAL
from energy.carbon.factor_row import FactorRow, Scope
from energy.gridmix import GridMix, Origin
from energy.line import Flags
from energy.matching import Match
from energy.supply import SupplyKind
from energy.totals import Totals
from telemetry.frame import Floats

_TOLD = {
    "told": "as told on dc/v1/grid/{zone}, hour by hour",
    "production": "ENTSO-E generation per type, production-based, hour by hour",
    "consumption": "flow tracing, consumption-based, hour by hour",
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
            rows += list(_location(account.key, found, origin, part))
            rows += list(_market(account, found, origin, part))
            rows += list(_scope1(account, found, origin, part))
    return [*rows, *_missing(account.key, totals)]


def _location(key: str, found: Emissions, origin: Origin, part: slice) -> Iterator[FactorRow]:
    known = ~np.isnan(found.location[part])
    if known.any():
        told = _grid(key, "location", "energy from the grid", origin)
        yield _row(told, found.grid[part], found.location[part], known)


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
    lines.append((_grid(key, "market", fallback, origin), ~has))
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
    for scope, known, grams in lines:
        count = totals.expected - known
        if count > 0:
            what = f"{count:,.0f} quarter-hours that are not known"
            source = "each taken to be as high as the highest that is known"
            yield FactorRow(key, scope, what, None, None, None, grams, source, "estimated", "–")


def _grid(key: str, scope: Scope, what: str, origin: Origin) -> FactorRow:
    """A line by the mix of the hour, without its sums."""
    zone, factors = origin.site.grid, origin.use.factors
    method = origin.method or "told"
    source, version = _TOLD[method].format(zone=zone.lower()), f"hours up to version {origin.version}"
    if method != "told":
        source, version = f"{source}; {factors.source}", f"{factors.name}, {version}"
        method = f"{method}, {factors.method}"
    example = factors.example and origin.method == "production"
    return FactorRow(key, scope, what, zone, 0.0, None, 0.0, source, method, version, example)


def _row(told: FactorRow, energy: Floats, grams: Floats, where: Flags) -> FactorRow:
    wh, co2 = float(np.nansum(energy[where])), float(np.nansum(grams[where]))
    return replace(told, energy_wh=wh, g_per_kwh=1000 * co2 / wh if wh > 0 else None, co2_g=co2)
