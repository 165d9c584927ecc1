"""Water usage effectiveness, litres / kWh of E_IT (ISO/IEC 30134-9, EN 50600-4-9): all site input."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("wue", KpiOptions)
class Wue:
    """Over the quarters in which the water and E_IT are known."""

    name, label = "wue", "Water usage effectiveness (WUE)"
    unit = "L/kWh"
    form: Form = "ratio"
    needs_mix = False
    formula = Quotient(
        (Term("water_l", "water taken in", "L"),), (Term("water_eit", "E_IT"),), "E_IT", times=1000
    )
    method = (
        "Category 2 of ISO/IEC 30134-9: all water taken in at the site, over E_IT, in litres per kWh, over "
        "the intervals in which both are measured. Without a water meter at every site that the figure "
        "covers there is no WUE."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        reason = uncovered(totals.water_known, totals.expected, floor, "water", totals.waterless) or fault(
            totals
        )
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.water_known, "water", "eit")
