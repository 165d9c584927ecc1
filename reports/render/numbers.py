"""Figures as people read them, in their locale and as on pages otherwise; never used for CSV or JSON."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from energy.quantity import NOTHING_WH, RATIO_DIGITS, SHARE_DIGITS, EnergyUnit, fitting, in_percent

WITHHELD = "withheld"


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
        if unit.little(wh):
            return f"< {self.decimal(10.0**-unit.digits, unit.digits)}"
        return self.decimal(wh / unit.wh if abs(wh) >= NOTHING_WH else 0.0, unit.digits)

    def share(self, value: float | None, none: str = WITHHELD) -> str:
        """A share of 0..1 in percent, rounded down: 100.00 % means all of it."""
        return none if value is None else f"{self._write(in_percent(value), SHARE_DIGITS)} %"

    def percent_mark(self, value: float) -> str:
        """A share on an axis, in whole percent."""
        return f"{self.decimal(value * 100, 0)} %"

    def ratio(self, value: float | None, none: str = WITHHELD) -> str:
        """A PUE or the like."""
        return none if value is None else self.decimal(value, RATIO_DIGITS)

    def decimal(self, value: float, digits: int) -> str:
        """``value`` with ``digits`` decimals, rounded to the nearest."""
        return self._write(Decimal(f"{value:.{digits}f}"), digits)

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
