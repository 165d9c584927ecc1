"""Carbon usage effectiveness, kg CO2e / kWh of E_IT (ISO/IEC 30134-8, EN 50600-4-8), location-based."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, fault, quotient, uncovered
from energy.totals import Totals


@KPIS.add("cue", KpiOptions)
class Cue:
    """Grid energy at the zone's carbon intensity of the hour; contracts and certificates change nothing."""

    name, label = "cue", "Carbon usage effectiveness (CUE)"
    unit = "kg/kWh"
    form: Form = "ratio"
    needs_mix = True
    method = (
        "Location-based: energy from the grid times the carbon intensity of the bidding zone in that hour, "
        "plus what fuelled generators emit, over E_IT, in kg CO2e per kWh. Contracts and certificates "
        "change nothing in it. The mix of each hour is listed in the workbook, the CSV and the JSON."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        what = "the carbon intensity of what was used together with E_IT"
        reason = fault(totals) or uncovered(totals.co2_known, totals.expected, floor, what)
        return quotient(totals.co2_g, totals.co2_eit, reason, "E_IT")
