"""Hourly matched share: energy matched with contracted supply in its own hour / E_DC."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, KpiOptions, quotient, uncovered
from energy.totals import Totals


@KPIS.add("hourly_matched", KpiOptions)
class HourlyMatched:
    """Withheld also when the origin of too much of the energy is unknown: that is not a low share."""

    name, unit = "hourly_matched", "1"
    needs_mix = False

    def figure(self, totals: Totals, floor: float) -> Figure:
        reason = uncovered(totals.edc_known, totals.expected, floor, "E_DC")
        if reason is None and totals.unknown > (1 - floor) * totals.edc:
            share = 1 - totals.unknown / totals.edc
            reason = (
                f"the origin of the energy is known for {share:.1%} of it, below the floor of {floor:.1%}"
            )
        return quotient(totals.green, totals.edc + totals.edc_missing, reason, "E_DC")
