"""One estimated interval, and the three methods that may make it, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from energy.interval import QUARTER_MS
from runtime.clock import from_ms, to_ms

Measured = Mapping[int, float]
"""Quarter -> Wh, of the intervals that were measured and nothing else."""

SHORT = 4
"""Quarters up to which a gap is bridged by a straight line."""

WEEKS = 3
"""So many weeks before are looked at, of which :data:`ENOUGH` must have been measured."""

ENOUGH = 2

WEEK = 7 * 96
"""Quarters of a week."""

COMMON = 96
"""Quarters of the week before that a meter and its backup must both have measured."""

AGREEING = 0.05
"""Share by which the two may differ over these, or the backup is not used."""


@dataclass(frozen=True)
class Estimate:
    """``wh`` whole watt-hours and the words for where they come from."""

    wh: float
    reason: str


@dataclass(frozen=True)
class Backup:
    """The meter ``id`` that stands in for another, and what it measured."""

    id: str
    measured: Measured


def estimate(quarter: int, measured: Measured, tz: ZoneInfo, backup: Backup | None = None) -> Estimate | None:
    """What stands in for ``quarter`` of a meter; None where nothing documented does."""
    return (
        (by_backup(quarter, measured, backup) if backup is not None else None)
        or by_neighbours(quarter, measured)
        or by_weekdays(quarter, measured, tz)
    )


def by_backup(quarter: int, measured: Measured, backup: Backup) -> Estimate | None:
    """What the backup measured, if the two agreed in the week before."""
    if quarter not in backup.measured:
        return None
    common = [q for q in range(quarter - WEEK, quarter) if q in measured and q in backup.measured]
    own = sum(measured[q] for q in common)
    apart = abs(sum(backup.measured[q] for q in common) - own)
    if len(common) < COMMON or apart > AGREEING * own:
        return None
    share = 100 * apart / own if own else 0.0
    words = (
        f"its backup {backup.id}, {share:.2f} % apart over {len(common)} common intervals of the week before"
    )
    return Estimate(backup.measured[quarter], f"substituted by {words}")


def by_neighbours(quarter: int, measured: Measured) -> Estimate | None:
    """On the straight line between the measured neighbours of a gap of up to :data:`SHORT` quarters."""
    left = next((q for q in range(quarter - 1, quarter - SHORT - 1, -1) if q in measured), None)
    right = next((q for q in range(quarter + 1, quarter + SHORT + 1) if q in measured), None)
    if left is None or right is None or right - left - 1 > SHORT:
        return None
    share = (quarter - left) / (right - left)
    wh = float(round(measured[left] + share * (measured[right] - measured[left])))
    ends = f"{measured[left]:.0f} Wh at {_moment(left)} and {measured[right]:.0f} Wh at {_moment(right)}"
    return Estimate(wh, f"substituted on a straight line between {ends}")


def by_weekdays(quarter: int, measured: Measured, tz: ZoneInfo) -> Estimate | None:
    """The mean of the same local weekday and time in the weeks before."""
    known = [q for q in weeks_before(quarter, tz) if q in measured]
    if len(known) < ENOUGH:
        return None
    wh = float(round(sum(measured[q] for q in known) / len(known)))
    days = ", ".join(f"{_local(q, tz):%Y-%m-%d} ({measured[q]:.0f} Wh)" for q in known)
    return Estimate(wh, f"substituted by the mean of the same weekday and time on {days}")


def weeks_before(quarter: int, tz: ZoneInfo) -> list[int]:
    """The quarters that had the same local weekday and time, newest first.

    A time that a change of the clock skipped has none; of one that it told twice the same of the two, the
    first if there is but one now.
    """
    now = _local(quarter, tz)
    found = []
    for week in range(1, WEEKS + 1):
        then = now.replace(tzinfo=None) - timedelta(days=7 * week)
        local = then.replace(tzinfo=tz, fold=now.fold)
        at = to_ms(local)
        if from_ms(at).astimezone(tz).replace(tzinfo=None) == then:
            found.append(at // QUARTER_MS)
    return found


def _local(quarter: int, tz: ZoneInfo) -> datetime:
    return from_ms(quarter * QUARTER_MS).astimezone(tz)


def _moment(quarter: int) -> str:
    return f"{from_ms(quarter * QUARTER_MS):%Y-%m-%d %H:%MZ}"
