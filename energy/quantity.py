"""Quantities as people read them: the same words on pages, in alarms and in messages.

None becomes an en dash everywhere: what is not known is never shown as 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo

NOTHING = "–"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


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


def energy(wh: float | None, whole: float | None = None) -> str:
    """``2,412.4 MWh``, ``3.190 MWh`` or ``105.2 kWh``; the unit fits ``whole``, of which ``wh`` is a part.

    What stands in one column names the same ``whole``, so that it can be compared.
    """
    if wh is None or math.isnan(wh):
        return NOTHING
    small = abs(whole if whole is not None else wh) < 1e6
    if wh == 0:
        return "0 kWh" if small else "0 MWh"
    if small:
        return f"{wh / 1e3:,.1f} kWh"
    return f"{wh / 1e6:,.1f} MWh" if abs(wh) >= 1e8 else f"{wh / 1e6:,.3f} MWh"


def share(value: float | None) -> str:
    """``71.3 %``; rounded down, so that only a full hundred reads as one."""
    if value is None or math.isnan(value):
        return NOTHING
    # The small addition undoes binary fractions: 0.29 * 1000 is 289.99999999999994.
    return f"{math.floor(value * 1000 + 1e-6) / 10:.1f} %"


def percent(value: float | None) -> str:
    """``value`` in percent with two decimals: ``49.87 %``, rounded down, so that it never reads as a goal
    that it falls short of."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{math.floor(value * 100 + 1e-6) / 100:.2f} %"


def ratio(value: float | None) -> str:
    """``1.182``, as PUE is written."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.3f}"


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
