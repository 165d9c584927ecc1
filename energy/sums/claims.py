"""What a site may claim of what its supplies deliver: one rule, for the ledger and for the present alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyOptions
from telemetry.frame import Floats


def renewables(site: SiteOptions) -> list[SupplyOptions]:
    """The renewable supplies of ``site``, on-site first: the order in which they are matched."""
    return sorted((s for s in site.supply if s.kind.renewable), key=lambda s: not s.kind.onsite)


def kept(site: SiteOptions) -> list[str]:
    """The renewable supplies of ``site``, by id, whose certificates prove what they gave."""
    return [s.id for s in renewables(site) if s.certificates == "kept"]


def matchable(site: SiteOptions, supply: SupplyOptions) -> bool:
    """Whether a supply may cover the load of its hour: it may be claimed, and is of the site's own zone.

    A contract that names no zone is not known to deliver to the site, so it covers nothing.
    """
    deliverable = supply.kind.onsite or supply.zone == site.grid
    return supply.claims and deliverable


def parted(
    site: SiteOptions,
    delivered: Mapping[str, Floats],
    exported: Floats,
    burnt: Floats,
    gone: Mapping[str, Floats],
) -> list[Floats]:
    """What the site itself used of each own plant whose certificates are sold, gone or were never issued.

    As :func:`claimable`, but what generators ``burnt`` may be what went out: nothing that was used here with
    its attributes gone is left out. ``gone`` is as for :func:`left_of`.
    """
    found = [s for s in site.supply if s.kind.renewable and s.kind.onsite]
    generated = sum((delivered[s.id] for s in found), start=np.zeros_like(exported))
    used = np.clip(generated - np.maximum(exported - burnt, 0.0), 0.0, None)
    behind = np.divide(used, generated, out=np.zeros_like(used), where=generated != 0)
    left = {s.id: left_of(s, gone) if s.claims else 0.0 for s in found}
    return [delivered[s.id] * behind * (1.0 - left[s.id]) for s in found]


def left_of(supply: SupplyOptions, gone: Mapping[str, Floats]) -> Floats | float:
    """What share of the energy of ``supply`` its certificates leave to claim.

    ``gone`` is by plant the share of them that is sold, expired or serves another site.
    """
    told = gone.get(supply.id) if supply.plant is None else gone.get(f"*/{supply.plant}")
    return 1.0 if told is None else 1.0 - told


def claimable(site: SiteOptions, delivered: Mapping[str, Floats], exported: Floats) -> dict[str, Floats]:
    """What each renewable supply that may be claimed may claim, in the order of :func:`renewables`.

    ``delivered`` holds every renewable supply, by id; powers or energies, of one moment or of many. What the
    site ``exported`` is taken from its own plants in proportion to what they gave, those whose certificates
    are sold included; the rest is what they gave behind the meter. NaN where that is not known.
    """
    found = renewables(site)
    generated = sum((delivered[s.id] for s in found if s.kind.onsite), start=np.zeros_like(exported))
    consumed = np.maximum(generated - exported, 0.0)
    behind = np.divide(consumed, generated, out=np.zeros_like(consumed), where=generated != 0)
    return {s.id: delivered[s.id] * behind if s.kind.onsite else delivered[s.id] for s in found if s.claims}
