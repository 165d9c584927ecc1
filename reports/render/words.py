"""What the printed report says in words, for whatever else of the report says the same."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from reports.content import Figure, MonthFigures, MonthlyReport, TargetLine
from reports.render.numbers import WITHHELD, Numbers

SHARES = (
    (
        "hourly_matched",
        "Hourly matched",
        "of consumption met in the same hour by contracted renewable supply",
    ),
    ("ref", "Renewable energy factor", "renewable energy over consumption, for the whole month"),
    ("cfe_score", "CFE score", "hourly carbon-free energy, the grid's mix included"),
)
"""The green shares by key: the name of each, and what it is a share of."""

GRID_UNITS = {"renewable_share": "1", "carbon_free_share": "1", "carbon_g_per_kwh": "g/kWh"}
"""What is told of the grid's mix in an hour, with its unit."""

SUMS = {
    "renewable_wh": "Renewable, for REF",
    "proven_wh": "Of supplies, proven by cancelled certificates",
    "green_unproven_wh": "Matched, at most so much not yet proven by a cancelled certificate",
    "missing_wh": "Not known, in the denominators of the green shares",
    "rest_grid_wh": "From the grid, not matched",
    "green_onsite_wh": "Matched with own plants",
    "green_storage_wh": "Matched out of batteries",
    "green_ppa_wh": "Matched with contracts",
    "green_timed_wh": "Matched with time-stamped certificates",
    "battery_charged_wh": "Charged batteries",
    "battery_withdrawn_wh": "Drawn from batteries, losses included",
    "battery_lost_wh": "Lost in batteries",
    "battery_kept_green_wh": "Surplus that charged batteries",
    "carbon_free_wh": "Carbon-free, for the CFE score",
    "grid_wh": "From the grid, for CUE",
    "co2_g": "CO2e, for CUE",
    "co2_eit_wh": "E_IT, for CUE",
    "water_l": "Water, for WUE",
    "water_eit_wh": "E_IT, for WUE",
    "reused_wh": "Heat reused, for ERF",
    "reused_edc_wh": "E_DC, for ERF",
}
"""The sums behind the figures, as people call them; another one goes by its own name."""

APART = (
    "All sites together are reported in months of UTC, each site alone in months of its own time zone, so "
    "this is not the sum of the sites' own reports."
)
"""What whoever adds up the sites' reports has to know."""


def sum_unit(name: str) -> str:
    """The unit of a sum, which its name ends with."""
    return {"wh": "Wh", "g": "g", "l": "L"}.get(name.rpartition("_")[2], "1")


ROUNDING = (
    "Shares of what is green are rounded down and what that leaves is added to other and unknown, so that "
    "the column adds up to 100.00 %."
)
"""The one rule by which parts of the load are written, wherever they stand in a column."""


def target_name(target: TargetLine, reported: str) -> str:
    """The target's name; in the report of another than its own site (of all), with its site."""
    return target.name if target.site == reported else f"{target.site}/{target.name}"


def numbers_of(report: MonthlyReport) -> Numbers:
    """How this report writes its numbers."""
    figures = report.figures
    return Numbers(report.locale, ZoneInfo(figures.site.zone), figures.total.edc_wh)


def revision_words(report: MonthlyReport) -> str:
    """``revision 2``; what the archive has not issued has none."""
    return f"revision {report.revision}" if report.revision else "not issued"


def judged_words(report: MonthlyReport) -> str:
    """Up to when alarms are judged, of a report that leaves out later ones; else empty."""
    if report.alerts_until is None:
        return ""
    until = numbers_of(report).time(report.alerts_until)
    return f"Alarms are judged up to {until}: what happened later is not judged yet and left out."


def notice(report: MonthlyReport) -> str:
    """What the state of the report means for the reader."""
    figures, numbers = report.figures, numbers_of(report)
    if report.alerts_until is not None and _settled(figures):
        return f"Draft. All intervals are settled. {judged_words(report)}"
    if figures.state == "draft":
        until = numbers.time(figures.settled_until, none="no time yet")
        return (
            f"Draft. The month is settled until {until}; every figure covers that part only and will change. "
            f"{judged_words(report)}"
        ).rstrip()
    if figures.state == "provisional":
        return (
            "Provisional. All intervals are settled; the month is not locked, or certificates that it claims "
            "are not yet cancelled."
        )
    return "Final. All intervals are settled, the month is locked and its certificates are cancelled."


def summary(figures: MonthFigures, values: dict[str, Figure], numbers: Numbers) -> str:
    """The month in a sentence or two; names what is withheld instead of passing over it."""
    edc, green = values["edc_wh"], values["green_wh"]
    if edc.value is None or green.value is None:
        return f"Consumption of {figures.site.name} is {WITHHELD}: {edc.reason or green.reason}."
    met = f"Contracted renewable supply met {numbers.energy(green.value)} of it in the same hour"
    matched = values["hourly_matched"]
    share = f"{met}; the share is {WITHHELD}: {matched.reason}."
    if matched.value is not None:
        share = f"{met}: {numbers.share(matched.value)}."
    name, length = figures.site.name, _length(figures, numbers)
    if figures.total.completeness < 1:
        known = f"{numbers.share(figures.total.completeness)} of its meters' intervals are known"
        return f"{name} is known to have used {numbers.energy(edc.value)} in {length}; {known}. {share}"
    return f"{name} used {numbers.energy(edc.value)} in {length}. {share}"


def _settled(figures: MonthFigures) -> bool:
    return figures.settled_until is not None and figures.settled_until >= figures.period.end


def _length(figures: MonthFigures, numbers: Numbers) -> str:
    period = figures.period
    if figures.state != "draft" or _settled(figures):
        return f"{numbers.count(period.hours)} hours"
    settled = figures.settled_until or period.start
    hours = max(settled - period.start, timedelta(0)) / timedelta(hours=1)
    return f"the first {numbers.decimal(hours, 2)} of {numbers.count(period.hours)} hours"
