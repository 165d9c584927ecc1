"""Water usage effectiveness, litres / kWh of E_IT (ISO/IEC 30134-9, EN 50600-4-9): all site input."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, KpiOptions, quotient, uncovered
from energy.totals import Totals


@KPIS.add("wue", KpiOptions)
class Wue:
    """L/kWh, which is m³/MWh."""

    name, unit = "wue", "L/kWh"
    needs_mix = False

    def figure(self, totals: Totals, floor: float) -> Figure:
        reason = uncovered(totals.water_known, totals.expected, floor, "water")
        return quotient(1000 * totals.water_l, totals.water_eit, reason, "E_IT")
