"""What the meters and registries tell of a calendar year."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from energy.figures import Figures, KpiRow
from energy.interval import Period, month
from energy.quantity import share
from reports.eu.data_set import Missing, Told

_SUMS = {
    "win_m3": ("water_l", "no water meter tells it"),
    "ereuse_kwh": ("reused_wh", "no heat meter tells it"),
    "eres_goo_kwh": ("goo_wh", "no register of certificates tells it"),
    "eres_ppa_kwh": ("ppa_wh", "the energy of contracts is not known"),
    "eres_os_kwh": ("onsite_wh", "on-site generation is not known"),
}
_THOUSAND = 1000.0
"""Wh of a kWh, and litres of a cubic metre."""


def year_of(year: int, zone: ZoneInfo) -> Period:
    """The calendar year in ``zone``. Raises ValueError for one that no register can be of."""
    if not 2000 <= year < 2200:
        raise ValueError(f"{year} is no year to report; write for example 2026")
    return Period(month(f"{year}-01", zone).start, month(f"{year}-12", zone).end)


async def measure(
    figures: Figures, site: str, period: Period, as_of: datetime | None = None, floor: float = 0.0
) -> dict[str, Told | Missing]:
    """The measured items of a site over ``period``; those that are not known, with their reason.

    Of a period of which less than ``floor`` of the intervals is known nothing is measured.
    """
    row = (await figures.kpi(site, period, None, as_of))[0]
    if row.completeness < floor:
        reason = (
            f"{share(row.completeness)} of the intervals are known, less than the floor of {share(floor)}"
        )
        return {key: Missing(reason) for key in ("edc_kwh", "eit_kwh", "edc_bg_kwh", *_SUMS)}
    found = {
        "edc_kwh": _figure(row, "edc_wh", "energy at the inlet is not known"),
        "eit_kwh": _figure(row, "eit_wh", "energy of the IT equipment is not known"),
        "edc_bg_kwh": await _backup(figures, site, period, as_of),
    }
    for key, (name, otherwise) in _SUMS.items():
        amount = row.sums.get(name)
        found[key] = (
            Missing(otherwise) if amount is None else Told(amount / _THOUSAND, "measured", _note(row))
        )
    return found


def _figure(row: KpiRow, name: str, otherwise: str) -> Told | Missing:
    amount = row.value(name)
    if amount is None:
        return Missing(row.withheld.get(name, otherwise))
    return Told(amount / _THOUSAND, "measured", _note(row))


async def _backup(figures: Figures, site: str, period: Period, as_of: datetime | None) -> Told | Missing:
    """What generators gave; without any that is metered nobody knows."""
    lines = [one for one in await figures.statements(site, period, as_of) if one.role == "generator"]
    known = [one.energy_wh for one in lines if one.energy_wh is not None]
    if not known or len(known) < len(lines):
        return Missing(
            "no meter of backup generators tells it" if not lines else "a generator's is not known"
        )
    return Told(sum(known) / _THOUSAND, "measured")


def _note(row: KpiRow) -> str:
    if row.completeness >= 1 and not row.estimated:
        return ""
    return f"{share(row.completeness)} of the intervals are known, {share(row.estimated)} is estimated"
