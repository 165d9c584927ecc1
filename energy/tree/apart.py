"""Energies of a site beside its balance: of its halls for pPUE, of its cooling for CER."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from energy.configuration.site import SiteOptions
from energy.tree import boundary
from energy.tree.members import Source, Terms
from energy.tree.virtual import Known, summed
from telemetry.catalogue import HEAT
from telemetry.frame import Floats

REMOVED, COOLING = "removed", "cooling"
"""Names among the energies apart: heat that the cooling removed, and what it used for that."""

_IT, _ALL = "hall it ", "hall all "
"""How the names of a hall's two energies begin."""


@dataclass(frozen=True)
class Hall:
    """Sums of one hall of ``site`` over the ``known`` quarters in which both energies are."""

    site: str
    name: str
    it: float
    all: float
    known: float


def apart(site: SiteOptions, line: Callable[[Source], Known], quarters: int) -> dict[str, Floats]:
    """Wh per quarter by name; NaN where not known. What could flatter is not, where it is but a bound."""

    def whole(terms: Terms) -> Floats:
        return summed(terms, line, quarters, whole=True)

    found: dict[str, Floats] = {}
    removed: Terms = {(HEAT.name, heat.id): 1 for heat in site.heat if heat.use == "removed"}
    cooling = boundary.cooling(site)
    if removed and cooling:
        found[REMOVED], found[COOLING] = summed(removed, line, quarters), whole(cooling)
    for hall in boundary.halls(site):
        load = summed(boundary.hall_it(site, hall), line, quarters)
        found[_IT + hall] = np.where(load < 0, np.nan, load)
        found[_ALL + hall] = whole(boundary.hall_all(site, hall))
    return found


def apart_columns(found: Mapping[str, Floats], quarters: int) -> dict[str, Floats]:
    """What is summed of them: each pair where both are known, 0 elsewhere, and in how many quarters."""
    nothing = np.full(quarters, np.nan)
    columns = _pair("cer", found.get(REMOVED, nothing), found.get(COOLING, nothing))
    for name in found:
        if name.startswith(_IT):
            hall = name.removeprefix(_IT)
            columns |= _pair(f"hall:{hall}", found[name], found[_ALL + hall])
    return columns


def _pair(name: str, one: Floats, other: Floats) -> dict[str, Floats]:
    known = ~np.isnan(one) & ~np.isnan(other)
    parts = (np.where(known, one, 0.0), np.where(known, other, 0.0), known.astype(np.float64))
    return {f"{name}_{end}": part for end, part in zip(("one", "other", "known"), parts, strict=True)}


def taken_halls(site: str, sums: dict[str, float]) -> tuple[Hall, ...]:
    """The sums of halls among ``sums`` by column, which they are taken out of."""
    names = [name.removeprefix("hall:").removesuffix("_one") for name in sums if name.startswith("hall:")]
    halls = [name for name in names if f"hall:{name}_one" in sums]
    return tuple(
        Hall(site, hall, *(sums.pop(f"hall:{hall}_{end}") for end in ("one", "other", "known")))
        for hall in halls
    )
