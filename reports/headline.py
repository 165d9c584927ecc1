"""The figures of the month one by one, each with its name, unit and form: what every format shows of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

import energy.kpis
from energy.annual import ANNUAL, Trailing
from energy.figures import KpiRow
from energy.kpi import KPIS, Kpi
from reports.content import Figure, Form

SHARES = ("hourly_matched", "ref", "cfe_score")
"""The three green shares: never exchanged, and always shown first and together."""

ENERGIES = {
    "edc_wh": "Consumption (E_DC)",
    "load_wh": "Load (E_DC, batteries taken out)",
    "eit_wh": "IT equipment (E_IT)",
    "green_wh": "Matched (green)",
    "other_wh": "Other (not matched)",
    "unknown_wh": "Unknown",
}
"""The energies of a row, and what people call them."""

_LAST = "completeness"
_UNPROVEN = "unproven_wh"

_AMOUNTS: tuple[tuple[str, str, str, tuple[str, float, str]], ...] = (
    ("co2_t", "CO2e behind CUE: location-based and scope 1", "t", ("co2_g", 1e-6, "cue")),
    ("water_m3", "Water taken in", "m3", ("water_l", 1e-3, "wue")),
    ("reused_wh", "Heat reused", "Wh", ("reused_wh", 1.0, "erf")),
)
"""Key, name and unit of each amount; the sum that it is, times what, and the KPI that it stands behind."""


def kpis() -> dict[str, Kpi]:
    """Every registered KPI in the order of the report: green shares, PUE, the others, completeness."""
    KPIS.load(energy.kpis)
    first = [*SHARES, "pue"]
    names = [*first, *(name for name in KPIS if name not in (*first, _LAST)), _LAST]
    return {name: KPIS[name].factory() for name in names}


def headline(total: KpiRow) -> tuple[Figure, ...]:
    """Every figure of ``total``, unrounded."""
    return tuple(_figure(total, *named) for named in _names())


def _names() -> Iterator[tuple[str, str, str, Form]]:
    for name, kpi in kpis().items():
        if name == _LAST:
            continue
        yield name, kpi.label, kpi.unit, kpi.form
        if name == "pue":
            for energy_name, label in ENERGIES.items():
                yield energy_name, label, "Wh", "energy"
    yield _LAST, kpis()[_LAST].label, "1", "share"
    yield "estimated", "Estimated", "1", "share"


def _figure(total: KpiRow, key: str, name: str, unit: str, form: Form) -> Figure:
    value = total.value(key)
    reason = None if value is not None else total.withheld.get(key, "the ledger gives no value")
    return Figure(key, _marked(name, total.marks, key), unit, form, value, reason)


def _marked(name: str, marks: Mapping[str, str], key: str) -> str:
    """What a report calls a figure that must not be published as the whole: its mark is part of its name."""
    return f"{name}, {marks[key]}" if key in marks else name


def twelve_months(found: Trailing, tz: ZoneInfo) -> tuple[Figure, ...]:
    """The KPIs that standards define over a year, over the year of the month's end."""
    last = "" if found.end is None else f" to {(found.end.astimezone(tz) - timedelta(seconds=1)):%Y-%m-%d}"
    annual = tuple(
        Figure(
            f"{name}_12_months",
            _marked(f"{kpi.label}, 12 months{last}", found.marks, name),
            kpi.unit,
            kpi.form,
            found.figures.get(name),
            found.withheld.get(name),
        )
        for name, kpi in kpis().items()
        if name in ANNUAL
    )
    if not found.unproven_wh:
        return annual
    words = f"{kpis()[_UNPROVEN].label}, 12 months{last}"
    return (*annual, Figure(f"{_UNPROVEN}_12_months", words, "Wh", "energy", found.unproven_wh, None))


def amounts(total: KpiRow) -> tuple[Figure, ...]:
    """The month's CO2e, water and reused heat: withheld with the figure that they stand behind."""
    found = []
    for key, name, unit, (source, factor, kpi) in _AMOUNTS:
        known = total.sums.get(source) if total.value(kpi) is not None else None
        reason = None if known is not None else total.withheld.get(kpi, "the ledger gives no value")
        value = None if known is None else known * factor
        found.append(Figure(key, name, unit, "energy" if unit == "Wh" else "amount", value, reason))
    return tuple(found)
