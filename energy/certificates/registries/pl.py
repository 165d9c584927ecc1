"""PL: guarantees of origin issued by URE, in the register that TGE (Towarowa Giełda Energii) keeps."""

from __future__ import annotations

from energy.certificates.registry import REGISTRIES, NoOptions, RegistryRules


@REGISTRIES.add("PL", NoOptions)
def poland() -> RegistryRules:
    """They expire 12 months after production.

    Whether this register is connected to the hub of the AIB is not established: certificates of other
    registries serve a Polish site only with evidence of a transfer.
    """
    return RegistryRules(
        key="PL",
        name="Poland (TGE)",
        expires_after_months=12,
        zones=("PL",),
        zone="PL",
        country="PL",
        time_zone="Europe/Warsaw",
        delimiter=";",
        decimal=",",
        columns={
            "number_from": ("numer od", "numer_od"),
            "number_to": ("numer do", "numer_do"),
            "volume": ("wolumen mwh", "wolumen", "ilość mwh"),
            "production_start": ("okres wytworzenia od", "okres_od"),
            "production_end": ("okres wytworzenia do", "okres_do"),
            "technology": ("rodzaj źródła", "technologia"),
            "plant": ("instalacja", "nazwa instalacji"),
            "commissioned": ("data uruchomienia",),
            "issued": ("data wydania",),
            "expires": ("data ważności", "termin ważności"),
            "country": ("kraj",),
            "state": ("stan", "status"),
        },
    )
