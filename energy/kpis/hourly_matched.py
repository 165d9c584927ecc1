"""Hourly matched share: energy matched with contracted supply in its own hour / E_DC."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, quotient, unsound
from energy.quantity import share
from energy.totals import Totals


@KPIS.add("hourly_matched", KpiOptions)
class HourlyMatched:
    """Withheld also when the origin of too much of the energy is unknown: that is not a low share."""

    name, label = "hourly_matched", "Hourly matched"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    method = (
        "For each UTC hour, matched energy is the smaller of consumption and contracted renewable supply "
        "(on-site generation consumed behind the meter first, then power purchase agreements delivered in "
        "the site's bidding zone, both only while their certificates are kept), in whole watt-hours, "
        "rounded down. The share is the sum of matched energy over the sum of consumption. Surplus of one "
        "hour never offsets another hour."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        reason = unsound(totals, floor)
        if reason is None and totals.edc > 0 and totals.unknown > (1 - floor) * totals.edc:
            known = 1 - totals.unknown / totals.edc
            told = f"the origin of the energy is known for {share(known)} of it"
            reason = f"{told}, below the floor of {share(floor)}"
        return quotient(totals.green, totals.edc + totals.edc_missing, reason, "E_DC")
