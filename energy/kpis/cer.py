"""Cooling efficiency ratio: heat removed / energy of the cooling (ISO/IEC 30134-7, EN 50600-4-7)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("cer", KpiOptions)
class Cer:
    """Over the quarters in which both energies are known; higher is better."""

    name, label = "cer", "Cooling efficiency ratio (CER)"
    unit = "1"
    form: Form = "ratio"
    needs_mix = False
    formula = Quotient(
        (Term("cer_one", "heat removed"),),
        (Term("cer_other", "energy of the cooling"),),
        "the energy of the cooling",
    )
    method = (
        "Heat that the cooling removed, told by heat meters, over the energy that it used, in kWh over kWh "
        "over the intervals in which both are known. Without such meters at every site that the figure "
        "covers there is no CER. Heat that is removed is not reused and counts in no ERF."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        reason = uncovered(totals.cer_known, totals.expected, floor, "removed heat", totals.uncooled)
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.cer_known, "cooling", "heat")
