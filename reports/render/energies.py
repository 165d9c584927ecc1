"""The printed tables of energies, each in the unit that fits its largest figure.

A table is ``unit``, which its head states, and ``rows``; the row of a sum does not choose the unit, so that
what it adds up stays readable.
"""

from __future__ import annotations

from typing import Any

from energy.figures import KpiRow
from reports.content import CompletenessLine, MonthFigures
from reports.render.numbers import EnergyUnit, Numbers, fitting

Row = list[str]
Table = dict[str, Any]


def worst_hours(figures: MonthFigures, numbers: Numbers) -> Table:
    """The hours that cost the share most."""
    lines = figures.worst_hours
    unit = fitting(line.kpi.edc_wh for line in lines)
    rows = [
        [
            numbers.time(line.local),
            *(numbers.bare_energy(e, unit) for e in (line.kpi.edc_wh, line.kpi.green_wh, line.kpi.other_wh)),
            numbers.share(line.kpi.hourly_matched),
        ]
        for line in lines
    ]
    return {"unit": unit.name, "rows": rows}


def sources(figures: MonthFigures, numbers: Numbers) -> Table:
    """What each supply delivered and how much of it was matched; then the rest, and the whole."""
    edc = figures.mix.edc_wh
    rest = (("other (not matched)", figures.mix.other_wh), ("unknown", figures.mix.unknown_wh))
    unit = fitting([*(line.available_wh for line in figures.sources), *(energy for _, energy in rest)])
    rows = [
        [
            line.supply,
            line.kind.replace("_", " "),
            line.zone or "–",
            line.certificates,
            numbers.bare_energy(line.available_wh, unit, none="unknown"),
            numbers.bare_energy(line.matched_wh, unit),
            _part(line.matched_wh, edc, numbers),
        ]
        for line in figures.sources
    ]
    for name, energy in rest:
        rows.append(
            [name, "–", "–", "–", "–", numbers.bare_energy(energy, unit), _part(energy, edc, numbers)]
        )
    rows.append(["E_DC", "", "", "", "", numbers.bare_energy(edc, unit), _part(edc, edc, numbers)])
    return {"unit": unit.name, "rows": rows}


def _part(energy: float | None, whole: float | None, numbers: Numbers) -> str:
    return "–" if energy is None or not whole else numbers.share(energy / whole)


def days(figures: MonthFigures, numbers: Numbers) -> Table:
    """Every civil day, and the month below them."""
    settled = figures.settled_until or figures.period.start
    unit = fitting(day.kpi.edc_wh for day in figures.days)
    rows = [
        [
            f"{numbers.weekday(day.date)} {day.date.isoformat()}",
            str(day.hours),
            *(_energies(day.kpi, unit, numbers) if day.kpi.start < settled else ["not yet", *["–"] * 7]),
        ]
        for day in figures.days
    ]
    rows.append(["Month", numbers.count(figures.period.hours), *_energies(figures.total, unit, numbers)])
    return {"unit": unit.name, "rows": rows}


def _energies(kpi: KpiRow, unit: EnergyUnit, numbers: Numbers) -> Row:
    energies = (kpi.edc_wh, kpi.eit_wh, kpi.green_wh, kpi.other_wh, kpi.unknown_wh)
    return [
        *(numbers.bare_energy(energy, unit, none="unknown") for energy in energies),
        numbers.ratio(kpi.pue),
        numbers.share(kpi.hourly_matched),
        numbers.share(kpi.completeness),
    ]


def registers(figures: MonthFigures, numbers: Numbers) -> Table:
    """The completeness statement, a line a register."""
    unit = fitting(line.energy_wh for line in figures.completeness)
    every = figures.site.key == "all"
    rows = [
        [
            _register(line, every),
            line.role.replace("_", " "),
            numbers.bare_energy(line.energy_wh, unit),
            f"{numbers.count(line.known)} / {numbers.count(line.expected)}",
            numbers.share(line.completeness, none="–"),
            numbers.count(line.estimated),
            numbers.count(line.resets),
            _gap(line.longest_gap_intervals, numbers),
            line.grade,
        ]
        for line in figures.completeness
    ]
    return {"unit": unit.name, "rows": rows}


def _register(line: CompletenessLine, every: bool) -> str:
    name = f"{line.meter} {line.channel}"
    return f"{line.site}/{name}" if every else name


def _gap(intervals: int, numbers: Numbers) -> str:
    return "none" if not intervals else f"{numbers.decimal(intervals / 4, 2)} h"
