"""Scope 1: kg CO2e of what fuelled generators burnt on site (GHG Protocol)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, fault, uncovered
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("co2_scope1_kg", KpiOptions)
class Co2Scope1:
    """Generator energy at the factor that its supply declares; told apart from scope 2, never added to it."""

    name, label = "co2_scope1_kg", "CO2e of scope 1, generators"
    unit = "kg"
    form: Form = "amount"
    needs_mix = True
    formula = Quotient(
        (
            Term("scope1_g", "energy of generators × their factors", "g"),
            Term("scope1_missing", "bound for what is not known", "g", adds=False),
        ),
        per=1000,
    )
    method = (
        "Energy of fuelled generators times the grams per kWh that each of them declares. A quarter-hour "
        "that is not known is taken to be as high as the highest that is, and as max_power_kw at its "
        "factor. Without a factor of a generator that ran, or a bound of one whose readings are lost, "
        "there is no figure."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        known, what = totals.scope1_known, "the energy of generators"
        reason = _blind(totals) or fault(totals) or uncovered(known, totals.expected, floor, what)
        return computed(self.formula, totals, reason)

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.scope1_known)


def _blind(totals: Totals) -> str | None:
    if totals.scope1_blind > 0:
        return f"{totals.scope1_blind / 1000:,.1f} kWh of generators have no carbon_g_per_kwh; declare it"
    if totals.scope1_boundless > 0:
        lost = f"{totals.scope1_boundless:,.0f} quarter-hours of generators are not known"
        return f"{lost} and nothing bounds them; declare max_power_kw and carbon_g_per_kwh"
    return None
