"""Carbon usage effectiveness with the market-based scope 2, kg CO2e / kWh of E_IT."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("cue_market", KpiOptions)
class CueMarket:
    """What contracts in the same hour do not cover, at the residual mix; never told in the place of CUE."""

    name, label = "cue_market", "CUE, market-based"
    unit = "kg/kWh"
    form: Form = "ratio"
    needs_mix = True
    formula = Quotient(
        (Term("co2m_g", "emitted together with E_IT", "g"),), (Term("co2m_eit", "E_IT"),), "E_IT"
    )
    method = (
        "Market-based: energy from the grid that contracts or time-stamped certificates cover in its hour "
        "counts as its contract says, all other energy from the grid, what is unknown included, by the "
        "residual mix of the zone, or by the grid of the hour where no residual mix is known, as does energy "
        "of own plants whose certificates are sold or were never issued; plus what fuelled generators emit, "
        "over E_IT, in kg CO2e per kWh. Untimed certificates change nothing in it."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        what = "the market-based carbon intensity of what was used together with E_IT"
        reason = fault(totals) or uncovered(totals.co2m_known, totals.expected, floor, what)
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.co2m_known, "edc", "eit", "supply")
