"""How the figures are made, in the words of the report; the version changes whenever a figure could."""

from __future__ import annotations

from reports.headline import kpis

METHOD_VERSION = "amberwatt-2"

_BASIS: tuple[tuple[str, str], ...] = (
    (
        "Boundary and consumption",
        "E_DC is the electricity that enters the data centre: utility import minus utility export "
        "plus on-site generation (solar, wind, generator), measured at the inlet. A battery stands "
        "inside the boundary: its energy counts in E_DC when it crosses the inlet. The load is E_DC "
        "less what charged batteries plus what left them, losses included; green shares by the hour are "
        "over the load, REF by volume is over E_DC. What surplus charged is traced first in, first out. E_IT "
        "is the energy at the meters with role it; the PUE category (pue1: UPS output, pue2: PDU output, "
        "pue3: equipment input) names where they measure.",
    ),
    (
        "Intervals",
        "Energy is accounted in 15-minute intervals of UTC, from the registers of the meters. Hours, "
        "days and the month are sums of intervals; days and months begin at midnight in the site's "
        "time zone, so a month is an hour longer or shorter when the clocks change. Ratios are never "
        "averaged: numerators and denominators are summed over the same intervals, then divided.",
    ),
)

_CARE: tuple[tuple[str, str], ...] = (
    (
        "Unknown is not green",
        "Energy is green, other or unknown, and the three sum to E_DC. Missing data is never filled "
        "with zero and never improves a share. Below the completeness floor a figure is withheld and "
        "its reason given.",
    ),
    (
        "Gaps, resets and estimates",
        "Between two good readings the energy of a gap is known and only its course is interpolated: "
        "estimated. After a register was reset, the new count is a lower bound: reset. Without a "
        "register, power is integrated: integrated. Without readings, an interval is missing; consumption "
        "is then substituted by a backup meter, a straight line of up to an hour or the same weekday and "
        "time of the weeks before, which counts as estimated, not as known, claims nothing green and stands "
        "in no ratio. What is lost stands in denominators with the highest that is known and with the "
        "contracted power. A "
        "meter is called measured from 99 % of known intervals, measured with estimates from 90 %, and "
        "indicative below.",
    ),
    (
        "Rounding",
        "Figures are computed and exported unrounded, energies in whole watt-hours. In print, shares and "
        "completeness are rounded down, so that 100.0 % means all of it; other figures are rounded to the "
        "nearest. Where the shares of sources stand under each other, those of supplies are rounded down "
        "and what that leaves is added to other and unknown, by largest remainder: the column adds up to "
        "100.0 % and rounding never flatters.",
    ),
    (
        "Revisions and checksum",
        "A month is a draft until its last interval is settled, provisional until it is locked and the "
        "certificates that it claims are cancelled, then final. Late readings reopen an interval of a month "
        "that is not locked; the report then gets a new "
        "revision, and every earlier one is kept. The checksum is the SHA-256 of the canonical JSON "
        "of the figures and is the same in every format.",
    ),
)


def method() -> tuple[tuple[str, str], ...]:
    """Title and words of every paragraph: what is counted, each KPI in its own words, and the care taken."""
    return (*_BASIS, *((kpi.label, kpi.method) for kpi in kpis().values()), *_CARE)
