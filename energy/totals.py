"""Sums over one step, from which every KPI is computed: numerators and denominators, never ratios."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields

import numpy as np

from energy.balance import Balance
from energy.carbon.emission import SCOPES, emission_columns, emissions, missing_grams
from energy.covered import Covered
from energy.gridmix import GridMix
from energy.matching import RUNGS, Match
from energy.storage import Stored
from energy.trailing.summed import Summed
from energy.tree.apart import Hall, apart_columns, taken_halls
from telemetry.frame import Floats


@dataclass(frozen=True)
class Totals:
    """Sums of one site over one step; those of several sites add up to those of all. Energy in Wh.

    Attributes:
        expected: quarters settled in which the site was there; ``edc_known``, ``eit_known``: those in which
            the energy is known.
        edc_missing: bound on the E_DC of the quarters in which it is not known: each is taken to be as high
            as the highest that is known, bounds included.
        load, load_known, load_missing: likewise of the load, E_DC less what charged batteries plus what left
            them. Over ``load + load_missing`` green shares are told, so that a hole in the data never makes a
            share greener.
        charged, withdrawn, lost: what batteries took, what left their stores, and what of that reached
            nobody, where the load is known.
        kept: surplus of own plants and contracts that charged batteries.
        rung_onsite, rung_storage, rung_ppa, rung_timed: ``green`` by the rungs of the ladder.
        edc_refuted: how many of the known quarters E_IT contradicts, or were estimated and not measured;
            ``refuted_wh`` their E_DC and ``refuted_load`` their load, known in ``load_refuted`` of them; each
            is taken to be as high as a missing one.
        pue_edc, pue_eit, pue_known: over the quarters in which both are known and agree.
        both_edc, both_eit, both_known: whether or not they agree; ``both_released``: what batteries gave in
            these less what they took, which passes the inlet when they are charged.
        renewable: claimable whatever its hour, certificates not counted; no less than what of it is in
            ``green`` and no more than ``load`` plus ``load_missing``.
        volume_onsite, volume_ppa: what the site's own plants and its contracts delivered for it, certificates
            kept, less what batteries gave to the grid, together no more than ``load`` and so than
            ``renewable`` (E_RES-OS and E_RES-PPA of the EU); all of it is known in ``onsite_known`` and
            ``ppa_known`` quarters.
        goo, goo_pending: what cancelled certificates add by volume (E_RES-GOO), and what allocated ones would
            (:mod:`energy.certified`); ``goo_counted`` is what the load has room for beside ``renewable``.
        goo_left: how many allocated certificates wait for their cancellation.
        cfe: matched energy and the carbon-free part of the grid's; ``cfe_blind``: energy from the grid in
            hours without a known mix, which counts as not carbon-free.
        rest_grid: energy from the grid that nothing was matched with.
        co2_g, co2_grid, co2_eit, co2_known: over the quarters in which energy and factors are known.
        water_l, water_eit, water_known: likewise.
        water_in, heat_out: water taken in and heat reused, in every quarter in which they are known, which
            ``water_in_known`` and ``heat_out_known`` count.
        reuse, reuse_edc, reuse_known: likewise with E_DC.
        ere_edc, ere_eit, ere_reuse, ere_known: where all three are known.
        location_g, market_g, scope1_g: grams by scope (:mod:`energy.carbon.emission`), in the ``…_known``
            quarters; ``…_missing`` bounds the others: each is taken to be as high as the highest that is
            known. ``scope1_blind``: energy of generators without a factor.
        co2m_g, co2m_eit, co2m_known: market-based and scope 1 together, over the quarters with E_IT.
        cer_one, cer_other, cer_known: heat removed and what the cooling used, likewise.
        waterless, heatless, uncooled: the sites, by name, that have no meter of it: what they use (or remove)
            is not known.
        halls: both energies of every hall.
        silent: the sites, by name, of which nothing was ever settled, though others were.
        registers_expected, registers_known: register intervals behind the figures.
        corrections: revisions beyond the first.
    """

    expected: float = 0.0
    edc: float = 0.0
    edc_known: float = 0.0
    edc_estimated: float = 0.0
    edc_missing: float = 0.0
    load: float = 0.0
    load_known: float = 0.0
    load_missing: float = 0.0
    charged: float = 0.0
    withdrawn: float = 0.0
    lost: float = 0.0
    kept: float = 0.0
    rung_onsite: float = 0.0
    rung_storage: float = 0.0
    rung_ppa: float = 0.0
    rung_timed: float = 0.0
    eit: float = 0.0
    eit_known: float = 0.0
    edc_refuted: float = 0.0
    refuted_wh: float = 0.0
    refuted_load: float = 0.0
    load_refuted: float = 0.0
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
    volume_onsite: float = 0.0
    volume_ppa: float = 0.0
    onsite_known: float = 0.0
    ppa_known: float = 0.0
    goo: float = 0.0
    goo_counted: float = 0.0
    goo_pending: float = 0.0
    goo_left: float = 0.0
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
    water_in: float = 0.0
    water_in_known: float = 0.0
    heat_out: float = 0.0
    heat_out_known: float = 0.0
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
    location_g: float = 0.0
    location_known: float = 0.0
    location_missing: float = 0.0
    market_g: float = 0.0
    market_known: float = 0.0
    market_missing: float = 0.0
    scope1_g: float = 0.0
    scope1_known: float = 0.0
    scope1_missing: float = 0.0
    scope1_blind: float = 0.0
    lifecycle_g: float = 0.0
    lifecycle_known: float = 0.0
    lifecycle_missing: float = 0.0
    co2m_g: float = 0.0
    co2m_eit: float = 0.0
    co2m_known: float = 0.0
    cer_one: float = 0.0
    cer_other: float = 0.0
    cer_known: float = 0.0
    waterless: tuple[str, ...] = ()
    heatless: tuple[str, ...] = ()
    uncooled: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    halls: tuple[Hall, ...] = ()

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Totals)))

    @property
    def rungs(self) -> dict[str, float]:
        """Green Wh by rung of the ladder, in its order."""
        return {rung: getattr(self, f"rung_{rung}") for rung in RUNGS}

    def told(self) -> dict[str, float]:
        """The sums behind the figures by name and unit, in Wh, g and l; what is not known is left out.

        ``grid_wh``, ``co2_eit_wh``, ``water_eit_wh`` and ``reused_edc_wh`` cover the quarters of the sum that
        they stand beside.
        """
        found: dict[str, float] = {}
        if self.edc_known:
            found |= {"renewable_wh": self.renewable, "missing_wh": self.load_missing}
            found |= {"onsite_wh": self.volume_onsite, "ppa_wh": self.volume_ppa, "goo_wh": self.goo}
            found |= {"goo_pending_wh": self.goo_pending}
            found |= {"rest_grid_wh": self.rest_grid, "carbon_free_wh": self.cfe}
            found |= {f"green_{rung}_wh": wh for rung, wh in self.rungs.items()}
        if self.charged or self.withdrawn:
            found |= {"battery_charged_wh": self.charged, "battery_withdrawn_wh": self.withdrawn}
            found |= {"battery_lost_wh": self.lost, "battery_kept_green_wh": self.kept}
        if self.co2_known:
            found |= {"grid_wh": self.co2_grid, "co2_g": self.co2_g, "co2_eit_wh": self.co2_eit}
        if self.location_known:
            scopes = [scope for scope in SCOPES if scope != "lifecycle" or self.lifecycle_known]
            found |= {f"co2_{scope}_g": getattr(self, f"{scope}_g") for scope in scopes}
            found |= {f"co2_{scope}_missing_g": getattr(self, f"{scope}_missing") for scope in scopes}
        if self.water_known and not self.waterless:
            found |= {"water_l": self.water_l, "water_eit_wh": self.water_eit}
        if self.reuse_known and not self.heatless:
            found |= {"reused_wh": self.reuse, "reused_edc_wh": self.reuse_edc}
        if self.cer_known and not self.uncooled:
            found |= {"removed_wh": self.cer_one, "cooling_wh": self.cer_other}
        return {name: round(value, 3) for name, value in found.items()}

    def covered(self) -> dict[str, Covered]:
        """What was measured, each over its own quarters, by name and unit; what no meter tells is left out.

        Quarters in which E_DC was guessed, or E_IT contradicts it, are not known by measuring.
        """
        found = {
            "edc_wh": (self.edc, self.edc_known - self.edc_refuted),
            "eit_wh": (self.eit, self.eit_known),
            "onsite_wh": (self.volume_onsite, self.onsite_known),
            "ppa_wh": (self.volume_ppa, self.ppa_known),
        }
        if not self.waterless:
            found["water_l"] = self.water_in, self.water_in_known
        if not self.heatless:
            found["reused_wh"] = self.heat_out, self.heat_out_known
        return {name: Covered(wh, known / self.expected) for name, (wh, known) in found.items() if known > 0}


@dataclass(frozen=True)
class Columns:
    """What is summed, per quarter: ``matrix`` is float64[names, quarters], 0 where not known.

    ``peaks`` is how high E_DC may have been, 0 where nothing tells, ``load_peaks`` the load; ``waterless``
    and ``heatless`` name the ``site`` if it has no such meter.
    """

    names: tuple[str, ...]
    matrix: Floats
    peaks: Floats
    load_peaks: Floats
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
        peaks = {"edc": self.peaks, "load": self.load_peaks}
        highest = {name: float(peak[low:high].max(initial=0.0)) for name, peak in peaks.items()}
        grams = (f"{scope}_g" for scope in SCOPES)
        highest |= {name: float(part[self.names.index(name)].max(initial=0.0)) for name in grams}
        return Summed(sums, highest)


def totals_of(
    summed: Summed, site: str, waterless: tuple[str, ...] = (), heatless: tuple[str, ...] = ()
) -> Totals:
    """The totals of a ``site``, by its name, over what is ``summed``; what is not named is 0."""
    sums, highest = (defaultdict(float, found) for found in (summed.sums, summed.highest))
    for what, refuted in (("edc", "edc_refuted"), ("load", "load_refuted")):
        unknown = sums["expected"] - sums[f"{what}_known"] + sums[refuted]
        told = "refuted_wh" if what == "edc" else "refuted_load"
        sums[f"{what}_missing"] = unknown * highest[what] - sums[told]
    sums |= missing_grams(sums, highest)
    most, by_hour = sums["load"] + sums["load_missing"], sums["green"] - sums["rung_timed"]
    sums["renewable"] = max(0.0, min(max(sums["renewable"], by_hour), most))
    sums |= _used(sums)
    halls = taken_halls(site, sums)
    return Totals(**sums, waterless=waterless, heatless=heatless, uncooled=(), silent=(), halls=halls)


def columns(balance: Balance, store: Stored, match: Match, mix: GridMix) -> Columns:
    """Every numerator and denominator per quarter-hour."""
    found = _columns(balance, store, match, mix)
    matrix = np.nan_to_num(np.vstack(list(found.values())), copy=False) + 0.0  # no sum is told as -0
    waterless = (balance.site,) if balance.water_l is None else ()
    heatless = (balance.site,) if balance.reuse is None else ()
    peaks = np.nan_to_num(balance.told), np.nan_to_num(balance.told_load)
    return Columns(tuple(found), matrix, *peaks, waterless, heatless, balance.site)


def _columns(balance: Balance, store: Stored, match: Match, mix: GridMix) -> dict[str, Floats]:
    edc, eit = balance.edc, balance.eit
    sound = np.where(balance.refuted, np.nan, edc)
    unsure = balance.refuted | balance.guessed
    unmetered = np.full(len(edc), np.nan)
    water = unmetered if balance.water_l is None else balance.water_l
    reuse = unmetered if balance.reuse is None else balance.reuse
    residual = _from_the_grid(balance, store, match)
    blind = np.isnan(mix.carbon_free_share) & (residual > 0)
    emitted = emissions(balance, match, mix)
    columns = {
        "expected": balance.there.astype(np.float64),
        "edc": edc,
        "edc_known": _known(edc),
        "edc_refuted": unsure.astype(np.float64),
        "refuted_wh": np.where(unsure, edc, 0.0),
        "load": balance.load,
        "load_known": _known(balance.load),
        "refuted_load": np.where(unsure, balance.load, 0.0),
        "load_refuted": np.where(unsure, _known(balance.load), 0.0),
        "edc_estimated": np.where(balance.estimated, edc, 0.0),
        "eit": eit,
        "eit_known": _known(eit),
        "green": match.matched,
        "other": match.other,
        "unknown": match.unknown,
        "renewable": np.where(np.isnan(edc), 0.0, _volume(balance) - balance.fed),
        **_volumes(balance),
        "cfe": match.matched + np.where(blind, 0.0, residual * np.nan_to_num(mix.carbon_free_share)),
        "cfe_blind": np.where(blind, residual, 0.0),
        "rest_grid": residual,
        "registers_expected": balance.expected.astype(np.float64),
        "registers_known": balance.known.astype(np.float64),
        "corrections": balance.corrections.astype(np.float64),
    }
    columns |= {f"rung_{rung}": match.rungs[rung] for rung in RUNGS}
    columns |= _stores(balance, store)
    columns |= _together("both", {"edc": edc, "eit": eit, "released": balance.released})
    columns |= _together("pue", {"edc": sound, "eit": eit})
    columns |= emission_columns(emitted, balance)
    columns |= _together("co2", {"g": emitted.location + emitted.scope1, "grid": emitted.grid, "eit": eit})
    columns |= _together("co2m", {"g": emitted.market + emitted.scope1, "eit": eit})
    columns |= _together("water", {"l": water, "eit": eit})
    columns |= {"water_in": water, "water_in_known": _known(water)}
    columns |= {"heat_out": reuse, "heat_out_known": _known(reuse)}
    reused = _together("reuse", {"": reuse, "edc": sound})
    columns |= {name.rstrip("_"): column for name, column in reused.items()}
    columns |= _together("ere", {"edc": sound, "eit": eit, "reuse": reuse})
    columns |= apart_columns(balance.apart, len(edc))
    return columns


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


def _used(sums: dict[str, float]) -> dict[str, float]:
    """The volumes of a step: what was fed out leaves own plants first; no more counts than the load."""
    onsite = min(max(0.0, sums["volume_onsite"]), sums["load"])
    contracts = sums["volume_ppa"] + min(0.0, sums["volume_onsite"])
    return {"volume_onsite": onsite, "volume_ppa": max(0.0, min(contracts, sums["load"] - onsite))}


def _volume(balance: Balance) -> Floats:
    """What may be claimed whatever its hour; a supply that is not known adds nothing."""
    return sum((np.nan_to_num(v) for v in balance.volume.values()), start=np.zeros(len(balance.edc)))


def _known(column: Floats) -> Floats:
    return (~np.isnan(column)).astype(np.float64)
