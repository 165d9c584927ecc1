"""Share of E_DC that came from the grid and that nothing was matched with."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("grid_share", KpiOptions)
class GridShare:
    """Implements :class:`energy.kpi.Kpi`."""

    name, label = "grid_share", "Grid share (GS)"
    unit = "1"
    form: Form = "ratio"
    needs_mix = False
    formula = Quotient((Term("rest_grid", "from the grid, unmatched"),), (Term("edc", "E_DC"),), "E_DC")
    method = "Energy from the grid that nothing was matched with, over E_DC."

    def figure(self, totals: Totals, floor: float) -> Figure:
        return computed(self.formula, totals, None)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.edc_known, "edc")
