"""Renewable energy factor: renewable energy owned / E_DC, at most 1 (ISO/IEC 30134-3, EN 50600-4-3)."""

from __future__ import annotations

from energy.kpi import KPIS, TAKEN_IN, Figure, Form, KpiOptions, computed, unmatched
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("ref", KpiOptions)
class Ref:
    """By volume over the whole step, whatever the hour or zone; told is what awaits its certificates."""

    name, label = "ref", "Renewable energy factor (REF)"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    formula = Quotient(
        (
            Term("renewable", "renewable of own plants, storage and contracts", adds=False),
            Term("goo_counted", "cancelled certificates", adds=False),
        ),
        TAKEN_IN,
        "E_DC",
        capped=True,
    )
    method = (
        "Renewable energy over E_DC for the whole period, at most 1, as ISO/IEC 30134-3 says: what charged a "
        "battery is E_DC of the period in which it came in, while the shares by the hour are over the load. "
        "Counted are on-site generation that was consumed and contracts, if their certificates are kept or "
        "nobody issues any, and guarantees of origin cancelled for consumption within the period. "
        "Supplies count while their certificates are awaited: unproven_wh tells how much of that "
        "no cancelled certificate proves yet; those sold, expired or used elsewhere are taken off. Other "
        "certificates that are held or allocated and not cancelled, that have expired, or that belong to a "
        "metered supply add nothing. Over less than twelve months it is an interim value; it is not final "
        "until every certificate that it claims is cancelled."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        return computed(self.formula, totals, unmatched(totals, floor))

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.edc_known - totals.edc_refuted, "edc", "supply")
