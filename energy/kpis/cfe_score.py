"""Carbon-free energy score: hourly matched energy, plus the carbon-free part of the rest from the grid."""

from __future__ import annotations

from energy.kpi import KPIS, LOAD, Figure, Form, KpiOptions, by_the_load, computed, unmatched
from energy.quantity import share
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("cfe_score", KpiOptions)
class CfeScore:
    """Grid energy of an hour whose mix is not known counts as not carbon-free, if that is but little."""

    name, label = "cfe_score", "CFE score"
    unit = "1"
    form: Form = "share"
    needs_mix = True
    formula = Quotient(
        (Term("cfe", "known green, and the carbon-free part of the rest from the grid"),),
        LOAD,
        "the load",
    )
    method = (
        "The hourly score of carbon-free energy: matched energy plus the carbon-free share of the grid "
        "supply that covers the rest, over the load. It may credit the grid's mix, including nuclear "
        "power, and is therefore another figure than the two renewable shares; the three are never "
        "exchanged."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        reason = unmatched(totals, floor)
        if reason is None and totals.load > 0 and totals.cfe_blind > (1 - floor) * totals.load:
            known = 1 - totals.cfe_blind / totals.load
            reason = (
                f"the grid's carbon-free share is known for {share(known)} of the energy, "
                f"below the floor of {share(floor)}"
            )
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return by_the_load(totals)
