"""The month as a map of hours by days, and the hours that cost the share most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from math import fsum
from zoneinfo import ZoneInfo

from energy.figures import KpiRow
from reports.content import HeatCell, HourLine

NOT_SETTLED = "not settled yet"
SKIPPED = "the clock skips this hour"
WORST = 10


def hour_lines(rows: Iterable[KpiRow], tz: ZoneInfo) -> tuple[HourLine, ...]:
    """``rows`` with their beginning in ``tz``."""
    return tuple(HourLine(local=_local(row.start, tz), kpi=row) for row in rows)


def _local(at: datetime, tz: ZoneInfo) -> datetime:
    # A fixed offset: two times of one zone compare unequal to themselves in the hour that is repeated.
    local = at.astimezone(tz)
    return local.replace(tzinfo=timezone(local.utcoffset() or timedelta(0)), fold=0)


def heat_map(
    hours: Sequence[HourLine], days: Sequence[date], settled: datetime | None
) -> tuple[HeatCell, ...]:
    """24 cells for each of ``days``. Hours that share a cell are summed, never averaged."""
    placed: dict[tuple[date, int], list[KpiRow]] = {}
    for line in hours:
        placed.setdefault((line.local.date(), line.local.hour), []).append(line.kpi)
    return tuple(_cell(day, hour, placed.get((day, hour), []), settled) for day in days for hour in range(24))


def _cell(day: date, hour: int, rows: list[KpiRow], settled: datetime | None) -> HeatCell:
    if not rows:
        return HeatCell(day, hour, 0, None, None, None, SKIPPED)
    count = max(1, round(fsum((row.end - row.start) / timedelta(hours=1) for row in rows)))
    reason = _unknown(rows, settled)
    if reason is not None:
        return HeatCell(day, hour, count, None, None, None, reason)
    edc = fsum(row.edc_wh or 0.0 for row in rows)
    green, load = (fsum(row.value(name) or 0.0 for row in rows) for name in ("green_wh", "load_wh"))
    if load <= 0:
        return HeatCell(day, hour, count, edc, green, None, "nothing was consumed")
    return HeatCell(day, hour, count, edc, green, green / load, None)


def _unknown(rows: list[KpiRow], settled: datetime | None) -> str | None:
    for row in rows:
        if settled is None or row.end > settled:
            return NOT_SETTLED
        if row.hourly_matched is None or row.load_wh is None or row.green_wh is None:
            return row.withheld.get("hourly_matched", "no value")
    return None


def worst_hours(hours: Iterable[HourLine]) -> tuple[HourLine, ...]:
    """The hours with most energy that no contracted supply matched, largest first."""
    short = [
        line
        for line in hours
        if line.kpi.hourly_matched is not None and line.kpi.other_wh is not None and line.kpi.other_wh > 0
    ]
    short.sort(key=lambda line: (-(line.kpi.other_wh or 0.0), line.kpi.start))
    return tuple(short[:WORST])
