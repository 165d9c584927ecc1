"""The printed tables of energies, each in the unit that fits its largest figure.

The row of a sum does not choose the unit, so that what it adds up stays readable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from energy.figures import ALL, KpiRow
from energy.quantity import EnergyUnit, fitting
from reports.content import CompletenessLine, HourLine, MonthFigures, SourceLine
from reports.render.numbers import Numbers
from reports.render.parts import parts

Row = TypeVar("Row")

NOT_KNOWN = "–"


@dataclass(frozen=True)
class Table(Generic[Row]):
    """``rows`` whose energies are written in ``unit``, which the head of the table states."""

    unit: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class HourRow:
    """One hour that cost the share much."""

    hour: str
    load: str
    green: str
    other: str
    unknown: str
    matched: str


@dataclass(frozen=True)
class SourceRow:
    """What a supply delivered, and what of the load came from it; or what of it came from elsewhere."""

    source: str
    delivered: str
    green: str
    part: str
    kind: str = "–"
    zone: str = "–"
    certificates: str = "–"


@dataclass(frozen=True)
class DayRow:
    """One civil day, or the month below its days."""

    day: str
    hours: str
    edc: str
    eit: str = "–"
    green: str = "–"
    other: str = "–"
    unknown: str = "–"
    pue: str = "–"
    matched: str = "–"
    complete: str = "–"

    @classmethod
    def unsettled(cls, day: str, hours: str) -> DayRow:
        """A day of which nothing can be told yet."""
        return cls(day, hours, edc="not yet")


@dataclass(frozen=True)
class RegisterRow:
    """The completeness statement of one register."""

    register: str
    role: str
    energy: str
    known: str
    complete: str
    estimated: str
    resets: str
    gap: str
    grade: str


def worst_hours(figures: MonthFigures, numbers: Numbers) -> Table[HourRow]:
    """The hours that cost the share most."""
    unit = fitting(line.kpi.load_wh for line in figures.worst_hours)
    return Table(unit.name, tuple(_hour(line, unit, numbers) for line in figures.worst_hours))


def _hour(line: HourLine, unit: EnergyUnit, numbers: Numbers) -> HourRow:
    return HourRow(
        hour=numbers.time(line.local),
        load=numbers.bare_energy(line.kpi.load_wh, unit),
        green=numbers.bare_energy(line.kpi.green_wh, unit),
        other=numbers.bare_energy(line.kpi.other_wh, unit),
        unknown=numbers.bare_energy(line.kpi.unknown_wh, unit),
        matched=numbers.share(line.kpi.hourly_matched),
    )


def sources(figures: MonthFigures, numbers: Numbers) -> Table[SourceRow]:
    """What each supply delivered and how much of it was matched; then the rest, and the whole."""
    mix = figures.mix
    load = mix.load_wh
    rest = (("other (not matched)", mix.other_wh), ("unknown", mix.unknown_wh))
    unit = fitting([*(line.available_wh for line in figures.sources), *(energy for _, energy in rest)])
    shares = [NOT_KNOWN] * (len(figures.sources) + len(rest))
    if load:
        claimed = [line.matched_wh for line in figures.sources]
        shares = [numbers.share(part) for part in parts(claimed, [energy or 0.0 for _, energy in rest])]
    rows = [_source(line, part, unit, numbers) for line, part in zip(figures.sources, shares, strict=False)]
    for (name, energy), part in zip(rest, shares[len(rows) :], strict=True):
        rows.append(SourceRow(name, NOT_KNOWN, numbers.bare_energy(energy, unit), part))
    whole = numbers.share(1.0) if load else NOT_KNOWN
    stored = mix.charged_wh or mix.withdrawn_wh
    rows.append(_sum("load" if stored else "E_DC", load, whole, (unit, numbers)))
    if stored:
        rows.append(_sum("charged batteries", mix.charged_wh, "", (unit, numbers)))
        rows.append(_sum("drawn from batteries", -mix.withdrawn_wh, "", (unit, numbers)))
        rows.append(_sum("E_DC", mix.edc_wh, "", (unit, numbers)))
    return Table(unit.name, tuple(rows))


def _sum(name: str, wh: float | None, part: str, form: tuple[EnergyUnit, Numbers]) -> SourceRow:
    unit, numbers = form
    return SourceRow(name, "", numbers.bare_energy(wh, unit), part, kind="", zone="", certificates="")


def _source(line: SourceLine, part: str, unit: EnergyUnit, numbers: Numbers) -> SourceRow:
    return SourceRow(
        source=line.supply,
        delivered=numbers.bare_energy(line.available_wh, unit, none="unknown"),
        green=numbers.bare_energy(line.matched_wh, unit),
        part=part,
        kind=line.kind.replace("_", " "),
        zone=line.zone or NOT_KNOWN,
        certificates=line.certificates,
    )


def days(figures: MonthFigures, numbers: Numbers) -> Table[DayRow]:
    """Every civil day, and the month below them."""
    settled = figures.settled_until or figures.period.start
    unit = fitting(day.kpi.edc_wh for day in figures.days)
    rows = []
    for day in figures.days:
        named = (_day(day.date, numbers), str(day.hours))
        begun = day.kpi.start < settled
        rows.append(_energies(named, day.kpi, unit, numbers) if begun else DayRow.unsettled(*named))
    month = ("Month", numbers.count(figures.period.hours))
    return Table(unit.name, (*rows, _energies(month, figures.total, unit, numbers)))


def _day(day: date, numbers: Numbers) -> str:
    return f"{numbers.weekday(day)} {day.isoformat()}"


def _energies(named: tuple[str, str], kpi: KpiRow, unit: EnergyUnit, numbers: Numbers) -> DayRow:
    day, hours = named
    return DayRow(
        day=day,
        hours=hours,
        edc=numbers.bare_energy(kpi.edc_wh, unit, none="unknown"),
        eit=numbers.bare_energy(kpi.eit_wh, unit, none="unknown"),
        green=numbers.bare_energy(kpi.green_wh, unit, none="unknown"),
        other=numbers.bare_energy(kpi.other_wh, unit, none="unknown"),
        unknown=numbers.bare_energy(kpi.unknown_wh, unit, none="unknown"),
        pue=numbers.ratio(kpi.pue),
        matched=numbers.share(kpi.hourly_matched),
        complete=numbers.share(kpi.completeness),
    )


def registers(figures: MonthFigures, numbers: Numbers) -> Table[RegisterRow]:
    """The completeness statement, a line a register."""
    unit = fitting(line.energy_wh for line in figures.completeness)
    every = figures.site.key == ALL
    rows = (_statement(line, _register(line, every), unit, numbers) for line in figures.completeness)
    return Table(unit.name, tuple(rows))


def _statement(line: CompletenessLine, name: str, unit: EnergyUnit, numbers: Numbers) -> RegisterRow:
    return RegisterRow(
        register=name,
        role=line.role.replace("_", " "),
        energy=_counted(line, unit, numbers),
        known=f"{numbers.count(line.known)} / {numbers.count(line.expected)}",
        complete=numbers.share(line.completeness, none="–"),
        estimated=numbers.count(line.estimated),
        resets=numbers.count(line.resets),
        gap=_gap(line.longest_gap_intervals, numbers),
        grade=line.grade,
    )


def _counted(line: CompletenessLine, unit: EnergyUnit, numbers: Numbers) -> str:
    """Energy in the unit of the column; water names its own."""
    if line.volume_l is None:
        return numbers.bare_energy(line.energy_wh, unit)
    return f"{numbers.decimal(line.volume_l / 1000, 1)} m³"


def _register(line: CompletenessLine, every: bool) -> str:
    name = f"{line.meter} {line.channel}"
    return f"{line.site}/{name}" if every else name


def _gap(intervals: int, numbers: Numbers) -> str:
    return "none" if not intervals else f"{numbers.decimal(intervals / 4, 2)} h"
