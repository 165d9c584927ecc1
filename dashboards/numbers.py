"""Numbers as people read them; ``web/numbers.js`` writes the same words in the browser.

None becomes an en dash everywhere: what is not known is never shown as 0.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from energy.quantity import NOTHING, count, counted, energy, mass, power, quantity, ratio, share, size
from energy.quantity import moment as written

__all__ = [
    "NOTHING",
    "brief",
    "count",
    "counted",
    "energy",
    "lapse",
    "mass",
    "moment",
    "plain",
    "power",
    "quantity",
    "ratio",
    "share",
    "size",
    "stamp",
    "unbroken",
    "zoned",
]

_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)")

_APART = re.compile(r"(?<=\d) (?=(?:%|[kMG]?Wh?|[kMG]?B)(?!\w))")
"""The space between a number and its unit."""

_SYMBOLS = {"E_DC": "the energy at the inlet", "E_IT": "the energy of the IT equipment"}
_FLOOR = re.compile(r"the floor of ([\d.]+ %)")

NO_BREAK = "\N{NO-BREAK SPACE}"


def unbroken(value: object) -> object:
    """``value``, with every ``100.00 %`` or ``17.66 MW`` of a text held together on one line.

    What is no text stays as it is, and so does markup, of which each text was written on its own.
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return _APART.sub(NO_BREAK, value)


def plain(reason: str) -> str:
    """Why a figure is withheld, without the symbols of the method that only a report explains."""
    for symbol, words in _SYMBOLS.items():
        reason = reason.replace(symbol, words)
    return _FLOOR.sub(r"the \1 that a figure needs", reason)


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


def zoned(text: str, tz: ZoneInfo) -> str:
    """``text`` with every ISO time in it as people read it in ``tz``: ``until 2026-10-07 14:02 CEST``."""
    return _ISO_TIME.sub(lambda found: written(datetime.fromisoformat(found[0]), tz), text)


def stamp(at: datetime | None, tz: ZoneInfo) -> str:
    """``2026-10-07 14:02 CEST`` in ``tz``."""
    return NOTHING if at is None else written(at, tz)


def moment(at: datetime | None, tz: ZoneInfo) -> str:
    """``2026-10-07 14:02`` in ``tz``."""
    return NOTHING if at is None else at.astimezone(tz).strftime("%Y-%m-%d %H:%M")
