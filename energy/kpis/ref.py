"""Renewable energy factor: renewable energy owned / E_DC, at most 1 (ISO/IEC 30134-3, EN 50600-4-3)."""

from __future__ import annotations

from energy.kpi import KPIS, LOAD, Figure, Form, KpiOptions, computed, unmatched
from energy.quotient import Quotient, Term
from energy.totals import Totals


@KPIS.add("ref", KpiOptions)
class Ref:
    """By volume over the whole step, whatever the hour or zone; nothing counts unless it is cancelled."""

    name, label = "ref", "Renewable energy factor (REF)"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    formula = Quotient(
        (
            Term("renewable", "renewable of own plants, storage and contracts", adds=False),
            Term("goo_counted", "cancelled certificates", adds=False),
        ),
        LOAD,
        "the load",
        capped=True,
    )
    method = (
        "Renewable energy over E_DC for the whole period, at most 1 (what a battery holds at its end counts "
        "in the next): on-site generation that was consumed, contracts whose certificates are kept, and "
        "guarantees of origin that were cancelled for consumption within the period. Certificates that are "
        "held or allocated and not cancelled, that have expired, or that belong to a metered supply add "
        "nothing. Over less than twelve months it is an interim value; it is not final until every "
        "certificate that it claims is cancelled."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        return computed(self.formula, totals, unmatched(totals, floor))
