"""What a site used and what its supplies gave, per quarter-hour: the step from registers to energies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from energy.claims import claimable, matchable, renewables
from energy.device import CHARGE, DISCHARGE, ENERGY, EXPORT, VOLUME
from energy.registers import ESTIMATED, INTEGRATED, RESET, SUBSTITUTED
from energy.sheet import RegisterKey, Sheet
from energy.site import SiteOptions
from energy.supply import SupplyKind, SupplyOptions
from energy.tree import boundary
from energy.tree.members import Terms
from energy.tree.virtual import summed
from telemetry.catalogue import HEAT, METER, SUPPLY, WATER
from telemetry.frame import Floats

Flags = npt.NDArray[np.bool_]

HOUR = 4
"""Quarters to the hour, within which energy is matched."""

AGREEING = 0.98
"""Share of E_IT below which E_DC of an hour contradicts it: two meters of class 1 differ by no more."""


@dataclass(frozen=True)
class Line:
    """One register: ``amount`` is NaN where not known; ``loose`` where only the total of a gap is known.

    An interval is loose when it was interpolated across a gap that leaves its hour, so that even the hour's
    amount is a guess; a reset within the gap makes it no better known. ``bound``: the amount is no more than
    a lower bound.
    """

    amount: Floats
    estimated: Flags
    loose: Flags
    bound: Flags
    there: Flags


@dataclass(frozen=True)
class Balance:
    """Energies of one site in Wh per quarter; all arrays share one length, a multiple of :data:`HOUR`.

    Attributes:
        site: its name, for the reasons why it has no figure.
        edc: E_DC at the inlet: import, less export, plus on-site generation, less offices; NaN where not
            known. Negative where a battery feeds the grid: that takes back what was counted when it was
            charged.
        fed: what batteries gave to the grid, 0 where E_DC is not known.
        released: what batteries gave less what they took, 0 where not known.
        told: what its registers add up to, lower bounds included: no E_DC, but how high one may have been.
        eit: E_IT; NaN where not known.
        refuted: where E_DC of the hour lies below E_IT: the inlet's meter stands still or shows too little.
        estimated: where E_DC was interpolated; ``loose`` where even its hour is a guess.
        grid: the part of E_DC that came from the grid.
        generator: what fuelled generators gave; ``generator_g`` grams of CO2e of it, NaN without a factor.
        available: what each renewable supply delivered; NaN where not known.
        contracted: what each may be matched with in its hour, in ladder order; NaN where not known.
        volume: what each may claim regardless of hour and zone; NaN where not known.
        water_l, reuse: litres of water, Wh of heat reused; None without such a meter.
        expected, known: how many registers there are, and how many of those are known.
        corrections: revisions beyond the first.
        there: where the site was configured at all; elsewhere nothing is known of it and nothing missing.
    """

    site: str
    edc: Floats
    fed: Floats
    released: Floats
    told: Floats
    eit: Floats
    refuted: Flags
    estimated: Flags
    loose: Flags
    grid: Floats
    generator: Floats
    generator_g: Floats
    available: Mapping[str, Floats]
    contracted: Mapping[str, Floats]
    volume: Mapping[str, Floats]
    water_l: Floats | None
    reuse: Floats | None
    expected: npt.NDArray[np.int64]
    known: npt.NDArray[np.int64]
    corrections: npt.NDArray[np.int64]
    there: Flags


@dataclass
class _Lines:
    """The registers of a sheet by name, noting which of them were asked for."""

    sheet: Sheet
    used: dict[RegisterKey, Line] = field(default_factory=dict)

    def __call__(self, measurement: str, meter: str, channel: str = ENERGY) -> Line:
        key = (measurement, meter, channel)
        if key not in self.used:
            self.used[key] = _line(self.sheet, key)
        return self.used[key]


def balance(site: SiteOptions, sheet: Sheet) -> Balance:
    """The energies of ``site`` from its ledger; ``sheet`` begins and ends on whole hours."""
    lines = _Lines(sheet)
    utility, office, load = boundary.inlet(site), boundary.office(site), boundary.it(site)
    imports = [lines(*source) for source in utility]
    exports = [lines(*source, EXPORT) for source, times in utility.items() if times > 0]
    onsite = {s.id: lines(SUPPLY.name, s.id) for s in site.supply if s.kind.onsite}
    fuelled = [s for s in site.supply if s.kind is SupplyKind.GENERATOR]
    generated = _total((onsite[s.id].amount for s in site.supply if s.kind.onsite), sheet)
    exported = _total((line.amount for line in exports), sheet)
    imported, elsewhere = _summed(utility, lines), _summed(office, lines)
    inlet = [*imports, *exports, *onsite.values(), *(lines(*source) for source in office)]
    supplied = imported - exported + generated if imports else np.full(sheet.quarters, np.nan)
    # What the offices may have used is not taken off where it is not known: E_DC is no higher than this.
    told = supplied - np.nan_to_num(elsewhere)
    # A lower bound of what was used would make every share greener than it is. One of what was exported
    # would let the site's own plants claim what went out.
    bounded = _any((line.bound for line in inlet), sheet)
    discharged = _stored(site, lines, DISCHARGE)
    edc = _explained(np.where(bounded, np.nan, supplied - elsewhere), discharged)
    fed = _fed(exported - generated, discharged, edc)
    released = np.nan_to_num(discharged - np.nan_to_num(_stored(site, lines, CHARGE)))
    it, eit = [lines(*source) for source in load], _load(load, lines)
    generator = _total((onsite[s.id].amount for s in fuelled), sheet)
    green = _renewables(site, lines, exported)
    expected, known = _completeness(site, lines)
    return Balance(
        site=site.name,
        edc=edc,
        fed=fed,
        released=released,
        told=told,
        eit=eit,
        refuted=_refuted(edc + released, eit, _any((line.loose for line in (*inlet, *it)), sheet)),
        estimated=_any((line.estimated for line in inlet), sheet),
        loose=_any((line.loose for line in inlet), sheet),
        grid=np.minimum(edc + fed, np.maximum(imported - exported + fed, 0.0)),
        generator=generator,
        generator_g=_total((_grams(s, onsite[s.id].amount) for s in fuelled), sheet),
        available=green[0],
        contracted=green[1],
        volume=green[2],
        water_l=_metered([_whole(lines(WATER.name, w.id, VOLUME)) for w in site.water], sheet),
        reuse=_metered([lines(HEAT.name, h.id).amount for h in site.heat if h.use == "reuse"], sheet),
        expected=expected,
        known=known,
        corrections=np.maximum(sheet.revision.astype(np.int64) - 1, 0).sum(axis=0),
        there=np.ones(sheet.quarters, dtype=np.bool_),
    )


def _renewables(
    site: SiteOptions, lines: _Lines, exported: Floats
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
    """Available, contracted and volume of each renewable supply, on-site first."""
    found = {s.id: lines(SUPPLY.name, s.id) for s in renewables(site)}
    available = {name: line.amount for name, line in found.items()}
    volume = claimable(site, available, exported)
    contracted = {
        s.id: np.where(found[s.id].loose, np.nan, volume[s.id])
        for s in renewables(site)
        if matchable(site, s)
    }
    return available, contracted, volume


def _completeness(site: SiteOptions, lines: _Lines) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
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
            known += line.there & ~np.isnan(line.amount)
    return expected, known


def _line(sheet: Sheet, key: RegisterKey) -> Line:
    """A register of the sheet; one that is not in it is not known.

    An export register counts nothing before it begins, and one that never spoke is not there at all.
    """
    number = next((i for i, r in enumerate(sheet.registers) if r.key == key), None)
    nothing = np.zeros(sheet.quarters, dtype=np.bool_)
    if number is None:
        fill = 0.0 if key[2] == EXPORT else np.nan
        return Line(np.full(sheet.quarters, fill), nothing, nothing, nothing, nothing | (key[2] != EXPORT))
    begun = np.arange(sheet.first, sheet.first + sheet.quarters) >= sheet.registers[number].begins
    there = begun | (key[2] != EXPORT)
    amount, quality = np.where(there, sheet.amount[number], 0.0), sheet.quality[number]
    spread, reset, guessed = quality == ESTIMATED, quality == RESET, quality == SUBSTITUTED
    # What a meter without an export register exports is a mean between samples of its power.
    estimated = spread | guessed | ((quality == INTEGRATED) & (key[2] == EXPORT))
    return Line(amount, estimated, _leaving_their_hour(spread | reset) | guessed, reset, there)


def _leaving_their_hour(spread: Flags) -> Flags:
    """Quarters of spread energy whose run of such quarters goes on beyond their hour."""
    hours = spread.reshape(-1, HOUR)
    loose = np.zeros_like(hours)
    crossing = hours[:-1, -1] & hours[1:, 0]
    # Within an hour, a quarter belongs to the crossing run if all quarters up to the edge are of it.
    to_the_end = np.flip(np.logical_and.accumulate(np.flip(hours, axis=1), axis=1), axis=1)
    from_the_start = np.logical_and.accumulate(hours, axis=1)
    loose[:-1] |= to_the_end[:-1] & crossing[:, None]
    loose[1:] |= from_the_start[1:] & crossing[:, None]
    flat: Flags = loose.ravel()
    return flat


def _stored(site: SiteOptions, lines: _Lines, channel: str) -> Floats:
    """What all batteries took or gave; NaN where that is a guess or no more than a lower bound."""
    batteries = [lines(SUPPLY.name, s.id, channel) for s in site.supply if s.kind is SupplyKind.BATTERY]
    amounts = (np.where(line.loose | line.bound, np.nan, line.amount) for line in batteries)
    return _total(amounts, lines.sheet)


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


def _refuted(used: Floats, eit: Floats, loose: Flags) -> Flags:
    """Where the IT equipment alone took more in its hour than what the site ``used``, if both are known."""
    both = ~np.isnan(used) & ~np.isnan(eit) & ~loose
    excess = np.where(both, AGREEING * eit - used, 0.0).reshape(-1, HOUR).sum(axis=1)
    refuted: Flags = both & (excess > 0).repeat(HOUR)
    return refuted


def _grams(supply: SupplyOptions, energy: Floats) -> Floats:
    factor = np.nan if supply.carbon_g_per_kwh is None else supply.carbon_g_per_kwh
    return np.where(energy == 0, 0.0, energy / 1000 * factor)


def _whole(line: Line) -> Floats:
    """Its amounts, NaN where that is no more than a lower bound: of a cost, that would flatter."""
    return np.where(line.bound, np.nan, line.amount)


def _metered(amounts: list[Floats], sheet: Sheet) -> Floats | None:
    return _total(amounts, sheet) if amounts else None


def _load(terms: Terms, lines: _Lines) -> Floats:
    """E_IT; not known without a meter, or where a difference of meters is negative: they contradict."""
    found = _summed(terms, lines) if terms else np.full(lines.sheet.quarters, np.nan)
    return np.where(found < 0, np.nan, found)


def _summed(terms: Terms, lines: _Lines) -> Floats:
    return summed(terms, lambda source: lines(*source), lines.sheet.quarters)


def _total(amounts: Iterable[Floats], sheet: Sheet) -> Floats:
    return sum(amounts, start=np.zeros(sheet.quarters))


def _any(flags: Iterable[Flags], sheet: Sheet) -> Flags:
    result = np.zeros(sheet.quarters, dtype=np.bool_)
    for flag in flags:
        result |= flag
    return result
