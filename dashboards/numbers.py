"""Numbers as people read them; ``web/numbers.js`` writes the same words in the browser.

None becomes an en dash everywhere: what is not known is never shown as 0.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

NOTHING = "–"
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


def ratio(value: float | None) -> str:
    """``1.182``, as PUE is written."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.3f}"


def count(value: float | None) -> str:
    """``98,214``."""
    return NOTHING if value is None else f"{value:,.0f}"


def size(octets: float) -> str:
    """``1.4 GB``, ``12.0 MB``, ``3.1 kB``."""
    for scale, prefix in _SCALES:
        if octets >= scale:
            return f"{octets / scale:,.1f} {prefix}B"
    return f"{octets:.0f} B"


def quantity(value: float | None, unit: str) -> str:
    """A value in its own unit: watts and shares scaled, the rest to four figures."""
    if value is None or math.isnan(value):
        return NOTHING
    if unit == "W":
        return power(value)
    if unit == "Wh":
        return energy(value)
    if unit in ("share", "1"):
        return share(value)
    if unit == "kW":
        return power(value * 1000)
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}".rstrip()


def lapse(span: timedelta | None) -> str:
    """``8 s``, ``6 min``, ``3 h 20 min``, ``2 d 4 h``: how long, in the two largest units."""
    if span is None:
        return NOTHING
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def brief(span: timedelta | None) -> str:
    """``12 ms``, ``1.4 s``, ``3 min``: how long something took."""
    if span is None:
        return NOTHING
    seconds = max(0.0, span.total_seconds())
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 59.95 else lapse(span)


def moment(at: datetime | None, tz: ZoneInfo) -> str:
    """``2026-10-07 14:02`` in ``tz``."""
    return NOTHING if at is None else at.astimezone(tz).strftime("%Y-%m-%d %H:%M")
