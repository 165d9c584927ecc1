"""The period of consumption that certificates are for: a whole civil month or year of a site."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.interval import Period, month


def consumption(name: str, tz: ZoneInfo) -> Period:
    """``2026-10`` or ``2026`` in ``tz``. Raises ValueError that tells the forms."""
    if re.fullmatch(r"\d{4}-\d\d", name):
        return month(name, tz)
    if re.fullmatch(r"(19[7-9]|20\d|21\d)\d", name):
        first, following = (datetime(int(name) + later, 1, 1, tzinfo=tz) for later in (0, 1))
        return Period(first.astimezone(UTC), following.astimezone(UTC))
    raise ValueError(f"{name[:40]!r} is no month and no year; write 2026-10 or 2026")


def consumption_name(start: datetime, end: datetime, tz: ZoneInfo) -> str:
    """The name of a period that :func:`consumption` made."""
    local, last = start.astimezone(tz), end.astimezone(tz)
    return f"{local:%Y}" if last.year > local.year and local.month == last.month else f"{local:%Y-%m}"


def end_of_day(text: str, tz: ZoneInfo, now: datetime) -> datetime:
    """The end of the day ``2026-11-20`` in ``tz``, or ``now`` on the day itself; now for an empty text.

    Raises ValueError that tells the form.
    """
    if not text.strip():
        return now
    try:
        begun = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=tz)
    except ValueError:
        raise ValueError(f"on: {text[:40]!r} is no day; write 2026-11-20") from None
    last = begun + timedelta(days=1, seconds=-1)
    return now if begun <= now < last else last.astimezone(UTC)
