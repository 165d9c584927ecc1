"""Figures as people read them, in their locale; never used for CSV or JSON."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

WITHHELD = "withheld"
MEGAWATT_HOUR = 1e6
KILOWATT_HOUR = 1e3


class Numbers:
    """Writes numbers in ``locale``, energy in one unit throughout (MWh from 10 MWh of ``scale_wh`` on) and
    times in ``tz``. What is None is written as ``withheld``.
    """

    def __init__(self, locale: str, tz: ZoneInfo, scale_wh: float | None) -> None:
        self.locale = Locale.parse(locale)
        self.tz = tz
        large = (scale_wh or 0.0) >= 10 * MEGAWATT_HOUR
        self.unit = "MWh" if large else "kWh"
        self.unit_wh = MEGAWATT_HOUR if large else KILOWATT_HOUR

    def energy(self, wh: float | None, none: str = WITHHELD) -> str:
        """``wh`` with its unit, one decimal."""
        return none if wh is None else f"{self.bare_energy(wh)} {self.unit}"

    def bare_energy(self, wh: float | None, none: str = "–") -> str:
        """``wh`` in :attr:`unit` without naming it, for columns and axes that do."""
        return none if wh is None else self.decimal(wh / self.unit_wh, 1)

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
