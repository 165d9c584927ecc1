"""Completeness: how many of the register intervals behind the figures are known."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("completeness", KpiOptions)
class Completeness:
    """Of the settled part of the step; 0 before anything is settled, never withheld."""

    name, label = "completeness", "Completeness"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    formula = Quotient(
        (Term("registers_known", "intervals known", "intervals"),),
        (Term("registers_expected", "intervals expected", "intervals"),),
        "intervals",
    )
    method = (
        "The share of the intervals of all meters and supplies that are known, of those expected in the "
        "settled part of the period."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        if totals.registers_expected == 0:
            return Figure(0.0)
        return computed(self.formula, totals, None)

    def basis(self, totals: Totals) -> Basis:
        return Basis(self.figure(totals, 0.0).value or 0.0, 0.0)
