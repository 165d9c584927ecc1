"""Energy reuse factor: heat reused beyond the boundary / E_DC (ISO/IEC 30134-6, EN 50600-4-6)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, KpiOptions, quotient, uncovered
from energy.totals import Totals


@KPIS.add("erf", KpiOptions)
class Erf:
    """Measured by heat meters at the handover point."""

    name, unit = "erf", "1"
    needs_mix = False

    def figure(self, totals: Totals, floor: float) -> Figure:
        reason = uncovered(totals.reuse_known, totals.expected, floor, "heat")
        return quotient(totals.reuse, totals.reuse_edc, reason, "E_DC")
