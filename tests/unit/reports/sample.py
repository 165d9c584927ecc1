"""Reports of an invented site, in the states that matter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from alerts.board import Alert, AlertState
from alerts.verdict import Severity
from energy.figures import Figures
from energy.interval import Period, month
from energy.site import SiteOptions
from energy.target import Standing, TargetOptions, TargetVerdict
from reports.content import MonthlyReport
from reports.monthly import Material, build
from tests.fakes.board import MemoryBoard
from tests.fakes.figures import SyntheticFigures, night, site

WARSAW = site()
SITES = {"gdansk": WARSAW}
OCTOBER = month("2026-10", WARSAW.tz)
MONTHLY = TargetOptions(name="100-percent-green", site="gdansk")
DAILY = TargetOptions(name="green-days", site="gdansk", metric="hourly_matched", goal=0.9, period="day")
GAP = Period(datetime(2026, 10, 7, 9, 30, tzinfo=UTC), datetime(2026, 10, 7, 14, 15, tzinfo=UTC))


class FigureJudge:
    """Judges by the figure over the period alone, as the green check does once a period has settled."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    async def __call__(self, target: TargetOptions, period: Period, at: datetime) -> TargetVerdict:
        (row,) = await self._figures.kpi(target.site, period)
        value: float | None = getattr(row, target.metric)
        if value is None:
            standing, reason = Standing.UNKNOWN, row.withheld.get(target.metric, "no value")
        elif value >= target.goal:
            standing, reason = Standing.MET, "the goal is reached"
        else:
            standing, reason = Standing.MISSED, f"{value:.4f} is below the goal of {target.goal}"
        return TargetVerdict(target, at, period.start, period.end, standing, value, None, reason)


def material(
    settled: datetime = OCTOBER.end,
    missing: Sequence[Period] = (),
    alerts: Sequence[Alert] = (),
    sites: dict[str, SiteOptions] | None = None,
) -> Material:
    """What reports of October 2026 are made of: one windless night, ``missing`` gaps, ``alerts``."""
    known = sites or SITES
    windless = [night(datetime(2026, 10, 20, tzinfo=UTC))]
    figures = SyntheticFigures(known, settled, windless=windless, missing=missing)
    return Material(figures, MemoryBoard(alerts), known, (MONTHLY, DAILY), FigureJudge(figures))


async def october(
    settled: datetime = OCTOBER.end, missing: Sequence[Period] = (), alerts: Sequence[Alert] = ()
) -> MonthlyReport:
    """The report of October 2026, built the day after it ended."""
    return await build(
        "gdansk", "2026-10", OCTOBER.end + timedelta(days=1), material(settled, missing, alerts)
    )


def alert(number: int, title: str, severity: Severity, hours: float | None = 5.0) -> Alert:
    """An alert of the 20th of October; without ``hours`` it still stands."""
    since = datetime(2026, 10, 20, 19, 15, tzinfo=UTC) + timedelta(hours=number)
    ended = None if hours is None else since + timedelta(hours=hours)
    return Alert(
        id=number,
        key=f"green/gdansk/{number}",
        rule="green_target",
        site="gdansk",
        severity=severity,
        state=AlertState.NORMAL if ended else AlertState.UNACKNOWLEDGED,
        title=title,
        summary="hourly matched share 0.62 is below the goal of 1.00",
        value=0.62,
        limit=1.0,
        unit="",
        since=since,
        ended=ended,
        acknowledged_by="Jadwiga Nowak" if ended else None,
        acknowledged_at=since + timedelta(minutes=12) if ended else None,
        note=None,
        rev=3,
        link="/alarms/1",
        evidence={},
    )
