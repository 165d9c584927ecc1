"""Energy reuse factor: heat reused beyond the boundary / E_DC (ISO/IEC 30134-6, EN 50600-4-6)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, reused, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("erf", KpiOptions)
class Erf:
    """Measured by heat meters at the handover point."""

    name, label = "erf", "Energy reuse factor (ERF)"
    unit = "1"
    form: Form = "ratio"
    needs_mix = False
    formula = Quotient((Term("reuse", "heat reused"),), (Term("reuse_edc", "E_DC"),), "E_DC")
    method = (
        "Heat reused outside the data centre, measured where it is handed over, over E_DC. Without a heat "
        "meter at every site that the figure covers there is no ERF."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        known = uncovered(totals.reuse_known, totals.expected, floor, "heat", totals.heatless)
        return computed(self.formula, totals, fault(totals) or known or reused(totals))

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.reuse_known, "edc", "heat")
