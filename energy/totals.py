"""Sums over one step, from which every KPI is computed: numerators and denominators, never ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from energy.balance import Balance
from energy.gridmix import GridMix
from energy.matching import Match
from telemetry.frame import Floats


@dataclass(frozen=True)
class Totals:
    """Sums of one site over one step; those of several sites add up to those of all. Energy in Wh.

    Attributes:
        expected: quarters settled; ``edc_known``, ``eit_known``: those in which the energy is known.
        edc_missing: bound on the E_DC of the quarters in which it is not known: each is taken to be as high
            as the highest that is known, bounds included. It stands in the denominators of the green
            shares, so that a hole in the data never makes a share greener.
        pue_edc, pue_eit, pue_known: over the quarters in which both are known.
        renewable: claimable whatever its hour, no more than E_DC plus ``edc_missing``.
        cfe: matched energy and the carbon-free part of the grid's; ``cfe_blind``: energy from the grid in
            hours without a known mix, which counts as not carbon-free.
        co2_g, co2_eit, co2_known: over the quarters in which energy and factors are known.
        water_l, water_eit, water_known: likewise; ``water_known`` is None without a water meter.
        reuse, reuse_edc, reuse_known: likewise with E_DC; None without a heat meter.
        ere_edc, ere_eit, ere_reuse, ere_known: where all three are known.
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
    pue_edc: float = 0.0
    pue_eit: float = 0.0
    pue_known: float = 0.0
    green: float = 0.0
    other: float = 0.0
    unknown: float = 0.0
    renewable: float = 0.0
    cfe: float = 0.0
    cfe_blind: float = 0.0
    co2_g: float = 0.0
    co2_eit: float = 0.0
    co2_known: float = 0.0
    water_l: float = 0.0
    water_eit: float = 0.0
    water_known: float | None = None
    reuse: float = 0.0
    reuse_edc: float = 0.0
    reuse_known: float | None = None
    ere_edc: float = 0.0
    ere_eit: float = 0.0
    ere_reuse: float = 0.0
    ere_known: float = 0.0
    registers_expected: float = 0.0
    registers_known: float = 0.0
    corrections: float = 0.0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(_plus(getattr(self, f.name), getattr(other, f.name)) for f in fields(Totals)))


@dataclass(frozen=True)
class Columns:
    """What is summed, per quarter: ``matrix`` is float64[names, quarters], 0 where not known.

    ``peaks`` is how high E_DC may have been, 0 where nothing tells; ``unmetered`` are the counts that are
    None for want of a meter.
    """

    names: tuple[str, ...]
    matrix: Floats
    peaks: Floats
    unmetered: frozenset[str]

    def totals(self, low: int, high: int) -> Totals:
        """The sums over the settled quarters from index ``low`` up to ``high``; an empty range is zero."""
        sums: dict[str, float | None] = dict(
            zip(self.names, self.matrix[:, low:high].sum(axis=1).tolist(), strict=True)
        )
        known, edc = float(sums["edc_known"] or 0), float(sums["edc"] or 0)
        missing = (high - low - known) * float(self.peaks[low:high].max(initial=0.0))
        sums |= {"edc_missing": missing, "expected": float(high - low)}
        sums["renewable"] = min(float(sums["renewable"] or 0), edc + missing)
        sums |= dict.fromkeys(self.unmetered)
        return Totals(**sums)  # type: ignore[arg-type]


def totals(balance: Balance, match: Match, mix: GridMix, cuts: Sequence[tuple[int, int]]) -> list[Totals]:
    """The sums over each of ``cuts``: index ranges of settled quarters, in order."""
    summed = columns(balance, match, mix)
    return [summed.totals(low, high) for low, high in cuts]


def columns(balance: Balance, match: Match, mix: GridMix) -> Columns:
    """Every numerator and denominator per quarter-hour."""
    found = _columns(balance, match, mix)
    matrix = np.nan_to_num(np.vstack(list(found.values())), copy=False) + 0.0  # no sum is told as -0
    metered = {"water_known": balance.water_l, "reuse_known": balance.reuse}
    unmetered = frozenset(name for name, meter in metered.items() if meter is None)
    return Columns(tuple(found), matrix, np.nan_to_num(balance.told), unmetered)


def _columns(balance: Balance, match: Match, mix: GridMix) -> dict[str, Floats]:
    edc, eit = balance.edc, balance.eit
    nothing = np.zeros(len(edc))
    water = nothing if balance.water_l is None else balance.water_l
    reuse = nothing if balance.reuse is None else balance.reuse
    residual = np.minimum(edc - match.matched, balance.grid)
    blind = np.isnan(mix.carbon_free_share) & (residual > 0)
    grid_g = np.where(balance.grid == 0, 0.0, balance.grid / 1000 * mix.carbon_g_per_kwh)
    columns = {
        "edc": edc,
        "edc_known": _known(edc),
        "edc_estimated": np.where(balance.estimated, edc, 0.0),
        "eit": eit,
        "eit_known": _known(eit),
        "green": match.matched,
        "other": match.other,
        "unknown": match.unknown,
        "renewable": np.where(np.isnan(edc), 0.0, _volume(balance)),
        "cfe": match.matched + np.where(blind, 0.0, residual * np.nan_to_num(mix.carbon_free_share)),
        "cfe_blind": np.where(blind, residual, 0.0),
        "registers_expected": balance.expected.astype(np.float64),
        "registers_known": balance.known.astype(np.float64),
        "corrections": balance.corrections.astype(np.float64),
    }
    columns |= _together("pue", {"edc": edc, "eit": eit})
    columns |= _together("co2", {"g": grid_g + balance.generator_g, "eit": eit})
    columns |= _together("water", {"l": water, "eit": eit})
    reused = _together("reuse", {"": reuse, "edc": edc})
    columns |= {name.rstrip("_"): column for name, column in reused.items()}
    columns |= _together("ere", {"edc": edc, "eit": eit, "reuse": reuse})
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


def _plus(one: Any, other: Any) -> Any:
    """The sum; a site without the meter leaves the other's alone."""
    if one is None or other is None:
        return one if other is None else other
    return one + other
