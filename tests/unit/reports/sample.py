"""Reports of an invented site, in the states that matter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from alerts.board import Alert, AlertState
from alerts.verdict import Severity
from energy.figures import KpiRow, MixRow
from energy.interval import Period, Step, month
from energy.targets.target import TargetOptions
from reports.content import MonthlyReport
from reports.monthly import Material, build
from tests.fakes.board import MemoryBoard
from tests.fakes.figures import SyntheticFigures, night, site

WARSAW = site()
OCTOBER = month("2026-10", WARSAW.tz)
MONTHLY = TargetOptions(name="100-percent-green", site="gdansk")
DAILY = TargetOptions(name="green-days", site="gdansk", metric="hourly_matched", goal=0.9, period="day")
GAP = Period(datetime(2026, 10, 7, 9, 30, tzinfo=UTC), datetime(2026, 10, 7, 14, 15, tzinfo=UTC))


@cache
def figures(settled: datetime, missing: tuple[Period, ...], keys: tuple[str, ...]) -> MemoisedFigures:
    """Figures never change, so that tests may share them."""
    windless = [night(datetime(2026, 10, 20, tzinfo=UTC))]
    sites = {key: WARSAW if key == "gdansk" else site(key.capitalize()) for key in keys}
    return MemoisedFigures(sites, settled, windless=windless, missing=missing)


class MemoisedFigures(SyntheticFigures):
    """Synthetic figures that are worked out once a step."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kept: dict[tuple[Any, ...], Any] = {}

    async def kpi(
        self,
        site: str,
        period: Period,
        step: Step | None = None,
        as_of: datetime | None = None,
        only: Collection[str] | None = None,
    ) -> list[KpiRow]:
        key = ("kpi", site, period, step)
        if key not in self._kept:
            self._kept[key] = await super().kpi(site, period, step)
        return list(self._kept[key])

    async def mix(
        self, site: str, period: Period, step: Step | None = None, as_of: datetime | None = None
    ) -> list[MixRow]:
        key = ("mix", site, period, step)
        if key not in self._kept:
            self._kept[key] = await super().mix(site, period, step)
        return list(self._kept[key])


def material(
    settled: datetime = OCTOBER.end,
    missing: Sequence[Period] = (),
    alerts: Sequence[Alert] = (),
    keys: tuple[str, ...] = ("gdansk",),
) -> Material:
    """What reports of October 2026 are made of: one windless night, ``missing`` gaps, ``alerts``."""
    made = figures(settled, tuple(missing), keys)
    return Material(made, MemoryBoard(alerts), made.sites, (MONTHLY, DAILY))


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
