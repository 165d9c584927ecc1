"""Contracted and own energy that a figure claims and no cancelled certificate proves yet."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, computed, unsound
from energy.quotient import Quotient, Term
from energy.sums.basis import Basis
from energy.sums.totals import Totals


@KPIS.add("unproven_wh", KpiOptions)
class Unproven:
    """What REF counts of supplies whose certificates are kept, less what of these is cancelled."""

    name, label = "unproven_wh", "Not yet proven by a cancelled certificate"
    unit = "Wh"
    form: Form = "amount"
    needs_mix = False
    formula = Quotient(
        (
            Term("vouched", "claimed of supplies whose certificates are kept", adds=False),
            Term("proven", "proven by cancelled certificates of their plants", sign=-1, adds=False),
        ),
    )
    method = (
        "Energy of own plants and contracts whose certificates are kept, as REF counts it, less cancelled "
        "certificates of their plants for consumption within the period. Certificates are issued weeks after "
        "production: until they are cancelled the energy counts, and is told here. A month is not final as "
        "long as a whole certificate of it is lacking. Supplies of which nobody issues certificates are left "
        "out. A step shorter than what certificates are for knows of time-stamped ones only."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        return computed(self.formula, totals, unsound(totals, floor))

    def basis(self, totals: Totals) -> Basis:
        return totals.basis(totals.edc_known - totals.edc_refuted, "supply")
