"""LT: guarantees of origin issued by Litgrid, a member of the AIB since June 2018."""

from __future__ import annotations

from energy.certificates.registry import REGISTRIES, NoOptions, RegistryRules


@REGISTRIES.add("LT", NoOptions)
def lithuania() -> RegistryRules:
    """Taken to expire 12 months after production, unless the file or ``[[certificates]]`` tells otherwise.

    The national rule is not established here. In Estonia's, they may be transferred for 12 months and
    cancelled for 18; the shorter of the two never keeps a certificate alive that has expired.
    """
    return RegistryRules(
        key="LT",
        name="Lithuania (Litgrid, AIB)",
        expires_after_months=12,
        zones=("LT",),
        zone="LT",
        country="LT",
        time_zone="Europe/Vilnius",
        columns={
            "number_from": ("certificate number from", "certificates from", "nuo numerio"),
            "number_to": ("certificate number to", "certificates to", "iki numerio"),
            "volume": ("volume (mwh)", "volume mwh", "kiekis"),
            "production_start": ("production period start", "gamybos pradžia"),
            "production_end": ("production period end", "gamybos pabaiga"),
            "technology": ("technology", "energy source", "technologija"),
            "plant": ("production device", "plant name", "įrenginys"),
            "commissioned": ("operational date", "date of commissioning"),
            "issued": ("issuing date", "išdavimo data"),
            "expires": ("expiry date", "galioja iki"),
            "country": ("country of origin", "domain"),
        },
    )
