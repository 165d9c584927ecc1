"""How much of the load may have been matched: known to be green, and all that nobody knows."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, quotient, unmatched
from energy.totals import Totals


@KPIS.add("hourly_matched_upper", KpiOptions)
class HourlyMatchedUpper:
    """The upper bound beside ``hourly_matched``, the lower one: no claim, but what more may be true."""

    name, label = "hourly_matched_upper", "Hourly matched, at most"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    method = (
        "The hourly matched share if all energy of unknown origin and all consumption that is not measured "
        "had been green. The truth lies between the two; only the lower one is claimed."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        most = totals.green + totals.unknown + totals.load_missing
        return quotient(most, totals.load + totals.load_missing, unmatched(totals, floor), "the load")
