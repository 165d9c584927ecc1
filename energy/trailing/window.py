"""The twelve months before a moment, and how many days of them a site has data of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from energy.configuration.era import Era
from energy.interval import QUARTER_MS, Period, day_of
from energy.sums.sheet import LedgerRegister
from energy.tree import boundary
from runtime.clock import from_ms


def year_up_to(at: datetime, tz: ZoneInfo) -> Period:
    """The twelve civil months in ``tz`` that end with the last midnight at or before ``at``.

    Their last day is one year after the day before the first: the year up to the end of 28 February 2028
    begins on 1 March 2027, and so does the one up to the end of the 29th.
    """
    end = day_of(at, tz).start
    return Period(_midnight(_a_year_before(end.astimezone(tz).date()), tz), end)


def days_of(period: Period, tz: ZoneInfo) -> int:
    """How many civil days it has; both of its ends are midnights."""
    return (period.end.astimezone(tz).date() - period.start.astimezone(tz).date()).days


def days_since(first: int | None, period: Period, tz: ZoneInfo) -> int:
    """Of how many whole days of ``period`` there is data if that began in quarter ``first``; None: never."""
    if first is None:
        return 0
    began = max(from_ms(first * QUARTER_MS), period.start)
    whole = day_of(began, tz)
    begin = whole.start if whole.start == began else whole.end
    return max(0, days_of(Period(begin, max(begin, period.end)), tz))


def first_reading(found: Sequence[Era], registers: Sequence[LedgerRegister]) -> int | None:
    """The quarter of the first reading of any meter that E_DC ever was taken in by; None before it."""
    inlet = {source for era in found for source in boundary.inlet(era.site)}
    return min((r.since for r in registers if r.key[:2] in inlet and r.since is not None), default=None)


def _a_year_before(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 3, 1)
    return day.replace(year=day.year - 1)


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return datetime.combine(day, datetime.min.time(), tz).astimezone(UTC)
