"""Figures as people read them, in their locale; never used for CSV or JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

WITHHELD = "withheld"


@dataclass(frozen=True)
class EnergyUnit:
    """A unit of ``wh`` watt-hours, in which energy is written with ``digits`` decimals."""

    name: str
    wh: float
    digits: int


KILOWATT_HOUR = EnergyUnit("kWh", 1e3, 1)
MEGAWATT_HOUR = EnergyUnit("MWh", 1e6, 1)
GIGAWATT_HOUR = EnergyUnit("GWh", 1e9, 3)

ENOUGH = 10
"""Of how many of its units on a larger unit is used: below that it would hide too much behind the point."""

NOTHING_WH = 0.5
"""Registers count whole watt-hours: what is less comes of adding binary fractions up."""


def fitting(energies_wh: Iterable[float | None]) -> EnergyUnit:
    """The unit for figures that stand together, by the largest of them; None among them is left out."""
    largest = max((abs(wh) for wh in energies_wh if wh is not None), default=0.0)
    for unit in (GIGAWATT_HOUR, MEGAWATT_HOUR):
        if largest >= ENOUGH * unit.wh:
            return unit
    return KILOWATT_HOUR


class Numbers:
    """Writes numbers in ``locale`` and times in ``tz``; what is None is written as ``withheld``.

    Energy in sentences has one unit throughout, which fits ``scale_wh``; each table chooses its own.
    """

    def __init__(self, locale: str, tz: ZoneInfo, scale_wh: float | None) -> None:
        self.locale = Locale.parse(locale)
        self.tz = tz
        self.unit = fitting([scale_wh])

    def energy(self, wh: float | None, none: str = WITHHELD) -> str:
        """``wh`` with its unit."""
        return none if wh is None else f"{self.bare_energy(wh, self.unit)} {self.unit.name}"

    def bare_energy(self, wh: float | None, unit: EnergyUnit, none: str = "–") -> str:
        """``wh`` in ``unit`` without naming it, for columns that do; a little is never written as nothing."""
        if wh is None:
            return none
        least = 10.0**-unit.digits
        if NOTHING_WH <= abs(wh) < least * unit.wh / 2:
            return f"< {self.decimal(least, unit.digits)}"
        return self.decimal(wh / unit.wh if abs(wh) >= NOTHING_WH else 0.0, unit.digits)

    def share(self, value: float | None, none: str = WITHHELD) -> str:
        """A share of 0..1 in percent, rounded down: 100.0 % means all of it."""
        if value is None:
            return none
        percent = (Decimal(repr(float(value))) * 100).quantize(Decimal("0.1"), rounding=ROUND_DOWN)
        return f"{self._write(percent, 1)} %"

    def percent_mark(self, value: float) -> str:
        """A share on an axis, in whole percent."""
        return f"{self.decimal(value * 100, 0)} %"

    def ratio(self, value: float | None, none: str = WITHHELD) -> str:
        """A PUE or the like, with the two decimals that its meters can carry."""
        return none if value is None else self.decimal(value, 2)

    def decimal(self, value: float, digits: int) -> str:
        """``value`` with ``digits`` decimals, rounded to the nearest."""
        step = Decimal(1).scaleb(-digits)
        return self._write(Decimal(repr(float(value))).quantize(step, rounding=ROUND_HALF_EVEN), digits)

    def count(self, value: int) -> str:
        """A whole number, grouped."""
        return self._write(Decimal(value), 0)

    def day(self, value: date) -> str:
        """``31 October 2026``, in the locale's way."""
        return format_date(value, format="long", locale=self.locale)

    def month(self, first: date) -> str:
        """``October 2026``, in the locale's words."""
        return format_date(first, format="LLLL y", locale=self.locale)

    def weekday(self, value: date) -> str:
        """``Mo``, ``Tu`` and so on."""
        return format_date(value, format="EEEEEE", locale=self.locale)

    def time(self, at: datetime | None, none: str = "–") -> str:
        """``2026-10-25 02:15 +01:00``: local with its offset, since the clock repeats an hour each autumn."""
        if at is None:
            return none
        local = at.astimezone(self.tz)
        offset = local.strftime("%z")
        return f"{local:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:]}"

    def _write(self, value: Decimal, digits: int) -> str:
        pattern = "#,##0" if digits == 0 else "#,##0." + "0" * digits
        return format_decimal(value, format=pattern, locale=self.locale)
