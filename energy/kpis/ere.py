"""Energy reuse effectiveness: (E_DC less heat reused) / E_IT, which is PUE × (1 − ERF); may be below 1."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, KpiOptions, quotient, uncovered
from energy.totals import Totals


@KPIS.add("ere", KpiOptions)
class Ere:
    """Over the quarters in which E_DC, E_IT and the heat are all known."""

    name, unit = "ere", "1"
    needs_mix = False

    def figure(self, totals: Totals, floor: float) -> Figure:
        known = None if totals.reuse_known is None else totals.ere_known
        reason = uncovered(known, totals.expected, floor, "heat")
        return quotient(totals.ere_edc - totals.ere_reuse, totals.ere_eit, reason, "E_IT")
