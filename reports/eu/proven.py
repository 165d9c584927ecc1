"""What of a year's renewable energy is proven: the act wants guarantees owned and cancelled."""

from __future__ import annotations

from dataclasses import dataclass, replace

from energy.configuration.site import SiteOptions
from energy.figures import KpiRow
from reports.eu.data_set import Missing, Told

_CERTIFICATE_WH = 1e6
_THOUSAND = 1000.0
"""Wh of a kWh."""


@dataclass(frozen=True)
class Evidence:
    """Wh that no cancelled certificate proves: of contracts (``ppa_wh``) and of own plants (``onsite_wh``).

    ``whole_wh``: less than this is less than one certificate of each plant, and nobody issues it.
    """

    ppa_wh: float
    onsite_wh: float
    whole_wh: float

    def item(self, key: str, found: Told | Missing) -> Told | Missing:
        """``found`` without what of it is not proven, if it is one of the two amounts, and saying so."""
        unproven = {"eres_ppa_kwh": self.ppa_wh, "eres_os_kwh": self.onsite_wh}.get(key, 0.0)
        if unproven <= 0 or isinstance(found, Missing) or not isinstance(found.value, float):
            return found
        kwh = unproven / _THOUSAND
        said = f"without {kwh:,.0f} kWh that no cancelled certificate proves"
        note = "; ".join(filter(None, (found.note, said)))
        lacking = (
            f"{kwh:,.0f} kWh more were delivered and no cancelled certificate proves them; cancel those of "
            'the year, or write certificates = "sold" or "unissued" for the supply'
        )
        awaited = self.ppa_wh + self.onsite_wh >= self.whole_wh
        return replace(
            found, value=max(0.0, found.value - kwh), note=note, lacking=lacking if awaited else ""
        )

    def ref(self, row: KpiRow) -> float | None:
        """The factor of what is proven; None where the ledger withholds it.

        Guarantees that the ledger had no room for beside energy that is not proven count in its place.
        """
        unproven = self.ppa_wh + self.onsite_wh
        if row.ref is None or unproven <= 0:
            return row.ref
        formula = row.parts["ref"]
        amounts = {part.term.name: part.amount for part in formula.above}
        renewable = max(0.0, amounts["renewable"] - unproven) + row.sums.get("goo_wh", 0.0)
        return min(1.0, renewable / formula.denominator) if formula.denominator else None


def evidence_of(row: KpiRow, site: SiteOptions) -> Evidence:
    """What ``row`` leaves unproven at ``site``: of its contracts first, if it keeps certificates of any."""
    formula = row.parts.get("unproven_wh")
    unproven = 0.0 if formula is None else max(0.0, formula.numerator)
    kept = [s for s in site.supply if s.kind.renewable and s.certificates == "kept"]
    delivered = row.covered.get("ppa_wh")
    of_contracts = delivered is not None and any(s.kind.contract for s in kept)
    ppa = min(unproven, delivered.amount) if delivered is not None and of_contracts else 0.0
    return Evidence(ppa, unproven - ppa, max(1, len(kept)) * _CERTIFICATE_WH)
