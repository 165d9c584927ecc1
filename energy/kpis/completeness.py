"""Completeness: how many of the register intervals behind the figures are known."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, KpiOptions
from energy.totals import Totals


@KPIS.add("completeness", KpiOptions)
class Completeness:
    """Of the settled part of the step; 0 before anything is settled, never withheld."""

    name, unit = "completeness", "1"
    needs_mix = False

    def figure(self, totals: Totals, floor: float) -> Figure:
        if totals.registers_expected == 0:
            return Figure(0.0)
        return Figure(totals.registers_known / totals.registers_expected)
