"""What a site used and what its supplies gave, per quarter-hour: the step from registers to energies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from energy.configuration.device import CHARGE, DISCHARGE, ENERGY, EXPORT, VOLUME
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind, SupplyOptions
from energy.sums.basis import Input
from energy.sums.battery import Batteries, batteries
from energy.sums.claims import claimable, kept, left_of, matchable, parted, renewables
from energy.sums.estimates import estimates
from energy.sums.line import HOUR, Flags, Line, Lines, anywhere, total
from energy.sums.rating import rating
from energy.sums.refuted import AGREEING, refuted
from energy.sums.sheet import Sheet
from energy.tree import boundary
from energy.tree.apart import apart
from energy.tree.members import Terms
from energy.tree.outward import unheard
from energy.tree.virtual import summed
from telemetry.catalogue import HEAT, METER, SUPPLY, WATER
from telemetry.frame import Floats

NOTHING: Mapping[str, Floats] = {}


@dataclass(frozen=True)
class Balance:
    """Energies of one site in Wh per quarter; all arrays share one length, a multiple of :data:`HOUR`.

    Attributes:
        site: its name, for the reasons why it has no figure.
        edc: E_DC at the inlet: import, less export, plus on-site generation, less offices; NaN where not
            known. Negative where a battery feeds the grid: that takes back what was counted when it was
            charged.
        load: what is matched: E_DC less what batteries took, plus what left their stores, their losses
            included; E_DC itself where there are none. NaN where one of these is not known, or where in an
            hour they took more than there was. Below 0 by no more than meters differ.
        fed: what batteries gave to the grid, 0 where E_DC is not known.
        released: what batteries gave less what they took, 0 where not known.
        told: what its registers add up to, lower bounds included: no E_DC, but how high one may have been.
        told_load: likewise of the load.
        eit: E_IT; NaN where not known.
        refuted: where E_DC of the hour lies below E_IT: the inlet's meter stands still or shows too little.
        guessed: where some of E_DC was not measured at all, but estimated as documented; ``eit_guessed``
            likewise of E_IT.
        estimated: where E_DC was interpolated or guessed; ``loose`` where even the hour's load is a guess.
        estimates: how much of each input of figures (:data:`energy.sums.basis.Input`) was interpolated or
            guessed.
        cooling: what was used for cooling, whether or not it was measured; 0 where not known.
        rated: what the site draws (``drawn``), takes in (``edc``) and uses (``load``) in a quarter at most,
            by contract and by what its plants and batteries can give; 0 where it declares none.
        grid: the part of E_DC that came from the grid, gross of exports: what went out is taken from what the
            site's own plants claim, once.
        parted: what was used of own plants whose certificates are sold or were never issued.
        generator: what fuelled generators gave, NaN where no more than a lower bound is known;
            ``generator_g`` grams of CO2e of it, NaN without a factor; ``burnable_g`` what they emit in a
            quarter at most, NaN where one of them does not declare it.
        available: what each renewable supply delivered; NaN where not known.
        onsite, ppa: what each may be matched with in its hour, own plants and contracts, in ladder order;
            NaN where not known.
        volume: what each may claim regardless of hour and zone; NaN where not known.
        own: what of ``volume`` is of the site's own plants, 0 where not known; ``vouched``: what of it
            certificates have to prove, as these are kept.
        batteries: what each of them took and gave.
        apart: energies beside these, by name (:mod:`energy.tree.apart`).
        water_l, reuse: litres of water, Wh of heat reused; None without such a meter.
        expected, known: how many registers there are, and how many of those are known by measuring.
        corrections: revisions beyond the first.
        there: where the site was configured at all; elsewhere nothing is known of it and nothing missing.
    """

    site: str
    edc: Floats
    load: Floats
    fed: Floats
    released: Floats
    told: Floats
    told_load: Floats
    eit: Floats
    refuted: Flags
    guessed: Flags
    eit_guessed: Flags
    estimated: Flags
    loose: Flags
    estimates: Mapping[Input, Floats]
    cooling: Floats
    rated: Mapping[str, Floats]
    grid: Floats
    parted: Floats
    generator: Floats
    generator_g: Floats
    burnable_g: Floats
    available: Mapping[str, Floats]
    onsite: Mapping[str, Floats]
    ppa: Mapping[str, Floats]
    volume: Mapping[str, Floats]
    own: Floats
    vouched: Floats
    batteries: Batteries
    apart: Mapping[str, Floats]
    water_l: Floats | None
    reuse: Floats | None
    expected: npt.NDArray[np.int64]
    known: npt.NDArray[np.int64]
    corrections: npt.NDArray[np.int64]
    there: Flags

    @property
    def contracted(self) -> Mapping[str, Floats]:
        """What each supply may be matched with in its hour, in ladder order."""
        return {**self.onsite, **self.ppa}


@dataclass(frozen=True)
class _Inlet:
    """What passed the inlet, and the ``lines`` that tell of it; ``told`` as in :class:`Balance`."""

    imported: Floats
    exported: Floats
    generated: Floats
    used: Floats
    told: Floats
    lines: Sequence[Line]


def _inlet(site: SiteOptions, lines: Lines) -> _Inlet:
    sheet = lines.sheet
    utility, office = boundary.inlet(site), boundary.office(site)
    imports = [lines(*source) for source in utility]
    exports = [lines(*source, EXPORT) for source, times in utility.items() if times > 0]
    onsite = [lines(SUPPLY.name, s.id) for s in site.supply if s.kind.onsite]
    every = [*imports, *exports, *onsite, *(lines(*source) for source in office)]
    imported, elsewhere = _summed(utility, lines), _summed(office, lines)
    guessed = anywhere((lines(*source).guessed for source in office), sheet)
    exported, generated = (total((line.amount for line in some), sheet) for some in (exports, onsite))
    supplied = imported - exported + generated if imports else np.full(sheet.quarters, np.nan)
    # A lower bound of what was used would make every share greener than it is. One of what was exported
    # would let the site's own plants claim what went out.
    bounded = anywhere((line.bound for line in every), sheet)
    return _Inlet(
        imported=imported,
        exported=exported,
        generated=generated,
        used=np.where(bounded, np.nan, supplied - elsewhere),
        # What offices may have used is not taken off where nothing measured it: E_DC is no higher than this.
        told=supplied - np.where(guessed, 0.0, np.nan_to_num(elsewhere)),
        lines=every,
    )


def balance(site: SiteOptions, sheet: Sheet, gone: Mapping[str, Floats] = NOTHING) -> Balance:
    """The energies of ``site`` from whole hours of its ledger; ``gone`` is as in :func:`left_of`."""
    lines = Lines(sheet)
    inlet, store, load = _inlet(site, lines), batteries(site, lines), boundary.it(site)
    edc = _explained(inlet.used, store.discharged)
    fed = _fed(inlet.exported - inlet.generated, store.discharged, edc)
    it, eit = [lines(*source) for source in load], _consumed(load, lines)
    fuelled = [(s, lines(SUPPLY.name, s.id)) for s in site.supply if s.kind is SupplyKind.GENERATOR]
    green = _renewables(site, lines, np.where(unheard(site, sheet), np.nan, inlet.exported), gone)
    burnt, most = total((line.amount for _, line in fuelled), sheet), rating(site)
    expected, known = _completeness(site, lines)
    return Balance(
        site=site.name,
        edc=edc,
        load=_load(edc, store),
        fed=fed,
        released=store.released,
        told=inlet.told,
        told_load=inlet.told - np.nan_to_num(store.taken) + np.nan_to_num(store.drawn),
        eit=eit,
        refuted=_refuted(edc + store.released, eit, inlet.lines, it),
        guessed=anywhere((line.guessed for line in inlet.lines), sheet),
        eit_guessed=anywhere((line.guessed for line in it), sheet),
        estimated=anywhere((line.estimated for line in inlet.lines), sheet),
        loose=anywhere((line.loose for line in inlet.lines), sheet) | store.loose,
        estimates=estimates(site, lines, {"edc": (inlet.lines, edc), "eit": (it, eit)}),
        cooling=total((np.nan_to_num(lines(*one).amount) for one in boundary.cooling(site)), sheet),
        rated={name: np.full(sheet.quarters, wh) for name, wh in most.energies.items()},
        grid=np.minimum(edc + fed, inlet.imported),
        parted=total(parted(site, green[0], inlet.exported, burnt, gone), sheet),
        generator=total((_whole(line) for _, line in fuelled), sheet),
        generator_g=total((_grams(s, _whole(line)) for s, line in fuelled), sheet),
        burnable_g=np.full(sheet.quarters, most.scope1_g),
        available=green[0],
        onsite={s.id: green[1][s.id] for s in site.supply if s.kind.onsite and s.id in green[1]},
        ppa={s.id: green[1][s.id] for s in site.supply if not s.kind.onsite and s.id in green[1]},
        volume=green[2],
        own=_together((s.id for s in site.supply if s.kind.onsite), green[2], sheet),
        vouched=_together(kept(site), green[2], sheet),
        batteries=store,
        apart=apart(site, lambda source: _measured(lines(*source)), sheet.quarters),
        water_l=_metered([_whole(lines(WATER.name, w.id, VOLUME)) for w in site.water], sheet),
        reuse=_metered([lines(HEAT.name, h.id).amount for h in site.heat if h.use == "reuse"], sheet),
        expected=expected,
        known=known,
        corrections=np.maximum(sheet.revision.astype(np.int64) - 1, 0).sum(axis=0),
        there=np.ones(sheet.quarters, dtype=np.bool_),
    )


def _renewables(
    site: SiteOptions, lines: Lines, exported: Floats, gone: Mapping[str, Floats]
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
    """Available, contracted and volume of each renewable supply, on-site first."""
    found = {s.id: lines(SUPPLY.name, s.id) for s in renewables(site)}
    available = {s.id: s.share * found[s.id].amount for s in renewables(site)}
    claims = claimable(site, available, exported)
    volume = {s.id: claims[s.id] * left_of(s, gone) for s in renewables(site) if s.id in claims}
    contracted = {
        s.id: np.where(found[s.id].loose, np.nan, volume[s.id])
        for s in renewables(site)
        if matchable(site, s)
    }
    return available, contracted, volume


def _together(names: Iterable[str], volume: Mapping[str, Floats], sheet: Sheet) -> Floats:
    """What those of ``names`` that may be claimed gave, 0 where not known."""
    return total((np.nan_to_num(volume[name]) for name in names if name in volume), sheet)


def _completeness(site: SiteOptions, lines: Lines) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Counted over every meter and supply that is configured, whether or not a figure uses it yet."""
    for meter in site.meter:
        lines(METER.name, meter.id)
    for supply in site.supply:
        battery = supply.kind is SupplyKind.BATTERY
        for channel in (CHARGE, DISCHARGE) if battery else (ENERGY,):
            lines(SUPPLY.name, supply.id, channel)
    expected = np.zeros(lines.sheet.quarters, dtype=np.int64)
    known = expected.copy()
    for key, line in lines.used.items():
        if key[0] in (METER.name, SUPPLY.name):
            expected += line.there
            known += line.there & ~np.isnan(line.amount) & ~line.guessed
    return expected, known


