"""Power usage effectiveness: E_DC / E_IT (ISO/IEC 30134-2, EN 50600-4-2)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.totals import Totals


@KPIS.add("pue", KpiOptions)
class Pue:
    """Over the quarters in which both energies are known; a value of 1 or less is a metering fault."""

    name, label = "pue", "PUE"
    unit = "1"
    form: Form = "ratio"
    needs_mix = False
    formula = Quotient((Term("pue_edc", "E_DC"),), (Term("pue_eit", "E_IT"),), "E_IT")
    method = (
        "E_DC divided by E_IT over the intervals in which both are known. Over less than twelve months it is "
        "an interim value (iPUE in the terms of ISO/IEC 30134-2) and is not to be compared with an annual "
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
            return Figure(None, "a battery fed the load with energy that passed the inlet before")
        return found
