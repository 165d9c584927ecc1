"""Hourly matched share: load matched with contracted supply in its own hour / load."""

from __future__ import annotations

from energy.kpi import KPIS, LOAD, Figure, Form, KpiOptions, by_the_load, computed, unproven
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("hourly_matched", KpiOptions)
class HourlyMatched:
    """Withheld also when the origin of too much of the energy is unknown: that is not a low share."""

    name, label = "hourly_matched", "Hourly matched"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    formula = Quotient(
        (Term("green", "known green"),),
        LOAD,
        "the load",
    )
    method = (
        "For each UTC hour, matched energy is the smaller of the load and contracted renewable supply: "
        "on-site generation consumed behind the meter first, then batteries that such supply charged (first "
        "in, first out, losses taken off), then power purchase agreements delivered in the site's bidding "
        "zone, all only while their certificates are kept or nobody issues any (green_unproven_wh tells how "
        "much of it no cancelled certificate proves yet), then cancelled time-stamped certificates of that "
        "zone; in whole watt-hours, rounded down. The load is E_DC less what charged batteries plus what "
        "left them. The share is the sum of matched energy over the sum of the load. Surplus of one hour "
        "never offsets another hour."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        return computed(self.formula, totals, unproven(totals, floor))

    def basis(self, totals: Totals) -> Basis:
        return by_the_load(totals)
