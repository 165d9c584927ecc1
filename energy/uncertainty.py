"""How uncertain a ratio of metered energies is, from the accuracy classes of its meters (GUM)."""

from __future__ import annotations

import math
from collections.abc import Collection

from energy.configuration.site import SiteOptions
from energy.tree import boundary
from energy.tree.members import Terms

COVERAGE = 2.0
"""Expanded uncertainty: about 95 % of cases."""


def pue_uncertainty(edc_class: float, eit_class: float) -> float:
    """Relative expanded uncertainty (k=2) of E_DC / E_IT, classes in percent: 0.5 and 0.5 give 0.0082.

    A class limit ±a is a standard uncertainty of a/√3; two independent meters add in quadrature.
    """
    return COVERAGE * math.hypot(edc_class, eit_class) / math.sqrt(3) / 100


def uncertainties(site: SiteOptions) -> dict[str, float]:
    """The relative expanded uncertainty (k=2) of each KPI of a site that is a ratio of two kinds of meters.

    Only where every meter behind it names its class. What rests on contracts, certificates or the grid has
    none: no class tells how true these are.
    """
    found = {"pue": site_pue_uncertainty(site), "wue": site_wue_uncertainty(site)}
    return {name: relative for name, relative in found.items() if relative is not None}


def site_pue_uncertainty(site: SiteOptions) -> float | None:
    """That of a site, or None unless every meter behind E_DC and E_IT names its class.

    Meters of one kind often share transformers of one batch, so their errors do not average out: the worst
    class of each kind counts, of E_DC that of the inlet and of own plants, which are added. None where one is
    a difference too: how much that magnifies the errors depends on the energies.
    """
    inlet, load = worst_class(site, boundary.inlet(site)), worst_class(site, boundary.it(site))
    own = [supply.accuracy_class for supply in site.supply if supply.kind.onsite]
    known = [one for one in own if one is not None]
    if inlet is None or load is None or len(known) < len(own) or boundary.office(site):
        return None
    return pue_uncertainty(max([inlet, *known]), load)


def site_wue_uncertainty(site: SiteOptions) -> float | None:
    """That of the WUE, or None unless every water meter and every meter behind E_IT names its class."""
    water, load = _worst([meter.accuracy_class for meter in site.water]), worst_class(site, boundary.it(site))
    return None if water is None or load is None else pue_uncertainty(water, load)


def worst_class(site: SiteOptions, terms: Terms) -> float | None:
    """The worst class (percent) among the devices of a sum; None if one names none, or is taken off."""
    classes = {one.id: one.accuracy_class for one in (*site.meter, *site.supply, *site.cooling)}
    return (
        None if any(times < 0 for times in terms.values()) else _worst([classes[name] for _, name in terms])
    )


def _worst(classes: Collection[float | None]) -> float | None:
    known = [one for one in classes if one is not None]
    return max(known) if known and len(known) == len(classes) else None
