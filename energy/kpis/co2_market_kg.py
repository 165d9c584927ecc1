"""Scope 2, market-based: kg CO2e of the energy from the grid by its contracts (GHG Protocol)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("co2_market_kg", KpiOptions)
class Co2Market:
    """What contracts cover in its hour counts as they say, the rest by the residual mix."""

    name, label = "co2_market_kg", "CO2e of scope 2, market-based"
    unit = "kg"
    form: Form = "amount"
    needs_mix = True
    formula = Quotient(
        (
            Term("market_g", "energy that is bought × its factor", "g"),
            Term("market_missing", "bound for what is not known", "g", adds=False),
        ),
        per=1000,
    )
    method = (
        "Energy from the grid that contracts or time-stamped certificates cover in its hour counts as its "
        "contract says; the rest by the residual mix of the zone, or by the grid of the hour where none is "
        "known, which the list of factors names. Energy of own plants whose certificates are sold or were "
        "never issued counts like energy from the grid. Untimed certificates change nothing in it: they have "
        "no hour. A quarter-hour that is not known is taken to be as high as the highest that is, and as the "
        "highest draw at the highest factor."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        what = "the market-based carbon intensity of energy from the grid"
        reason = fault(totals) or uncovered(totals.market_known, totals.expected, floor, what)
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.market_known, "edc", "supply")
