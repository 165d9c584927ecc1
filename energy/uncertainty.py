"""How uncertain a ratio of metered energies is, from the accuracy classes of its meters (GUM)."""

from __future__ import annotations

import math

from energy.site import SiteOptions
from energy.tree import boundary
from energy.tree.members import Terms

COVERAGE = 2.0
"""Expanded uncertainty: about 95 % of cases."""


def pue_uncertainty(edc_class: float, eit_class: float) -> float:
    """Relative expanded uncertainty (k=2) of E_DC / E_IT, classes in percent: 0.5 and 0.5 give 0.0082.

    A class limit ±a is a standard uncertainty of a/√3; two independent meters add in quadrature.
    """
    return COVERAGE * math.hypot(edc_class, eit_class) / math.sqrt(3) / 100


def site_pue_uncertainty(site: SiteOptions) -> float | None:
    """That of a site, or None unless every meter behind E_DC and E_IT names its class.

    Meters of one kind often share transformers of one batch, so their errors do not average out: the worst
    class of each kind counts. None where one is a difference too: how much that magnifies the errors
    depends on the energies.
    """
    inlet, load = worst_class(site, boundary.inlet(site)), worst_class(site, boundary.it(site))
    if inlet is None or load is None or boundary.office(site):
        return None
    return pue_uncertainty(inlet, load)


def worst_class(site: SiteOptions, terms: Terms) -> float | None:
    """The worst class (percent) among the devices of a sum; None if one names none, or is taken off."""
    classes = {one.id: one.accuracy_class for one in (*site.meter, *site.supply, *site.cooling)}
    found = [classes[name] for _, name in terms]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found) or any(times < 0 for times in terms.values()):
        return None
    return max(known)
