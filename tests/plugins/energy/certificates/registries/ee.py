"""EE: guarantees of origin of Estonia, which can be cancelled for 18 months."""

from __future__ import annotations

from energy.certificates.registry import REGISTRIES, NoOptions, RegistryRules


@REGISTRIES.add("EE", NoOptions)
def estonia() -> RegistryRules:
    """Written as files of any registry may be."""
    return RegistryRules("EE", "Estonia (Elering)", 18, ("EE",), zone="EE", time_zone="Europe/Tallinn")
