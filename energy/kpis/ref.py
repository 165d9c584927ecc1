"""Renewable energy factor: renewable energy owned / E_DC, at most 1 (ISO/IEC 30134-3, EN 50600-4-3)."""

from __future__ import annotations

from energy.kpi import KPIS, Figure, Form, KpiOptions, quotient, unmatched
from energy.totals import Totals


@KPIS.add("ref", KpiOptions)
class Ref:
    """By volume over the whole step, whatever the hour; energy whose certificates are sold counts nothing."""

    name, label = "ref", "Renewable energy factor (REF)"
    unit = "1"
    form: Form = "share"
    needs_mix = False
    method = (
        "Renewable energy over E_DC for the whole period, at most 1. Over less than twelve months it is an "
        "interim value; it stays provisional until the certificates are cancelled."
    )

    def figure(self, totals: Totals, floor: float) -> Figure:
        most = totals.load + totals.load_missing
        return quotient(totals.renewable, most, unmatched(totals, floor), "the load")