def _load(edc: Floats, store: Batteries) -> Floats:
    """What was used at each time: a battery stands between the inlet and that."""
    if not store.charge:
        return edc
    load = edc - store.taken + store.drawn
    by_hour, taken = (np.nan_to_num(wh).reshape(-1, HOUR).sum(axis=1) for wh in (load, store.taken))
    fault = by_hour < -(1 - AGREEING) * taken - HOUR  # a Wh a quarter is how registers are rounded
    return np.where(fault.repeat(HOUR), np.nan, load)


def _explained(edc: Floats, discharged: Floats) -> Floats:
    """``edc`` where it is no fault: a site gives out no more than it took in and its batteries gave."""
    return np.where(edc < -np.nan_to_num(discharged), np.nan, edc)


def _fed(surplus: Floats, discharged: Floats, edc: Floats) -> Floats:
    """What batteries gave to the grid: all that was exported beyond what plants gave, if they gave so much.

    Whatever was imported meanwhile: with two feeders, or within a quarter, both happen at once. Where it is
    not known what the batteries gave, all of it is theirs.
    """
    fed = np.fmin(np.maximum(surplus, 0.0), discharged)
    return np.where(np.isnan(edc), 0.0, fed)


def _refuted(used: Floats, eit: Floats, inlet: Iterable[Line], load: Iterable[Line]) -> Flags:
    """Where the IT equipment alone took more in its hour than what the site ``used``."""
    firm = ~np.isnan(eit)
    measured = firm.copy()
    for line in load:
        firm &= ~(line.loose | line.bound)
        measured &= ~(line.estimated | line.bound)
    for line in inlet:
        used = np.where(line.loose, np.nan, used)
    return refuted(used, eit, firm, measured)


def _measured(line: Line) -> Line:
    """Without what was never measured: an estimate makes no ratio."""
    return replace(line, amount=np.where(line.guessed, np.nan, line.amount)) if line.guessed.any() else line


def _grams(supply: SupplyOptions, energy: Floats) -> Floats:
    factor = np.nan if supply.carbon_g_per_kwh is None else supply.carbon_g_per_kwh
    return np.where(energy == 0, 0.0, energy / 1000 * factor)


def _whole(line: Line) -> Floats:
    """Its amounts, NaN where that is no more than a lower bound: of a cost, that would flatter."""
    return np.where(line.bound, np.nan, line.amount)


def _metered(amounts: list[Floats], sheet: Sheet) -> Floats | None:
    return total(amounts, sheet) if amounts else None


def _consumed(terms: Terms, lines: Lines) -> Floats:
    """E_IT; not known without a meter, or where a difference of meters is negative: they contradict."""
    found = _summed(terms, lines) if terms else np.full(lines.sheet.quarters, np.nan)
    return np.where(found < 0, np.nan, found)


def _summed(terms: Terms, lines: Lines) -> Floats:
    return summed(terms, lambda source: lines(*source), lines.sheet.quarters)
