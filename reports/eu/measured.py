"""What the meters and registries tell of a calendar year."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from energy.figures import Figures, KpiRow
from energy.interval import Period, month
from energy.quantity import share
from reports.eu.data_set import INDICATORS, Missing, Told
from reports.eu.proven import Evidence, evidence_of

_COVERED = {
    "edc_kwh": ("edc_wh", "energy at the inlet"),
    "eit_kwh": ("eit_wh", "energy of the IT equipment"),
    "win_m3": ("water_l", "the water"),
    "ereuse_kwh": ("reused_wh", "the heat reused"),
    "eres_ppa_kwh": ("ppa_wh", "the energy of contracts"),
    "eres_os_kwh": ("onsite_wh", "on-site generation"),
}
_UNMETERED = {"win_m3": "no water meter tells it", "ereuse_kwh": "no heat meter tells it"}
_THOUSAND = 1000.0
"""Wh of a kWh, and litres of a cubic metre."""
_ROUNDING = 1e-9


def year_of(year: int, zone: ZoneInfo) -> Period:
    """The calendar year in ``zone``. Raises ValueError for one that no register can be of."""
    if not 2000 <= year < 2200:
        raise ValueError(f"{year} is no year to report; write for example 2026")
    return Period(month(f"{year}-01", zone).start, month(f"{year}-12", zone).end)


async def measure(
    figures: Figures, site: str, period: Period, as_of: datetime | None = None, floor: float = 0.0
) -> dict[str, Told | Missing]:
    """The measured items of a site over ``period`` and its indicators; those not known, with their reason.

    An item of which less than ``floor`` of the intervals is known is missing; of a period of which less is
    known, all are. Indicators are the figures of the ledger: each over intervals that its parts share. Of
    supplies whose certificates are kept only what cancelled ones prove is renewable here, in ``ref`` too.
    """
    row = (await figures.kpi(site, period, None, as_of))[0]
    if row.completeness < floor:
        reason = _below("of the intervals are known", row.completeness, floor)
        return {key: Missing(reason) for key in (*_COVERED, "edc_bg_kwh", "eres_goo_kwh", *INDICATORS)}
    guarantees = row.sums.get("goo_wh")
    evidence = evidence_of(row, (await figures.configured(site, period, as_of))[site])
    found: dict[str, Told | Missing] = {key: evidence.item(key, _item(row, key, floor)) for key in _COVERED}
    found["edc_bg_kwh"] = await _backup(figures, site, period, as_of, floor)
    found["eres_goo_kwh"] = (
        Missing("no register of certificates tells it")
        if guarantees is None
        else Told(guarantees / _THOUSAND, "measured")
    )
    return found | {key: _indicator(row, key, evidence) for key in INDICATORS}


def _item(row: KpiRow, key: str, floor: float) -> Told | Missing:
    """One amount by its own quarters: how well others are known proves nothing of it."""
    name, what = _COVERED[key]
    found = row.covered.get(name)
    if found is None:
        return Missing(row.withheld.get(name, _UNMETERED.get(key, f"{what} is not known")))
    if found.share < floor - _ROUNDING:
        return Missing(_below(f"of {what} is known", found.share, floor))
    whole = found.share >= 1 and not found.estimated
    told = f"{share(found.share)} of the intervals are known, {share(found.estimated)} is estimated"
    return Told(found.amount / _THOUSAND, "measured", "" if whole else told, found.share >= 1)


def _indicator(row: KpiRow, key: str, evidence: Evidence) -> Told | Missing:
    amount = row.value(key) if key != "ref" else evidence.ref(row)
    if amount is None:
        return Missing(row.withheld.get(key, "what it is derived from is missing"))
    return Told(amount, "derived")


async def _backup(
    figures: Figures, site: str, period: Period, as_of: datetime | None, floor: float
) -> Told | Missing:
    """What generators gave; without any that is metered nobody knows, nor if one is hardly known."""
    lines = [one for one in await figures.statements(site, period, as_of) if one.role == "generator"]
    if not lines:
        return Missing("no meter of backup generators tells it")
    known = [one.energy_wh for one in lines if one.energy_wh is not None]
    if len(known) < len(lines):
        return Missing("a generator's is not known")
    least = min((one.known / one.expected for one in lines if one.expected), default=1.0)
    if least < floor - _ROUNDING:
        return Missing(_below("of a generator's intervals are known", least, floor))
    note = "" if least >= 1 else f"{share(least)} of a generator's intervals are known"
    return Told(sum(known) / _THOUSAND, "measured", note, least >= 1)


def _below(what: str, known: float, floor: float) -> str:
    return f"{share(known)} {what}, less than the floor of {share(floor)}"
