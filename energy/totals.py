"""Sums over one step, from which every KPI is computed: numerators and denominators, never ratios."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from energy.balance import Balance
from energy.gridmix import GridMix
from energy.matching import Match
from telemetry.frame import Floats


@dataclass(frozen=True)
class Totals:
    """Sums of one site over one step; those of several sites add up to those of all. Energy in Wh.

    Attributes:
        expected: quarters settled in which the site was there; ``edc_known``, ``eit_known``: those in which
            the energy is known.
        edc_missing: bound on the E_DC of the quarters in which it is not known: each is taken to be as high
            as the highest that is known, bounds included. It stands in the denominators of the green
            shares, so that a hole in the data never makes a share greener.
        edc_refuted: how many of the known quarters E_IT contradicts, ``refuted_wh`` their E_DC; each is taken
            to be as high as a missing one.
        pue_edc, pue_eit, pue_known: over the quarters in which both are known and agree.
        both_edc, both_eit, both_known: whether or not they agree; ``both_released``: what batteries gave in
            these less what they took, which passes the inlet when they are charged.
        renewable: claimable whatever its hour, no more than E_DC plus ``edc_missing``.
        cfe: matched energy and the carbon-free part of the grid's; ``cfe_blind``: energy from the grid in
            hours without a known mix, which counts as not carbon-free.
        rest_grid: energy from the grid that nothing was matched with.
        co2_g, co2_grid, co2_eit, co2_known: over the quarters in which energy and factors are known.
        water_l, water_eit, water_known: likewise.
        reuse, reuse_edc, reuse_known: likewise with E_DC.
        ere_edc, ere_eit, ere_reuse, ere_known: where all three are known.
        waterless, heatless: the sites, by name, that have no meter of it: what they use is not known.
        silent: the sites, by name, of which nothing was ever settled, though others were.
        registers_expected, registers_known: register intervals behind the figures.
        corrections: revisions beyond the first.
    """

    expected: float = 0.0
    edc: float = 0.0
    edc_known: float = 0.0
    edc_estimated: float = 0.0
    edc_missing: float = 0.0
    eit: float = 0.0
    eit_known: float = 0.0
    edc_refuted: float = 0.0
    refuted_wh: float = 0.0
    pue_edc: float = 0.0
    pue_eit: float = 0.0
    pue_known: float = 0.0
    both_edc: float = 0.0
    both_eit: float = 0.0
    both_released: float = 0.0
    both_known: float = 0.0
    green: float = 0.0
    other: float = 0.0
    unknown: float = 0.0
    renewable: float = 0.0
    cfe: float = 0.0
    cfe_blind: float = 0.0
    rest_grid: float = 0.0
    co2_g: float = 0.0
    co2_grid: float = 0.0
    co2_eit: float = 0.0
    co2_known: float = 0.0
    water_l: float = 0.0
    water_eit: float = 0.0
    water_known: float = 0.0
    reuse: float = 0.0
    reuse_edc: float = 0.0
    reuse_known: float = 0.0
    ere_edc: float = 0.0
    ere_eit: float = 0.0
    ere_reuse: float = 0.0
    ere_known: float = 0.0
    registers_expected: float = 0.0
    registers_known: float = 0.0
    corrections: float = 0.0
    waterless: tuple[str, ...] = ()
    heatless: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Totals)))

    def told(self) -> dict[str, float]:
        """The sums behind the figures by name and unit, in Wh, g and l; what is not known is left out.

        ``grid_wh``, ``co2_eit_wh``, ``water_eit_wh`` and ``reused_edc_wh`` cover the quarters of the sum that
        they stand beside.
        """
        found: dict[str, float] = {}
        if self.edc_known:
            found |= {"renewable_wh": self.renewable, "missing_wh": self.edc_missing}
            found |= {"rest_grid_wh": self.rest_grid, "carbon_free_wh": self.cfe}
        if self.co2_known:
            found |= {"grid_wh": self.co2_grid, "co2_g": self.co2_g, "co2_eit_wh": self.co2_eit}
        if self.water_known and not self.waterless:
            found |= {"water_l": self.water_l, "water_eit_wh": self.water_eit}
        if self.reuse_known and not self.heatless:
            found |= {"reused_wh": self.reuse, "reused_edc_wh": self.reuse_edc}
        return {name: round(value, 3) for name, value in found.items()}


@dataclass(frozen=True)
class Columns:
    """What is summed, per quarter: ``matrix`` is float64[names, quarters], 0 where not known.

    ``peaks`` is how high E_DC may have been, 0 where nothing tells; ``waterless`` and ``heatless`` name the
    site if it has no such meter.
    """

    names: tuple[str, ...]
    matrix: Floats
    peaks: Floats
    waterless: tuple[str, ...]
    heatless: tuple[str, ...]

    def totals(self, low: int, high: int) -> Totals:
        """The sums over the settled quarters from index ``low`` up to ``high``; an empty range is zero."""
        sums: dict[str, float] = dict(
            zip(self.names, self.matrix[:, low:high].sum(axis=1).tolist(), strict=True)
        )
        peak = float(self.peaks[low:high].max(initial=0.0))
        missing = (sums["expected"] - sums["edc_known"] + sums["edc_refuted"]) * peak - sums["refuted_wh"]
        sums["edc_missing"] = missing
        sums["renewable"] = max(0.0, min(sums["renewable"], sums["edc"] + missing))
        return Totals(**sums, waterless=self.waterless, heatless=self.heatless, silent=())


def columns(balance: Balance, match: Match, mix: GridMix) -> Columns:
    """Every numerator and denominator per quarter-hour."""
    found = _columns(balance, match, mix)
    matrix = np.nan_to_num(np.vstack(list(found.values())), copy=False) + 0.0  # no sum is told as -0
    waterless = (balance.site,) if balance.water_l is None else ()
    heatless = (balance.site,) if balance.reuse is None else ()
    return Columns(tuple(found), matrix, np.nan_to_num(balance.told), waterless, heatless)


def _columns(balance: Balance, match: Match, mix: GridMix) -> dict[str, Floats]:
    edc, eit = balance.edc, balance.eit
    sound = np.where(balance.refuted, np.nan, edc)
    unmetered = np.full(len(edc), np.nan)
    water = unmetered if balance.water_l is None else balance.water_l
    reuse = unmetered if balance.reuse is None else balance.reuse
    residual = np.minimum(edc - match.matched, balance.grid)
    blind = np.isnan(mix.carbon_free_share) & (residual > 0)
    grid_g = np.where(balance.grid == 0, 0.0, balance.grid / 1000 * mix.carbon_g_per_kwh)
    columns = {
        "expected": balance.there.astype(np.float64),
        "edc": edc,
        "edc_known": _known(edc),
        "edc_refuted": balance.refuted.astype(np.float64),
        "refuted_wh": np.where(balance.refuted, edc, 0.0),
        "edc_estimated": np.where(balance.estimated, edc, 0.0),
        "eit": eit,
        "eit_known": _known(eit),
        "green": match.matched,
        "other": match.other,
        "unknown": match.unknown,
        "renewable": np.where(np.isnan(edc), 0.0, _volume(balance) - balance.fed),
        "cfe": match.matched + np.where(blind, 0.0, residual * np.nan_to_num(mix.carbon_free_share)),
        "cfe_blind": np.where(blind, residual, 0.0),
        "rest_grid": residual,
        "registers_expected": balance.expected.astype(np.float64),
        "registers_known": balance.known.astype(np.float64),
        "corrections": balance.corrections.astype(np.float64),
    }
    columns |= _together("both", {"edc": edc, "eit": eit, "released": balance.released})
    columns |= _together("pue", {"edc": sound, "eit": eit})
    grid = np.where(balance.refuted, np.nan, balance.grid)
    columns |= _together("co2", {"g": grid_g + balance.generator_g, "grid": grid, "eit": eit})
    columns |= _together("water", {"l": water, "eit": eit})
    reused = _together("reuse", {"": reuse, "edc": sound})
    columns |= {name.rstrip("_"): column for name, column in reused.items()}
    columns |= _together("ere", {"edc": sound, "eit": eit, "reuse": reuse})
    return columns


def _together(prefix: str, columns: dict[str, Floats]) -> dict[str, Floats]:
    """Each column where all are known, 0 elsewhere, and how many quarters that is."""
    every = _known(sum(columns.values(), start=np.zeros(1)))
    kept = {f"{prefix}_{name}": np.where(every > 0, column, 0.0) for name, column in columns.items()}
    return {**kept, f"{prefix}_known": every}


def _volume(balance: Balance) -> Floats:
    """What may be claimed whatever its hour; a supply that is not known adds nothing."""
    return sum((np.nan_to_num(v) for v in balance.volume.values()), start=np.zeros(len(balance.edc)))


def _known(column: Floats) -> Floats:
    return (~np.isnan(column)).astype(np.float64)
