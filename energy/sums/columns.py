"""What is summed of a site per quarter-hour: numerators and denominators of every figure, in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy.carbon.emission import SCOPES, Emissions, emission_columns, emissions, highest_factors
from energy.sums.balance import Balance
from energy.sums.gridmix import GridMix
from energy.sums.matching import RUNGS, Match
from energy.sums.storage import Stored
from energy.sums.summed import Summed
from energy.sums.totals import Totals, totals_of
from energy.tree.apart import apart_columns
from telemetry.frame import Floats


@dataclass(frozen=True)
class Columns:
    """What is summed, per quarter: ``matrix`` is float64[names, quarters], 0 where not known.

    ``peaks`` are how high E_DC (``edc``), the load (``load``) and what was drawn (``drawn``) may have been by
    what was told or declared, 0 where neither is, ``scope1_most`` g that generators emit at most; ``factors``
    are g/kWh of energy from the grid by scope, at most. ``waterless`` and ``heatless`` name the ``site`` if
    it has no such meter.
    """

    names: tuple[str, ...]
    matrix: Floats
    peaks: Mapping[str, Floats]
    factors: Mapping[str, Floats]
    waterless: tuple[str, ...]
    heatless: tuple[str, ...]
    site: str = ""

    def totals(self, low: int, high: int) -> Totals:
        """The sums over the settled quarters from index ``low`` up to ``high``; an empty range is zero."""
        return totals_of(self.summed(low, high), self.site, self.waterless, self.heatless)

    def summed(self, low: int, high: int) -> Summed:
        """What the same quarters add up to, so that it can be added to what others do."""
        part = self.matrix[:, low:high]
        sums = dict(zip(self.names, part.sum(axis=1).tolist(), strict=True))
        highest = {name: float(peak[low:high].max(initial=0.0)) for name, peak in self.peaks.items()}
        grams = (f"{scope}_g" for scope in SCOPES)
        highest |= {name: float(part[self.names.index(name)].max(initial=0.0)) for name in grams}
        highest |= {name: float(wh[low:high].max(initial=0.0)) for name, wh in self.factors.items()}
        return Summed(sums, highest)


def columns(balance: Balance, store: Stored, match: Match, mix: GridMix) -> Columns:
    """Every numerator and denominator per quarter-hour."""
    found = _columns(balance, store, match, mix)
    matrix = np.nan_to_num(np.vstack(list(found.values())), copy=False) + 0.0  # no sum is told as -0
    waterless = (balance.site,) if balance.water_l is None else ()
    heatless = (balance.site,) if balance.reuse is None else ()
    return Columns(
        names=tuple(found),
        matrix=matrix,
        peaks=_peaks(balance, store),
        factors=highest_factors(mix),
        waterless=waterless,
        heatless=heatless,
        site=balance.site,
    )


def _peaks(balance: Balance, store: Stored) -> dict[str, Floats]:
    """How high each was, lower bounds counted, and may have been by what the site declares."""
    told = {"drawn": balance.told, "edc": balance.told, "load": balance.told_load + store.spilt}
    rated = {name: np.where(balance.there, wh, 0.0) for name, wh in balance.rated.items()}
    found = {name: np.maximum(np.fmax(wh, rated[name]), 0.0) for name, wh in told.items()}
    return found | {"scope1_most": np.where(balance.there, np.nan_to_num(balance.burnable_g), 0.0)}


def _columns(balance: Balance, store: Stored, match: Match, mix: GridMix) -> dict[str, Floats]:
    edc = balance.edc
    residual = _from_the_grid(balance, store, match)
    blind = np.isnan(mix.carbon_free_share) & (residual > 0)
    emitted = emissions(balance, match, mix)
    columns = {
        "expected": balance.there.astype(np.float64),
        **_energies(balance),
        "green": match.matched,
        "other": match.other,
        "unknown": match.unknown,
        "renewable": np.where(np.isnan(edc), 0.0, _volume(balance) - balance.fed),
        "vouched": np.where(np.isnan(edc), 0.0, balance.vouched),
        **_volumes(balance),
        "cfe": match.matched + np.where(blind, 0.0, residual * np.nan_to_num(mix.carbon_free_share)),
        "cfe_blind": np.where(blind, residual, 0.0),
        "rest_grid": residual,
        "registers_expected": balance.expected.astype(np.float64),
        "registers_known": balance.known.astype(np.float64),
        "corrections": balance.corrections.astype(np.float64),
    }
    columns |= {f"rung_{rung}": match.rungs[rung] for rung in RUNGS}
    columns |= {**_stores(balance, store), "spilt": store.spilt}
    columns |= emission_columns(emitted, balance)
    columns |= _ratios(balance, emitted)
    columns |= apart_columns(balance.apart, len(edc))
    return columns


def _energies(balance: Balance) -> dict[str, Floats]:
    """E_DC, load and E_IT, how much of them is in doubt, and how much of each input was estimated."""
    edc, eit = balance.edc, balance.eit
    unsure = balance.refuted | balance.guessed
    columns = {
        "edc": edc,
        "edc_known": _known(edc),
        "edc_refuted": unsure.astype(np.float64),
        "refuted_wh": np.where(unsure, edc, 0.0),
        "load": balance.load,
        "load_known": _known(balance.load),
        "refuted_load": np.where(unsure, balance.load, 0.0),
        "load_refuted": np.where(unsure, _known(balance.load), 0.0),
        "eit": eit,
        "eit_known": _known(eit),
        "eit_guessed": _known(eit) * balance.eit_guessed,
        "supply": sum((np.nan_to_num(wh) for wh in balance.available.values()), start=np.zeros(len(edc))),
        "cooling": balance.cooling,
    }
    return columns | {f"{name}_estimated": wh for name, wh in balance.estimates.items()}


def _ratios(balance: Balance, emitted: Emissions) -> dict[str, Floats]:
    """What ratios are made of, each over the quarters in which all of its parts are measured."""
    edc = np.where(balance.guessed, np.nan, balance.edc)
    sound, eit = np.where(balance.refuted, np.nan, edc), np.where(balance.eit_guessed, np.nan, balance.eit)
    unmetered = np.full(len(edc), np.nan)
    water = unmetered if balance.water_l is None else balance.water_l
    reuse = unmetered if balance.reuse is None else balance.reuse
    grams = emitted.location + emitted.scope1
    columns = _together("both", {"edc": edc, "eit": eit, "released": balance.released})
    columns |= _together("pue", {"edc": sound, "eit": eit})
    columns |= _together("co2", {"g": grams, "grid": emitted.grid, "eit": eit})
    columns |= _together("co2m", {"g": emitted.market + emitted.scope1, "eit": eit})
    columns |= _together("water", {"l": water, "eit": eit})
    columns |= {"water_in": water, "water_in_known": _known(water)}
    columns |= {"heat_out": reuse, "heat_out_known": _known(reuse)}
    reused = _together("reuse", {"": reuse, "edc": sound})
    columns |= {name.rstrip("_"): column for name, column in reused.items()}
    return columns | _together("ere", {"edc": sound, "eit": eit, "reuse": reuse})


def _from_the_grid(balance: Balance, store: Stored, match: Match) -> Floats:
    """What of the load nothing was matched with and the grid gave: what it gave a battery is no load."""
    if not balance.batteries.charge:
        return np.minimum(balance.edc - match.matched, balance.grid)
    kept = sum(store.kept.values(), start=np.zeros(len(balance.load)))
    to_load = balance.grid - np.maximum(balance.batteries.taken - kept, 0.0)
    return np.minimum(np.maximum(balance.load - match.matched, 0.0), np.maximum(to_load, 0.0))


def _stores(balance: Balance, store: Stored) -> dict[str, Floats]:
    """What went through batteries, where the load is known."""
    known, flows = ~np.isnan(balance.load), balance.batteries
    kept = sum(store.kept.values(), start=np.zeros(len(known)))
    lost = flows.drawn - flows.given
    columns = {"charged": flows.taken, "withdrawn": flows.drawn, "lost": lost, "kept": kept}
    return {name: np.where(known, column, 0.0) for name, column in columns.items()}


def _together(prefix: str, columns: dict[str, Floats]) -> dict[str, Floats]:
    """Each column where all are known, 0 elsewhere, and how many quarters that is."""
    every = _known(sum(columns.values(), start=np.zeros(1)))
    kept = {f"{prefix}_{name}": np.where(every > 0, column, 0.0) for name, column in columns.items()}
    return {**kept, f"{prefix}_known": every}


def _volumes(balance: Balance) -> dict[str, Floats]:
    """What own plants and contracts delivered for the site, where E_DC is known, less what was fed out again.

    Below 0 where a battery feeds the grid with what was stored in another quarter. Where E_DC is not known,
    all that batteries gave may have gone there.
    """
    known, nothing = ~np.isnan(balance.edc), np.zeros(len(balance.edc))
    fed = np.where(known, balance.fed, np.nan_to_num(balance.batteries.given))
    contracts = [wh for name, wh in balance.volume.items() if name not in balance.onsite]
    own = [wh for name, wh in balance.volume.items() if name in balance.onsite]
    return {
        "volume_onsite": np.where(known, balance.own, 0.0) - fed,
        "volume_ppa": np.where(known, _volume(balance) - balance.own, 0.0),
        "onsite_known": known * _known(sum(own, start=nothing)),
        "ppa_known": known * _known(sum(contracts, start=nothing)),
    }


def _volume(balance: Balance) -> Floats:
    """What may be claimed whatever its hour; a supply that is not known adds nothing."""
    return sum((np.nan_to_num(v) for v in balance.volume.values()), start=np.zeros(len(balance.edc)))


def _known(column: Floats) -> Floats:
    return (~np.isnan(column)).astype(np.float64)
