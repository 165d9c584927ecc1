"""What the batteries of a site took and gave, and what their discharges took out of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy.configuration.device import CHARGE, CONTRACTS, DISCHARGE, RATED_W
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind, SupplyOptions
from energy.sums.line import HOUR, Flags, Line, Lines, anywhere, total
from energy.tree.outward import unheard
from telemetry.catalogue import SUPPLY
from telemetry.frame import Floats

HOURS = 4
"""Of its power, that a battery holds of which no capacity is declared."""

_DUST = 1e-6
"""Wh: what dividing binary fractions may add."""


@dataclass(frozen=True)
class Batteries:
    """Flows of every battery in Wh per quarter, by id.

    Attributes:
        charge, discharge: NaN where that is not known, a guess, or no more than a lower bound; 0 before the
            ledger begins.
        withdrawn: what ``discharge`` took out of the store: its losses included, in whole Wh, rounded up.
        most: what it can take in at most, whatever its registers tell.
        took, left: what it took in and what left its store, guesses included: over a gap the total is known.
        holds: what fills it, by its declared capacity.
        taken, given, drawn: what all of them took in, what they gave, and what left their stores for it;
            guesses included, NaN where one of them is not known.
        loose: where one of these is a guess, or nobody tells whether what they gave left the site.
    """

    charge: Mapping[str, Floats]
    discharge: Mapping[str, Floats]
    withdrawn: Mapping[str, Floats]
    most: Mapping[str, Floats]
    took: Mapping[str, Floats]
    left: Mapping[str, Floats]
    holds: Mapping[str, Floats]
    taken: Floats
    given: Floats
    drawn: Floats
    loose: Flags

    @property
    def discharged(self) -> Floats:
        """What all of them gave; NaN where one is not known."""
        return sum(self.discharge.values(), start=np.zeros(len(self.taken)))

    @property
    def released(self) -> Floats:
        """What all of them gave less what they took, 0 where not known."""
        return np.nan_to_num(self.discharged - np.nan_to_num(self.charged))

    @property
    def charged(self) -> Floats:
        """What all of them took in; NaN where one is not known."""
        return sum(self.charge.values(), start=np.zeros(len(self.taken)))


def batteries(site: SiteOptions, lines: Lines) -> Batteries:
    """The batteries of ``site``."""
    found = [s for s in site.supply if s.kind is SupplyKind.BATTERY]
    charge = {s.id: lines(SUPPLY.name, s.id, CHARGE) for s in found}
    discharge = {s.id: lines(SUPPLY.name, s.id, DISCHARGE) for s in found}
    every = [*charge.values(), *discharge.values()]
    sheet = lines.sheet
    return Batteries(
        charge={name: _sure(line) for name, line in charge.items()},
        discharge={name: _sure(line) for name, line in discharge.items()},
        withdrawn={s.id: _withdrawn(_sure(discharge[s.id]), s.efficiency) for s in found},
        most={s.id: np.full(sheet.quarters, _most(site, s)) for s in found},
        took={name: _since(line) for name, line in charge.items()},
        left={s.id: _withdrawn(_since(discharge[s.id]), s.efficiency) for s in found},
        holds={s.id: np.full(sheet.quarters, _holds(site, s)) for s in found},
        taken=total((_whole(line) for line in charge.values()), sheet),
        given=total((_whole(line) for line in discharge.values()), sheet),
        drawn=total((_withdrawn(_whole(discharge[s.id]), s.efficiency) for s in found), sheet),
        loose=anywhere((line.loose for line in every), sheet) | (unheard(site, sheet) & bool(found)),
    )


def _withdrawn(discharge: Floats, efficiency: float) -> Floats:
    drawn: Floats = np.ceil(discharge / efficiency - _DUST) + 0.0  # never -0
    return drawn


def _most(site: SiteOptions, battery: SupplyOptions) -> float:
    """Wh in a quarter; nobody vouches for that of a battery without ``max_power_kw``."""
    if battery.max_power_kw is not None:
        watts = 1000 * battery.max_power_kw
    else:
        watts = RATED_W if site.contracted_kw is None else CONTRACTS * 1000 * site.contracted_kw
    return float(np.ceil(watts / HOUR))


def _holds(site: SiteOptions, battery: SupplyOptions) -> float:
    """Wh at the charge register that fill it: without a capacity, :data:`HOURS` of its power do."""
    declared = battery.capacity_kwh
    content = HOURS * HOUR * _most(site, battery) if declared is None else 1000 * declared
    return content / battery.efficiency


def _since(line: Line) -> Floats:
    """Its whole amounts, and 0 before the ledger begins."""
    return np.where(line.before, 0.0, _whole(line))


def _whole(line: Line) -> Floats:
    """Its amounts, guesses included, NaN where that is no more than a lower bound."""
    return np.where(line.bound, np.nan, line.amount)


def _sure(line: Line) -> Floats:
    return np.where(line.before, 0.0, np.where(line.loose | line.bound, np.nan, line.amount))
