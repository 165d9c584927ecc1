"""Judges a target: where it stands so far, and whether it can still be kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from energy.figures import ALL, Figures, KpiRow, MixRow
from energy.interval import QUARTER, Period, day_of, month_of
from energy.kpi import FAULT
from energy.quantity import energy, percent
from energy.target import Standing, TargetOptions, TargetVerdict

ROUNDING = 1e-9
"""Forgives what floating-point sums lose, and nothing else: metering accuracy is no allowance.

A supply that covers the load covers it whole, so a fully green hour needs none.
"""

_SETTLING = timedelta(hours=2)
"""How long the last whole settled hour may lie back while everything runs as it should."""

_MISSING_CONSUMPTION = "unknown consumption and origin are taken as green, the rest like the mean so far"


@dataclass(frozen=True)
class _Progress:
    """The period so far. Energy in Wh: ``unsure`` is of unknown origin or not measured, ``ahead`` to come."""

    period: Period
    until: datetime
    value: float | None
    used: float
    green: float
    unsure: float
    missing: float
    ahead: float
    withheld: str | None

    @property
    def best(self) -> float | None:
        """The figure if all that is unsure or still to come were green; None before anything is known."""
        whole = self.used + self.missing + self.ahead
        return min(1.0, (self.green + self.unsure + self.missing + self.ahead) / whole) if whole > 0 else None

    @property
    def ended(self) -> bool:
        """Whether the whole period is settled."""
        return self.until >= self.period.end


async def judge_target(target: TargetOptions, figures: Figures, at: datetime) -> TargetVerdict:
    """How ``target`` stands ``at`` a time in the running day or month, up to its last settled hour.

    A period that has ended is judged until the first hour of the next is settled, so its last hour counts and
    a check every 15 minutes tells how it ended. Raises ValueError for a site that is not configured.
    """
    tz = _zone(target, figures)
    settled = await figures.settled_until(target.site)
    settled = None if settled is None else _whole_hour(min(settled, at))
    last = at if settled is None or at - settled > _SETTLING else settled
    period = (day_of if target.period == "day" else month_of)(last - timedelta(microseconds=1), tz)
    until = period.start if settled is None else min(settled, period.end)
    if until <= period.start:
        return _verdict(
            target, at, (period, None), (Standing.UNKNOWN, "nothing of the period is settled yet")
        )
    part = Period(period.start, until)
    (row,) = await figures.kpi(target.site, part, only={target.metric})
    (mixed,) = await figures.mix(target.site, part)
    progress = _progress(target, period, row, mixed)
    return _verdict(target, at, (period, progress), _standing(target, progress))


def _zone(target: TargetOptions, figures: Figures) -> ZoneInfo:
    if target.site == ALL:
        return ZoneInfo("UTC")
    if target.site not in figures.sites:
        raise ValueError(f"target {target.name!r}: no site is named {target.site!r}")
    return figures.sites[target.site].tz


def _whole_hour(at: datetime) -> datetime:
    """Energy is matched by the hour, so nothing is judged within one."""
    return at.replace(minute=0, second=0, microsecond=0)


def _progress(target: TargetOptions, period: Period, row: KpiRow, mixed: MixRow) -> _Progress:
    used = row.edc_wh or 0.0
    settled = Period(row.start, row.end).quarters
    known = settled * mixed.completeness
    mean = used / known if known > 0 else 0.0
    value: float | None = getattr(row, target.metric)
    unsure = row.unknown_wh or 0.0
    green = row.green_wh or 0.0
    if target.metric != "hourly_matched" and value is not None:
        missing = mean * (settled - known)
        green = min(value * (used + missing), used)
        unsure = min(unsure, used - green)
    return _Progress(
        period=period,
        until=row.end,
        value=value,
        used=used,
        green=green,
        unsure=unsure,
        missing=mean * (settled - known),
        ahead=mean * ((period.end - row.end) / QUARTER),
        withheld=row.withheld.get(target.metric),
    )


def _standing(target: TargetOptions, progress: _Progress) -> tuple[Standing, str]:
    value, best, goal = progress.value, progress.best, target.goal - ROUNDING
    if best is None or (progress.withheld or "").startswith(FAULT):
        return Standing.UNKNOWN, progress.withheld or "no consumption is known in the period"
    if best < goal and _final(target, progress):
        whole = progress.ended and value is not None and best - value < ROUNDING
        reached = f"{_percent(best)} at the end" if whole else f"at most {_percent(best)} can be reached"
        return Standing.MISSED, f"{reached}, the goal is {_percent(target.goal)}"
    if value is None:
        return Standing.UNKNOWN, progress.withheld or f"{target.metric} is not known"
    if value >= goal:
        return Standing.MET, f"{_percent(value)} {_when(progress)}, the goal is {_percent(target.goal)}"
    if progress.ended:
        return (
            Standing.UNKNOWN,
            f"{_percent(value)} is proven and the goal is {_percent(target.goal)}, but "
            f"{energy(progress.unsure + progress.missing)} are not known",
        )
    return (
        Standing.AT_RISK,
        f"{_percent(value)} so far is below the goal of {_percent(target.goal)}; "
        f"up to {_percent(best)} can still be reached",
    )


def _final(target: TargetOptions, progress: _Progress) -> bool:
    """Whether falling short can no longer be made good: by volume, a later surplus still could."""
    return progress.ended or target.metric != "ref"


def _verdict(
    target: TargetOptions,
    at: datetime,
    where: tuple[Period, _Progress | None],
    standing: tuple[Standing, str],
) -> TargetVerdict:
    period, progress = where
    return TargetVerdict(
        target=target,
        at=at,
        start=period.start,
        end=period.end,
        standing=standing[0],
        value=progress.value if progress else None,
        best_possible=progress.best if progress else None,
        reason=standing[1],
        evidence=_evidence(progress) if progress else {},
    )


def _evidence(progress: _Progress) -> dict[str, Any]:
    return {
        "until": progress.until.isoformat(),
        "edc_wh": progress.used,
        "green_wh": progress.green,
        "unknown_wh": progress.unsure,
        "not_measured_wh": progress.missing,
        "expected_rest_wh": progress.ahead,
        "assumption": _MISSING_CONSUMPTION,
    }


def _when(progress: _Progress) -> str:
    return "at the end" if progress.ended else "so far"


def _percent(share: float) -> str:
    return percent(100 * share)
