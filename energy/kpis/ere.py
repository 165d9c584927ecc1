"""Energy reuse effectiveness: (E_DC less heat reused) / E_IT, which is PUE × (1 − ERF); may be below 1."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, reused, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("ere", KpiOptions)
class Ere:
    """Over the quarters in which E_DC, E_IT and the heat are all known."""

    name, label = "ere", "Energy reuse effectiveness (ERE)"
    unit = "1"
    form: Form = "ratio"
    needs_mix = False
    formula = Quotient(
        (Term("ere_edc", "E_DC"), Term("ere_reuse", "heat reused", sign=-1)),
        (Term("ere_eit", "E_IT"),),
        "E_IT",
    )
    method = (
        "E_DC minus the heat reused outside the data centre, over E_IT, which is PUE times (1 - ERF); it may "
        "be below 1. Heat that no meter counts is not taken for 0: then there is no ERE."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        known = uncovered(totals.ere_known, totals.expected, floor, "heat", totals.heatless)
        return computed(self.formula, totals, fault(totals) or known or reused(totals))

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.ere_known, "edc", "eit", "heat")
