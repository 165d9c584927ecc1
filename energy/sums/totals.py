"""Sums over one step, from which every KPI is computed: numerators and denominators, never ratios."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from functools import cached_property

from energy.carbon.emission import SCOPES, missing_grams
from energy.sums.basis import Basis, Input
from energy.sums.covered import Covered
from energy.sums.matching import RUNGS
from energy.sums.summed import Summed
from energy.tree.apart import Hall, taken_halls


@dataclass(frozen=True)
class Totals:
    """Sums of one site over one step; those of several sites add up to those of all. Energy in Wh.

    Attributes:
        expected: quarters settled in which the site was there; ``edc_known``, ``eit_known``: those in which
            the energy is known.
        edc_missing: bound on the E_DC of the quarters in which it is not known: each is taken to be as high
            as the highest that is known, bounds included, and as what the contract lets the site draw.
        load, load_known, load_missing: likewise of the load, E_DC less what charged batteries plus what left
            them. Over ``load + load_missing`` green shares are told, so that a hole in the data never makes a
            share greener.
        charged, withdrawn, lost: what batteries took, what left their stores, and what of that reached
            nobody, where the load is known.
        kept: surplus of own plants and contracts that charged batteries.
        spilt: what they took and cannot hold, beyond the losses that were declared; in ``load_missing`` too.
        rung_onsite, rung_storage, rung_ppa, rung_timed: ``green`` by the rungs of the ladder.
        edc_refuted: how many of the known quarters E_IT contradicts, or were estimated and not measured;
            ``refuted_wh`` their E_DC and ``refuted_load`` their load, known in ``load_refuted`` of them; each
            is taken to be as high as a missing one.
        eit_guessed: how many quarters of E_IT were estimated and not measured; no ratio is made of them.
        pue_edc, pue_eit, pue_known: over the quarters in which both are measured and agree.
        both_edc, both_eit, both_known: whether or not they agree; ``both_released``: what batteries gave in
            these less what they took, which passes the inlet when they are charged.
        edc_estimated, eit_estimated, supply_estimated, cooling_estimated, water_estimated, heat_estimated:
            how much of each was interpolated or guessed; ``supply`` and ``cooling`` are all of these two.
        renewable: claimable whatever its hour, certificates not counted; no less than what own
            plants and contracts matched and no more than ``edc`` plus ``edc_missing``.
        volume_onsite, volume_ppa: what the site's own plants and its contracts delivered for it, certificates
            kept, less what batteries gave to the grid, together no more than ``edc`` and so than
            ``renewable`` (E_RES-OS and E_RES-PPA of the EU); all of it is known in ``onsite_known`` and
            ``ppa_known`` quarters.
        goo, goo_pending: what cancelled certificates add by volume (E_RES-GOO), and what allocated ones would
            (:mod:`energy.reading.certified`); ``goo_counted`` is what E_DC has room for beside ``renewable``.
        goo_left: how many allocated certificates wait for their cancellation.
        vouched: what of ``renewable`` supplies gave whose certificates are kept. What of that cancelled ones
            prove is ``proven``, the rest ``unproven``; ``owed`` is the same but for what is less than one
            certificate each of a plant and month.
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
            known, and as the highest draw at the highest factor, or what generators can emit.
            ``scope1_blind``: energy of generators without a factor; ``scope1_boundless`` quarters in which
            theirs is lost and they declare no bound.
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
    spilt: float = 0.0
    rung_onsite: float = 0.0
    rung_storage: float = 0.0
    rung_ppa: float = 0.0
    rung_timed: float = 0.0
    eit: float = 0.0
    eit_known: float = 0.0
    eit_guessed: float = 0.0
    eit_estimated: float = 0.0
    supply: float = 0.0
    supply_estimated: float = 0.0
    cooling: float = 0.0
    cooling_estimated: float = 0.0
    water_estimated: float = 0.0
    heat_estimated: float = 0.0
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
    vouched: float = 0.0
    proven: float = 0.0
    unproven: float = 0.0
    owed: float = 0.0
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
    scope1_boundless: float = 0.0
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

    @property
    def green_unproven(self) -> float:
        """What of ``green`` may be of a supply whose certificates are kept and not cancelled yet."""
        return max(0.0, min(self.unproven, self.green - self.rung_timed))

    def estimated(self, *inputs: Input) -> float:
        """The greatest share (0..1) of one of ``inputs`` that was interpolated or guessed."""
        return max((self._estimated[name] for name in inputs), default=0.0)

    @cached_property
    def _estimated(self) -> dict[Input, float]:
        amounts: dict[Input, tuple[float, float]] = {
            "edc": (self.edc_estimated, self.edc),
            "eit": (self.eit_estimated, self.eit),
            "supply": (self.supply_estimated, self.supply),
            "cooling": (self.cooling_estimated, self.cooling),
            "water": (self.water_estimated, self.water_in),
            "heat": (self.heat_estimated, self.heat_out),
        }
        return {name: min(1.0, part / whole) if whole > 0 else 0.0 for name, (part, whole) in amounts.items()}

    def basis(self, known: float, *inputs: Input) -> Basis:
        """What a figure rests on that is made of ``inputs``, all of them measured in ``known`` quarters."""
        complete = known / self.expected if self.expected else 0.0
        return Basis(min(1.0, max(0.0, complete)), self.estimated(*inputs))

    def told(self) -> dict[str, float]:
        """The sums behind the figures by name and unit, in Wh, g and l; what is not known is left out.

        ``grid_wh``, ``co2_eit_wh``, ``water_eit_wh`` and ``reused_edc_wh`` cover the quarters of the sum that
        they stand beside.
        """
        found: dict[str, float] = {}
        if self.edc_known:
            found |= {"renewable_wh": self.renewable, "missing_wh": self.load_missing}
            found |= {"onsite_wh": self.volume_onsite, "ppa_wh": self.volume_ppa, "goo_wh": self.goo}
            found |= {"goo_pending_wh": self.goo_pending, "proven_wh": self.proven}
            found |= {"green_unproven_wh": self.green_unproven}
            found |= {"rest_grid_wh": self.rest_grid, "carbon_free_wh": self.cfe}
            found |= {f"green_{rung}_wh": wh for rung, wh in self.rungs.items()}
        if self.charged or self.withdrawn:
            found |= {"battery_charged_wh": self.charged, "battery_withdrawn_wh": self.withdrawn}
            found |= {"battery_lost_wh": self.lost, "battery_kept_green_wh": self.kept}
            found |= {"battery_spilt_wh": self.spilt} if self.spilt else {}
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

        Quarters in which one was guessed, or E_IT contradicts E_DC, are not known by measuring.
        """
        estimated: dict[str, Input] = {
            "edc_wh": "edc",
            "eit_wh": "eit",
            "water_l": "water",
            "reused_wh": "heat",
        }
        found = {
            "edc_wh": (self.edc, self.edc_known - self.edc_refuted),
            "eit_wh": (self.eit, self.eit_known - self.eit_guessed),
            "onsite_wh": (self.volume_onsite, self.onsite_known),
            "ppa_wh": (self.volume_ppa, self.ppa_known),
        }
        if not self.waterless:
            found["water_l"] = self.water_in, self.water_in_known
        if not self.heatless:
            found["reused_wh"] = self.heat_out, self.heat_out_known
        return {
            name: Covered(wh, known / self.expected, self.estimated(estimated.get(name, "supply")))
            for name, (wh, known) in found.items()
            if known > 0
        }


def totals_of(
    summed: Summed, site: str, waterless: tuple[str, ...] = (), heatless: tuple[str, ...] = ()
) -> Totals:
    """The totals of a ``site``, by its name, over what is ``summed``; what is not named is 0."""
    sums, highest = (defaultdict(float, found) for found in (summed.sums, summed.highest))
    for what, refuted in (("edc", "edc_refuted"), ("load", "load_refuted")):
        unknown = sums["expected"] - sums[f"{what}_known"] + sums[refuted]
        told = "refuted_wh" if what == "edc" else "refuted_load"
        sums[f"{what}_missing"] = unknown * highest[what] - sums[told]
    sums["load_missing"] += sums["spilt"]
    sums |= missing_grams(sums, highest)
    # What a battery gives was taken in, and counted by volume, when it was charged.
    by_hour = sums["rung_onsite"] + sums["rung_ppa"]
    most = sums["edc"] + sums["edc_missing"]
    sums["renewable"] = max(0.0, min(max(sums["renewable"], by_hour), most))
    sums |= _used(sums)
    halls = taken_halls(site, sums)
    return Totals(**sums, waterless=waterless, heatless=heatless, uncooled=(), silent=(), halls=halls)


def _used(sums: dict[str, float]) -> dict[str, float]:
    """The volumes of a step: what was fed out leaves own plants first; no more counts than E_DC."""
    used = max(0.0, sums["edc"])
    onsite = min(max(0.0, sums["volume_onsite"]), used)
    contracts = sums["volume_ppa"] + min(0.0, sums["volume_onsite"])
    return {"volume_onsite": onsite, "volume_ppa": max(0.0, min(contracts, used - onsite))}
