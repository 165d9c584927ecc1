"""The grid over the life cycle: kg CO2e, told under its own name and in no scope 2."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals

_NOBODY = (
    "nobody tells what the grid emits over the life cycle: documents would, or grams told as lifecycle = 1"
)


@KPIS.add("co2_lifecycle_kg", KpiOptions)
class Co2Lifecycle:
    """Energy from the grid at what a kWh of its zone emits over the life cycle of plants and fuel."""

    name, label = "co2_lifecycle_kg", "CO2e of the grid over the life cycle, no scope 2"
    unit = "kg"
    form: Form = "amount"
    needs_mix = True
    formula = Quotient(
        (
            Term("lifecycle_g", "energy from the grid × its factor over the life cycle", "g"),
            Term("lifecycle_missing", "bound for what is not known", "g", adds=False),
        ),
        per=1000,
    )
    method = (
        "Energy from the grid times what a kWh of the bidding zone emits in that hour over the life cycle of "
        "its plants: fuel supply, building and dismantling are in it, which scope 2 leaves to scope 3. So it "
        "stands beside the scopes and is part of none. A quarter-hour that is not known is taken to be as "
        "high as the highest that is."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        known, what = totals.lifecycle_known, "what the grid emits over the life cycle"
        nobody = _NOBODY if totals.expected and known == 0 else None
        reason = fault(totals) or nobody or uncovered(known, totals.expected, floor, what)
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.lifecycle_known, "edc")
