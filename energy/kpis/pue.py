"""Power usage effectiveness: E_DC / E_IT (ISO/IEC 30134-2, EN 50600-4-2)."""

from __future__ import annotations

from energy.kpi import FAULT, KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("pue", KpiOptions)
class Pue:
    """Over the quarters in which both energies are measured; a value of 1 or less is a metering fault."""

    name, label = "pue", "PUE"
    unit = "1"
    form: Form = "ratio"
    needs_mix = False
    formula = Quotient((Term("pue_edc", "E_DC"),), (Term("pue_eit", "E_IT"),), "E_IT")
    method = (
        "E_DC divided by E_IT over the intervals in which both are measured. Over less than twelve months it "
        "is an interim value (iPUE in the terms of ISO/IEC 30134-2) and is not to be compared with an annual "
        "PUE."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        covered = uncovered(totals.both_known, totals.expected, floor, "E_DC together with E_IT")
        reason = (
            covered
            or fault(totals)
            or uncovered(totals.pue_known, totals.expected, floor, "E_DC that E_IT does not contradict")
        )
        found = computed(self.formula, totals, reason)
        if found.value is not None and found.value <= 1:
            return Figure(None, _impossible(totals, found.value))
        return found

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.pue_known, "edc", "eit")


def _impossible(totals: Totals, value: float) -> str:
    """Why a ratio of 1 or less is none: of a site without a battery nothing but a fault explains it."""
    if totals.both_released > 0:
        return "a battery fed the load with energy that passed the inlet before"
    return f"{FAULT}: E_DC / E_IT is {value:.3f}, but cannot be 1 or less"
