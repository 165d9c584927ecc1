"""Scope 2, location-based: kg CO2e of the energy from the grid (GHG Protocol)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("co2_location_kg", KpiOptions)
class Co2Location:
    """Energy from the grid at the carbon intensity of its zone in its hour; contracts change nothing."""

    name, label = "co2_location_kg", "CO2e of scope 2, location-based"
    unit = "kg"
    form: Form = "amount"
    needs_mix = True
    formula = Quotient(
        (
            Term("location_g", "energy from the grid × its factor", "g"),
            Term("location_missing", "bound for what is not known", "g", adds=False),
        ),
        per=1000,
    )
    method = (
        "Energy from the grid times the carbon intensity of the bidding zone in that hour. A quarter-hour "
        "that is not known is taken to be as high as the highest that is, and as the highest draw at the "
        "highest factor. The factors, their source, method and version stand in the list of factors, whose "
        "lines add up to the figure."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        what = "the carbon intensity of energy from the grid"
        reason = fault(totals) or uncovered(totals.location_known, totals.expected, floor, what)
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.location_known, "edc")
