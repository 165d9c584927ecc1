"""Columns that every table of figures of the workbook has: the figures, the sums behind them, the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import fsum

from energy.figures import GridHour, KpiRow
from reports.content import Figure, MonthFigures
from reports.render.sheet import Column, Style, Value
from reports.render.words import SUMS, sum_unit

STYLES: Mapping[str, Style] = {"energy": "wh", "share": "share", "ratio": "ratio", "amount": "number"}
"""How a cell of each form of figure is formatted."""

_WIDTHS = {"energy": 17.0, "share": 14.0, "ratio": 14.0, "amount": 14.0}
_GRID: tuple[tuple[str, Style], ...] = (
    ("renewable", "share"),
    ("carbon-free", "share"),
    ("g CO2e/kWh", "number"),
)


@dataclass(frozen=True)
class FigureTable:
    """The columns of one row of figures: energies first, so that they can be summed, then the others."""

    headline: Sequence[Figure]
    behind: Sequence[str]

    @classmethod
    def of(cls, figures: MonthFigures) -> FigureTable:
        """Those of the month; its sums name the ones that may stand behind any row."""
        energies = [figure for figure in figures.headline if figure.form == "energy"]
        others = [figure for figure in figures.headline if figure.form != "energy"]
        return cls([*energies, *others], list(figures.total.sums))

    def columns(self) -> list[Column]:
        """One for each figure, its state, and why any is withheld."""
        told = [
            Column(
                figure.name if figure.unit == "1" else f"{figure.name}, {figure.unit}",
                STYLES[figure.form],
                _WIDTHS[figure.form],
            )
            for figure in self.headline
        ]
        return [*told, Column("State", "text", 12), Column("Why withheld", "text", 60)]

    def values(self, row: KpiRow) -> list[Value]:
        """The cells of ``row`` under :meth:`columns`."""
        values: list[Value] = [row.value(figure.key) for figure in self.headline]
        keys = [figure.key for figure, value in zip(self.headline, values, strict=True) if value is None]
        reasons = {row.withheld[key] for key in keys if key in row.withheld}
        return [*values, row.state, "; ".join(sorted(reasons))]

    def added(self, rows: Sequence[KpiRow], first: int) -> list[tuple[int, float]]:
        """The sum of every column of energies, which begin at column ``first``."""
        energies = [figure.key for figure in self.headline if figure.form == "energy"]
        known = ([row.value(key) for row in rows] for key in energies)
        return [(first + i, fsum(v for v in values if v is not None)) for i, values in enumerate(known)]

    def sum_columns(self) -> list[Column]:
        """One for each of the sums from which figures were divided."""
        return [Column(f"{SUMS.get(name, name)}, {sum_unit(name)}", "wh", 17) for name in self.behind]

    def sums(self, row: KpiRow) -> list[Value]:
        """The cells of ``row`` under :meth:`sum_columns`."""
        return [row.sums.get(name) for name in self.behind]


@dataclass(frozen=True)
class GridTable:
    """The columns of the grid's mix: three for each bidding zone."""

    zones: Sequence[str]
    hours: Mapping[tuple[str, datetime], GridHour]

    @classmethod
    def of(cls, grid: Sequence[GridHour]) -> GridTable:
        """Those of the zones of ``grid``, in its order."""
        zones = list(dict.fromkeys(hour.zone for hour in grid))
        return cls(zones, {(hour.zone, hour.start): hour for hour in grid})

    def columns(self) -> list[Column]:
        """Renewable and carbon-free share, and carbon intensity."""
        return [Column(f"Grid {zone}, {words}", style, 13) for zone in self.zones for words, style in _GRID]

    def values(self, start: datetime) -> list[Value]:
        """The cells of the hour from ``start``, under :meth:`columns`."""
        found: list[Value] = []
        for zone in self.zones:
            hour = self.hours.get((zone, start))
            found += (
                [None, None, None]
                if hour is None
                else [hour.renewable_share, hour.carbon_free_share, hour.carbon_g_per_kwh]
            )
        return found
