"""The grid of time on which energy is accounted: 15-minute UTC intervals, and periods in a site's zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
QUARTER_MS = 15 * 60 * 1000


class Step(StrEnum):
    """Lengths over which figures are told; days and months begin at midnight in the site's zone."""

    QUARTER = "PT15M"
    HOUR = "PT1H"
    DAY = "P1D"
    MONTH = "P1M"


@dataclass(frozen=True)
class Period:
    """``start <= t < end``, both aware UTC."""

    start: datetime
    end: datetime

    @property
    def quarters(self) -> int:
        """How many 15-minute intervals it has; DST makes an October longer than a March."""
        return (self.end - self.start) // QUARTER


def floor_quarter(at: datetime) -> datetime:
    """The start of the interval that holds ``at``, UTC."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def month_of(at: datetime, tz: ZoneInfo) -> Period:
    """The civil month in ``tz`` that holds ``at``."""
    local = at.astimezone(tz)
    return month(f"{local.year:04d}-{local.month:02d}", tz)


def month(name: str, tz: ZoneInfo) -> Period:
    """The civil month ``"2026-10"`` in ``tz``. Raises ValueError that tells the form."""
    try:
        year, number = (int(part) for part in name.split("-"))
        first = datetime(year, number, 1, tzinfo=tz)
        if not 1970 <= year < 2200:
            raise ValueError
    except ValueError:
        raise ValueError(f"{name!r} is no month; write it as 2026-10") from None
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=tz)
    return Period(first.astimezone(UTC), following.astimezone(UTC))


def day_of(at: datetime, tz: ZoneInfo) -> Period:
    """The civil day in ``tz`` that holds ``at``: 23, 24 or 25 hours."""
    local = at.astimezone(tz)
    first = datetime(local.year, local.month, local.day, tzinfo=tz)
    tomorrow = local.date() + timedelta(days=1)
    following = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=tz)
    return Period(first.astimezone(UTC), following.astimezone(UTC))


def steps(period: Period, step: Step, tz: ZoneInfo) -> Iterator[Period]:
    """``period`` cut into steps; the first and the last may be cut short."""
    at = period.start
    while at < period.end:
        end = min(_next(at, step, tz), period.end)
        yield Period(at, end)
        at = end


def _next(at: datetime, step: Step, tz: ZoneInfo) -> datetime:
    if step is Step.QUARTER:
        return floor_quarter(at) + QUARTER
    if step is Step.HOUR:
        return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if step is Step.DAY:
        return day_of(at, tz).end
    return month_of(at, tz).end


def quarter_year_of(at: datetime, tz: ZoneInfo) -> Period:
    """The civil quarter of a year in ``tz`` that holds ``at``: January to March and so on."""
    local = at.astimezone(tz)
    first = 3 * ((local.month - 1) // 3) + 1
    return Period(month(f"{local.year}-{first}", tz).start, month(f"{local.year}-{first + 2}", tz).end)


def year_of(at: datetime, tz: ZoneInfo) -> Period:
    """The civil year in ``tz`` that holds ``at``."""
    year = at.astimezone(tz).year
    return Period(month(f"{year}-1", tz).start, month(f"{year}-12", tz).end)
