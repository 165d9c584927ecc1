"""How much of the load may have been matched: known to be green, and all that nobody knows."""

from __future__ import annotations

from energy.kpi import KPIS, LOAD, Figure, Form, KpiOptions, by_the_load, computed, unmatched
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("hourly_matched_upper", KpiOptions)
class HourlyMatchedUpper:
    """The upper bound beside ``hourly_matched``, the lower one: no claim, but what more may be true."""

    name, label = "hourly_matched_upper", "Hourly matched, at most"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    formula = Quotient(
        (
            Term("green", "known green"),
            Term("unknown", "of unknown origin"),
            Term("load_missing", "bound for load that is not known", adds=False),
        ),
        LOAD,
        "the load",
    )
    method = (
        "The hourly matched share if all energy of unknown origin and all consumption that is not measured "
        "had been green. The truth lies between the two; only the lower one is claimed."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        return computed(self.formula, totals, unmatched(totals, floor))

    def basis(self, totals: Totals) -> Basis:
        return by_the_load(totals)
