"""Carbon-free energy score without the grid: contracted supply alone, over the load."""

from __future__ import annotations

from energy.kpi import KPIS, LOAD, Figure, Form, KpiOptions, by_the_load, computed, unproven
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("cfe_contracted", KpiOptions)
class CfeContracted:
    """The score of :mod:`energy.kpis.cfe_score` where the grid is credited with nothing."""

    name, label = "cfe_contracted", "CFE score without the grid"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    formula = Quotient(
        (Term("green", "known green"),),
        LOAD,
        "the load",
    )
    method = (
        "The hourly score of carbon-free energy with no credit for the grid's mix: that mix contains plants "
        "that others have contracted, which the score with the grid counts a second time."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        return computed(self.formula, totals, unproven(totals, floor))

    def basis(self, totals: Totals) -> Basis:
        return by_the_load(totals)
