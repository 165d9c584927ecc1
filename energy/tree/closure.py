"""The closure of a meter tree from lines of the ledger: energies, residuals, and what they may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from energy.configuration.device import CHARGE, DISCHARGE, EXPORT
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind
from energy.sums.line import HOUR, Flags
from energy.tree import boundary
from energy.tree.ancestry import Ancestry
from energy.tree.closing import Closing, Closure, Share, Verdict
from energy.tree.cut import Cut, consistent, told
from energy.tree.formula import formulas
from energy.tree.parts import gpus, halls, nodes, points
from energy.uncertainty import COVERAGE, site_pue_uncertainty
from telemetry.catalogue import COOLING, METER, SUPPLY
from telemetry.frame import Floats

INLET = "inlet"
"""The name under which all that passes the inlet closes: no device has it in this place."""

_WHOLE = ("ups", "pdu", "it")
"""What feeds IT equipment is metered below as a whole, if at all; elsewhere much has no meter of its own."""

ASSUMED_CLASS = 1.0
"""Percent, for a meter that names no class: what is asked of a sub-meter at least."""


def closure(site: SiteOptions, cut: Cut, hours: Mapping[str, Floats]) -> Closure:
    """How the tree of ``site`` closes over ``cut``; ``hours``: Wh of GPUs by hall and whole hour of it."""
    tree = _Tree(site, cut)
    tree.walk()
    total = tree.amounts[INLET]
    edc = total - cut.sum(boundary.office(site))
    eit = consistent(cut.sum(boundary.it(site))) if boundary.it(site) else np.full(len(total), np.nan)
    attributed = gpus(eit[-cut.first % HOUR :], hours)
    return Closure(
        site=cut.key,
        start=cut.period.start,
        end=cut.period.end,
        inlet_wh=told(total)[0],
        pue_uncertainty=site_pue_uncertainty(site),
        nodes=tuple(nodes(site, cut)),
        closings=tuple(tree.closings),
        shares=tuple(tree.shares),
        formulas=formulas(site),
        halls=tuple(replace(part, gpu_wh=attributed.halls.get(part.hall)) for part in halls(site, cut)),
        points=tuple(points(site, cut, edc)),
        gpus=attributed,
    )


@dataclass
class _Tree:
    """Walks from the inlet down; a quarter counts for a meter where all above it are known."""

    site: SiteOptions
    cut: Cut
    closings: list[Closing] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    amounts: dict[str, Floats] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    classes: dict[str, float | None] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        site, cut = self.site, self.cut
        for measurement, table in ((METER, site.meter), (COOLING, site.cooling)):
            for one in table:
                self.amounts[one.id] = cut.line((measurement.name, one.id))
                self.roles[one.id] = getattr(one, "role", "cooling")
                self.classes[one.id] = one.accuracy_class
        for supply in (s for s in site.supply if s.kind is SupplyKind.BATTERY):
            source = SUPPLY.name, supply.id
            self.amounts[supply.id] = cut.line(source, CHARGE) - cut.line(source, DISCHARGE)
            self.roles[supply.id], self.classes[supply.id] = "battery", supply.accuracy_class
        self.children = self._below()
        self.amounts[INLET], self.roles[INLET] = self._inlet(), "utility"
        known = [self.classes[name] for _, name in boundary.inlet(site)]
        self.classes[INLET] = (
            None if None in known else max((c for c in known if c is not None), default=None)
        )

    def _inlet(self) -> Floats:
        """Imports less exports, and what is generated on site."""
        terms = boundary.inlet(self.site)
        amount = self.cut.sum(terms) if terms else np.full(self._quarters, np.nan)
        for source, times in terms.items():
            amount = amount - self.cut.line(source, EXPORT) if times > 0 else amount
        for supply in (s for s in self.site.supply if s.kind.onsite):
            amount = amount + self.cut.line((SUPPLY.name, supply.id))
        return amount

    @property
    def _quarters(self) -> int:
        return int(self.cut.own.stop - self.cut.own.start)

    def _below(self) -> dict[str, list[str]]:
        """What hangs directly below the inlet, and below each meter; batteries are at the inlet."""
        tree = Ancestry(self.site)
        inlet = {name for _, name in boundary.inlet(self.site)}
        inlet |= {above for name in inlet for above in tree.above(name)}
        below: dict[str, list[str]] = {INLET: []}
        loose = not any(one.role.value == "cooling" for one in self.site.meter)
        for name, parent in tree.parents.items():
            if name in inlet:
                continue
            unit = parent is None and self.roles[name] == "cooling" and self._is_unit(name)
            if not unit or loose:
                below.setdefault(INLET if parent is None or parent in inlet else parent, []).append(name)
        below[INLET] += [name for name, role in self.roles.items() if role == "battery"]
        return below

    def _is_unit(self, name: str) -> bool:
        return any(unit.id == name for unit in self.site.cooling)

    def walk(self) -> None:
        """Fill closings and shares, from the inlet down."""
        whole = ~np.isnan(self.amounts[INLET])
        waiting = [(INLET, whole)]
        while waiting:
            name, there = waiting.pop(0)
            below = self.children.get(name, [])
            if not below and name != INLET:
                self._share(name, "stored" if self.roles[name] == "battery" else "metered", there)
                continue
            waiting += [(child, there & ~np.isnan(self.amounts[child])) for child in below]
            self._close(name, below, there)

    def _close(self, name: str, below: Sequence[str], there: Flags) -> None:
        every = there.copy()
        rest = self.amounts[name].copy()
        for child in below:
            every &= ~np.isnan(self.amounts[child])
            rest = rest - np.nan_to_num(self.amounts[child])
        if every.any():
            self.shares.append(Share(name, "residual", self.roles[name], float(rest[every].sum())))
        if (there & ~every).any():
            self.shares.append(Share(name, "unknown", self.roles[name], float(rest[there & ~every].sum())))
        self.closings.append(self._closing(name, below, every))

    def _closing(self, name: str, below: Sequence[str], every: Flags) -> Closing:
        known, expected = int(np.count_nonzero(every)), len(every)
        assumed = any(self.classes[one] is None for one in (name, *below))
        if not known:
            return Closing(name, tuple(below), None, None, None, None, None, 0, expected, assumed, "unknown")
        parent = float(self.amounts[name][every].sum())
        parts = [float(self.amounts[child][every].sum()) for child in below]
        # Meters of one kind share transformers of one batch: their errors are taken to go one way.
        own = self._error(name, parent)
        spread = sum(self._error(child, part) for child, part in zip(below, parts, strict=True))
        least = -COVERAGE * math.hypot(own, spread) / math.sqrt(3)
        most = -least + self.site.losses_percent / 100 * abs(parent)
        residual = parent - sum(parts)
        verdict = _verdict(residual, least, most, whole=self.roles[name] in _WHOLE)
        return Closing(
            name, tuple(below), parent, sum(parts), residual, least, most, known, expected, assumed, verdict
        )

    def _error(self, name: str, wh: float) -> float:
        found = self.classes[name]
        return (ASSUMED_CLASS if found is None else found) / 100 * abs(wh)

    def _share(self, name: str, kind: Literal["metered", "stored"], there: Flags) -> None:
        if there.any():
            amount = float(self.amounts[name][there].sum())
            self.shares.append(Share(name, kind, self.roles[name], amount))


def _verdict(residual: float, least: float, most: float, *, whole: bool) -> Verdict:
    if residual < least:
        return "too much below"
    if residual > most:
        return "gap" if whole else "unmetered"
    return "closes"
