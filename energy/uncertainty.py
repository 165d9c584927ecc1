"""How uncertain a ratio of metered energies is, from the accuracy classes of its meters (GUM)."""

from __future__ import annotations

import math

from energy.metering import Role
from energy.site import SiteOptions

COVERAGE = 2.0
"""Expanded uncertainty: about 95 % of cases."""


def pue_uncertainty(edc_class: float, eit_class: float) -> float:
    """Relative expanded uncertainty (k=2) of E_DC / E_IT, classes in percent: 0.5 and 0.5 give 0.0082.

    A class limit ±a is a standard uncertainty of a/√3; two independent meters add in quadrature.
    """
    return COVERAGE * math.hypot(edc_class, eit_class) / math.sqrt(3) / 100


def site_pue_uncertainty(site: SiteOptions) -> float | None:
    """That of a site, or None unless every utility and IT meter names its class.

    Meters of one kind often share transformers of one batch, so their errors do not average out: the worst
    class of each kind counts.
    """
    worst = []
    for role in (Role.UTILITY, Role.IT):
        classes = [m.accuracy_class for m in site.meter if m.role is role]
        known = [c for c in classes if c is not None]
        if not known or len(known) < len(classes):
            return None
        worst.append(max(known))
    return pue_uncertainty(worst[0], worst[1])
