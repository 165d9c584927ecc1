"""What a figure may be promised to be: at least or at most, and what its budget is counted in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import energy.kpis
from energy.figures import KpiRow
from energy.kpi import KPIS, Form, Kpi
from energy.quantity import percent, ratio


class Direction(StrEnum):
    """On which side of its goal a figure is good."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Basis(StrEnum):
    """What a figure is a quotient over: the load at the inlet, E_IT, or time."""

    LOAD = "load"
    IT = "it"
    TIME = "time"


@dataclass(frozen=True)
class Aim:
    """How a figure is promised.

    Every figure is read as a *cost* per basis that must not pass an allowance: of a share that is at least
    its goal the cost is what is lacking to 1, of a quotient that is at most its goal what it has above
    ``floor``, which no site can go below. So one budget serves all of them. Amounts of cost times basis are
    counted in ``unit``, ``per_wh`` of them to a Wh of the basis. ``origin`` tells that energy of unknown
    origin may still cost nothing.
    """

    direction: Direction
    basis: Basis
    floor: float = 0.0
    unit: str = "Wh"
    per_wh: float = 1.0
    origin: bool = False

    def cost(self, value: float) -> float:
        """What ``value`` costs per basis."""
        return 1.0 - value if self.direction is Direction.AT_LEAST else value - self.floor

    def value(self, cost: float) -> float:
        """The figure that costs ``cost``; a share is never above 1."""
        return min(1.0, 1.0 - cost) if self.direction is Direction.AT_LEAST else self.floor + max(0.0, cost)

    def over(self, row: KpiRow) -> float | None:
        """The basis of ``row`` in Wh, or in hours; None where it is not known."""
        if self.basis is Basis.TIME:
            return (row.end - row.start).total_seconds() / 3600
        return row.eit_wh if self.basis is Basis.IT else load_of(row)

    def problem(self, goal: float) -> str | None:
        """Why ``goal`` cannot be promised; None if it can."""
        if self.direction is Direction.AT_LEAST and goal > 1:
            return f"{goal:g} is above 1: a share is written as 0.8, not as 80"
        if self.direction is Direction.AT_MOST and goal <= self.floor:
            return f"{goal:g} can never be reached: the figure is always above {self.floor:g}"
        return None


_GREEN = Aim(Direction.AT_LEAST, Basis.LOAD, origin=True)

AIMS: Mapping[str, Aim] = {
    "hourly_matched": _GREEN,
    "ref": _GREEN,
    "cfe_score": _GREEN,
    "cfe_contracted": _GREEN,
    "erf": Aim(Direction.AT_LEAST, Basis.LOAD),
    "completeness": Aim(Direction.AT_LEAST, Basis.TIME, unit="h"),
    "pue": Aim(Direction.AT_MOST, Basis.IT, floor=1.0),
    "ere": Aim(Direction.AT_MOST, Basis.IT),
    "cue": Aim(Direction.AT_MOST, Basis.IT, unit="kg", per_wh=1e-3),
    "cue_market": Aim(Direction.AT_MOST, Basis.IT, unit="kg", per_wh=1e-3),
    "wue": Aim(Direction.AT_MOST, Basis.IT, unit="L", per_wh=1e-3),
}
"""The figures of the house that can be promised. A KPI of its own file names its own as ``aim``."""


def aims() -> dict[str, Aim]:
    """Every registered KPI that can be promised, by name, and how."""
    KPIS.load(energy.kpis)
    return {name: aim for name in KPIS if (aim := _aim(name)) is not None}


def aim_of(metric: str) -> Aim | None:
    """How the figure is promised; None where there is no such figure, or none that can be."""
    if metric not in KPIS:
        KPIS.load(energy.kpis)
    return _aim(metric) if metric in KPIS else None


def _aim(metric: str) -> Aim | None:
    found = getattr(KPIS[metric].factory, "aim", AIMS.get(metric))
    return found if isinstance(found, Aim) else None


def load_of(row: KpiRow) -> float | None:
    """The load that green energy is matched with, Wh; None where a battery leaves it unknown.

    It is the energy at the inlet where no battery sets the two apart.
    """
    if row.load_wh is None:
        return None if row.green_wh is None else row.edc_wh
    return row.load_wh


def metric_label(metric: str) -> str:
    """What people call the figure: ``Hourly matched``, ``PUE``."""
    return _kpi(metric).label


def metric_form(metric: str) -> Form:
    """Whether the figure is written in percent."""
    return _kpi(metric).form


def metric_unit(metric: str) -> str:
    """What the figure is measured in; ``1`` for none."""
    return _kpi(metric).unit


def metric_words(metric: str, value: float | None) -> str:
    """``value`` of the figure as people read it: ``71.39 %``, ``1.182``, ``0.310 kg/kWh``."""
    kpi = _kpi(metric)
    if kpi.form == "share":
        return percent(None if value is None else 100 * value)
    return ratio(value) if kpi.unit == "1" or value is None else f"{ratio(value)} {kpi.unit}"


def _kpi(metric: str) -> Kpi:
    if metric not in KPIS:
        KPIS.load(energy.kpis)
    return KPIS[metric].factory()
