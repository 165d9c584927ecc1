"""Quantities as people read them: the same digits on pages, in alarms, in messages and in printed reports.

None becomes an en dash everywhere: what is not known is never shown as 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_DOWN, Decimal

NOTHING = "–"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))

SHARE_DIGITS = 2
"""Decimals of a share in percent; rounded down, it never reads as a goal that it falls short of."""

_SHARE_STEP = Decimal(1).scaleb(-SHARE_DIGITS)

RATIO_DIGITS = 3
"""Decimals of a PUE or the like."""


@dataclass(frozen=True)
class EnergyUnit:
    """A unit of ``wh`` watt-hours, in which energy is written with ``digits`` decimals."""

    name: str
    wh: float
    digits: int

    def little(self, wh: float) -> bool:
        """Whether ``wh`` is more than nothing and would be written as nothing."""
        return NOTHING_WH <= abs(wh) < self.wh * 10.0**-self.digits / 2


NOTHING_WH = 0.5
"""Registers count whole watt-hours: what is less comes of adding binary fractions up."""

_ENERGY_UNITS = (
    (10e9, EnergyUnit("GWh", 1e9, 3)),
    (100e6, EnergyUnit("MWh", 1e6, 1)),
    (1e6, EnergyUnit("MWh", 1e6, 3)),
    (0.0, EnergyUnit("kWh", 1e3, 1)),
)
"""From how much on which is used."""


def fitting(energies_wh: Iterable[float | None]) -> EnergyUnit:
    """The unit for figures that stand together, by the largest of them; None among them is left out."""
    largest = max((abs(wh) for wh in energies_wh if wh is not None), default=0.0)
    return next(unit for least, unit in _ENERGY_UNITS if largest >= least)


def power(watts: float | None) -> str:
    """``5.47 MW``, ``812 kW``, ``96.4 kW``, ``40 W``."""
    if watts is None or math.isnan(watts):
        return NOTHING
    for size, prefix in _SCALES:
        if abs(watts) >= size:
            scaled = watts / size
            digits = 2 if prefix != "k" else (0 if abs(scaled) >= 100 else 1)
            return f"{scaled:,.{digits}f} {prefix}W"
    return f"{watts:.0f} W"


def mass(grams: float | None) -> str:
    """``1,204.2 t``, ``3.19 t``, ``105 kg``, ``8.4 kg``, ``40 g``."""
    if grams is None or math.isnan(grams):
        return NOTHING
    for size, unit in ((1e6, "t"), (1e3, "kg")):
        if abs(grams) >= size:
            scaled = grams / size
            digits = (1 if abs(scaled) >= 100 else 2) if unit == "t" else (0 if abs(scaled) >= 100 else 1)
            return f"{scaled:,.{digits}f} {unit}"
    return f"{grams:.0f} g"


def energy(wh: float | None, whole: float | None = None) -> str:
    """``2,412.4 MWh``, ``3.190 MWh`` or ``105.2 kWh``; the unit fits ``whole``, of which ``wh`` is a part.

    What stands in one column names the same ``whole``, so that it can be compared.
    """
    if wh is None or math.isnan(wh):
        return NOTHING
    unit = fitting([wh if whole is None else whole])
    if abs(wh) < NOTHING_WH:
        return f"0 {unit.name}"
    if unit.little(wh):
        return f"< {10.0**-unit.digits:.{unit.digits}f} {unit.name}"
    return f"{wh / unit.wh:,.{unit.digits}f} {unit.name}"


def share(value: float | None) -> str:
    """``71.39 %`` of 0.7139; rounded down, so that only a full hundred reads as one."""
    return NOTHING if value is None or math.isnan(value) else f"{in_percent(value)} %"


def in_percent(value: float) -> Decimal:
    """A share of 0..1 in percent, rounded down to the decimals that it is written with."""
    return (Decimal(repr(float(value))) * 100).quantize(_SHARE_STEP, rounding=ROUND_DOWN)


def percent(value: float | None) -> str:
    """``49.87 %`` of 49.879; rounded down, so that it never reads as a goal that it falls short of."""
    # Rounding undoes binary fractions: 0.29 * 100 is 28.999999999999996.
    return NOTHING if value is None else share(round(value / 100, 12))


def ratio(value: float | None) -> str:
    """``1.182``, as PUE is written."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{RATIO_DIGITS}f}"


def count(value: float | None) -> str:
    """``98,214``."""
    return NOTHING if value is None else f"{value:,.0f}"


def counted(number: int, noun: str) -> str:
    """``1 message``, ``12,500 messages``."""
    return f"{count(number)} {noun if number == 1 else noun + 's'}"


def size(octets: float) -> str:
    """``1.4 GB``, ``12.0 MB``, ``3.1 kB``."""
    for scale, prefix in _SCALES:
        if octets >= scale:
            return f"{octets / scale:,.1f} {prefix}B"
    return f"{octets:.0f} B"


def quantity(value: float | None, unit: str) -> str:
    """A value in its own unit, with the digits that it is judged by; the rest to four figures.

    A unit that is counted (``sources``) stands in its singular for one.
    """
    if value is None or math.isnan(value):
        return NOTHING
    if unit in _WRITERS:
        return _WRITERS[unit](value)
    if len(unit) > 2 and unit.endswith("s") and value == int(value):
        return counted(int(value), unit.removesuffix("s"))
    text = f"{value:,.0f}" if abs(value) >= 1000 or unit == "s" else f"{value:.4g}"
    return f"{text} {unit}"


_WRITERS: Mapping[str, Callable[[float], str]] = {
    "": ratio,
    "%": percent,
    "1": share,
    "share": share,
    "W": power,
    "kW": lambda kilowatts: power(1000 * kilowatts),
    "Wh": energy,
}


def day_words(local: datetime) -> str:
    """``2 October 2026``, the civil day of a time in its own zone."""
    return f"{local.day} {month_words(local)}"


def month_words(local: datetime) -> str:
    """``October 2026``, the civil month of a time in its own zone."""
    return f"{_MONTHS[local.month - 1]} {local.year}"


def moment(at: datetime, zone: tzinfo) -> str:
    """``2026-10-25 02:15 CEST``: with the zone, since the clock repeats an hour each autumn."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
