"""Times and durations as people and programs write them in a URL."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from runtime.clock import from_ms
from runtime.options import parse_duration

EXAMPLES = "2026-10-01T00:00:00+02:00, 1790805600000 (milliseconds since 1970), now or now-6h"

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_RELATIVE = re.compile(r"now(?:([+-])(\d{1,6})([smhdw]))?(?:/([hd]))?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LOST_PLUS = re.compile(r"(T\d{2}:\d{2}\S*) (\d{2}:?\d{2})$")
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def parse_time(text: str, now: datetime, tz: tzinfo = UTC) -> datetime:
    """``text`` as aware UTC: ISO 8601 with offset, epoch milliseconds, or ``now``, ``now-6h``, ``now/d``.

    ``/d`` and ``/h`` go back to the beginning of the day in ``tz`` or of the hour. Raises ValueError that
    shows how to write it.
    """
    at = _relative(text, now, tz) or _absolute(text)
    if not _EARLIEST <= at <= _LATEST:
        raise ValueError(f"{text!r} lies outside 1970 to 2200; write for example {EXAMPLES}")
    return at.astimezone(UTC)


def _relative(text: str, now: datetime, tz: tzinfo) -> datetime | None:
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return None
    sign, count, unit, rounding = match.groups()
    at = now
    if sign:
        moved = timedelta(seconds=int(count) * _UNITS[unit])
        if moved > now - _EARLIEST:
            raise ValueError(f"{text!r} lies outside 1970 to 2200; write for example {EXAMPLES}")
        at = now + moved if sign == "+" else now - moved
    if rounding == "h":
        return at.replace(minute=0, second=0, microsecond=0)
    if rounding == "d":
        return at.astimezone(tz).replace(hour=0, minute=0, second=0, microsecond=0)
    return at


def _absolute(text: str) -> datetime:
    wrong = f"{text[:60]!r} is no time with an offset; write for example {EXAMPLES}"
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return from_ms(int(text)) if 0 <= int(text) < 10**14 else _LATEST + timedelta(1)
    try:
        # An unescaped plus sign arrives as a space; there is only one thing that it can have meant.
        at = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
    except ValueError:
        raise ValueError(wrong) from None
    if at.tzinfo is None:
        raise ValueError(wrong)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(wrong) from None


def parse_step(text: str) -> timedelta:
    """``PT15M``, ``15m`` or ``900`` (seconds), at least 1 s and whole milliseconds. Raises ValueError."""
    step = _iso_duration(text) or _plain_duration(text)
    if step is None or not timedelta(seconds=1) <= step <= timedelta(days=366):
        raise ValueError(f"{text[:60]!r} is no step of 1 s to 366 days; write for example PT15M, 15m or 900")
    return step


def _iso_duration(text: str) -> timedelta | None:
    match = _ISO_DURATION.fullmatch(text)
    if match is None or not any(match.groups()) or any(len(g or "") > 12 for g in match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=round(seconds, 3))
    except OverflowError:
        return None


def _plain_duration(text: str) -> timedelta | None:
    if len(text) > 20:
        return None
    try:
        found = parse_duration(f"{text}s" if text.isdecimal() else text)
    except (ValueError, OverflowError):
        return None
    return found if isinstance(found, timedelta) else None


def iso_duration(step: timedelta) -> str:
    """``timedelta(minutes=90)`` -> ``PT1H30M``."""
    seconds = step.total_seconds()
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((int(hours), "H"), (int(minutes), "M"), (int(left) if left == int(left) else left, "S"))
    return "PT" + ("".join(f"{n}{unit}" for n, unit in parts if n) or "0S")
