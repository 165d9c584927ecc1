"""Carbon usage effectiveness, kg CO2e / kWh of E_IT (ISO/IEC 30134-8, EN 50600-4-8), location-based."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("cue", KpiOptions)
class Cue:
    """Grid energy at the zone's carbon intensity of the hour; contracts and certificates change nothing."""

    name, label = "cue", "Carbon usage effectiveness (CUE)"
    unit = "kg/kWh"
    form: Form = "ratio"
    needs_mix = True
    formula = Quotient(
        (Term("co2_g", "emitted together with E_IT", "g"),), (Term("co2_eit", "E_IT"),), "E_IT"
    )
    method = (
        "Location-based: energy from the grid times the carbon intensity of the bidding zone in that hour, "
        "plus what fuelled generators emit, over E_IT, in kg CO2e per kWh. Contracts and certificates "
        "change nothing in it. The mix of each hour is listed in the workbook, the CSV and the JSON."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        what = "the carbon intensity of what was used together with E_IT"
        reason = fault(totals) or uncovered(totals.co2_known, totals.expected, floor, what)
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.co2_known, "edc", "eit")
