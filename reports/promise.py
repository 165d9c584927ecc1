"""What was promised and how the month stands by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from energy.figures import Figures
from energy.interval import Period, Step, steps
from energy.targets.judge import judge_target
from energy.targets.target import Standing, TargetOptions, TargetVerdict
from reports.content import TargetDay, TargetLine
from reports.evidence import BudgetLine

_GRAVEST = (Standing.MISSED, Standing.UNKNOWN, Standing.AT_RISK, Standing.ON_COURSE, Standing.MET)
_NOT_YET = "nothing of the period is settled yet"


async def target_line(
    target: TargetOptions, figures: Figures, settled: Period, period: Period, tz: ZoneInfo
) -> tuple[TargetLine, BudgetLine | None]:
    """``target`` over the month, and its budget unless it is a daily one.

    It is judged once, a daily target on each day that has begun to settle; one of a quarter or a year as it
    stands at the end of what is settled of the month.
    """
    label = target.title(figures.sites)
    if target.period != "day":
        verdict = await _judge(target, figures, period, settled.end)
        return _line(target, label, verdict, ()), _budget(target, label, verdict)
    verdicts = [
        await _judge(target, figures, day, min(day.end, settled.end))
        for day in steps(period, Step.DAY, tz)
        if day.start < settled.end
    ]
    days = tuple(
        TargetDay(v.start.astimezone(tz).date(), v.standing.value, v.value, v.reason) for v in verdicts
    )
    return _line(target, label, _whole(target, verdicts, period, settled.end), days), None


def _budget(target: TargetOptions, label: str, verdict: TargetVerdict) -> BudgetLine | None:
    found = verdict.budget
    if found is None:
        return None
    return BudgetLine(
        target.site, target.name, label, verdict.start, verdict.end, found.unit, found.allowed, found.used,
        found.doubt, found.left, found.left_pessimistic, found.lost_at,
    )  # fmt: skip


async def _judge(target: TargetOptions, figures: Figures, period: Period, at: datetime) -> TargetVerdict:
    verdict = await judge_target(target, figures, at)
    long = target.period in ("quarter", "year") and verdict.start <= period.start < verdict.end
    if long or verdict.start == period.start:
        return verdict
    # Less than an hour of the period has settled: what was judged is the period before it.
    return TargetVerdict(target, at, period.start, period.end, Standing.UNKNOWN, None, None, _NOT_YET)


def _whole(
    target: TargetOptions, verdicts: Sequence[TargetVerdict], period: Period, at: datetime
) -> TargetVerdict:
    """A daily target is only as good as its gravest day; its value is that of the worst known day."""
    standings = {v.standing for v in verdicts}
    standing = next((s for s in _GRAVEST if s in standings), Standing.UNKNOWN)
    values = [v.value for v in verdicts if v.value is not None]
    counts = {s: sum(v.standing is s for v in verdicts) for s in _GRAVEST}
    reason = f"met on {counts[Standing.MET]} of {len(verdicts)} settled days"
    others = [f"{s.words} on {n}" for s, n in counts.items() if n and s is not Standing.MET]
    return TargetVerdict(
        target=target,
        at=at,
        start=period.start,
        end=period.end,
        standing=standing,
        value=max(values, key=target.aim.cost) if values else None,
        best_possible=None,
        reason=", ".join([reason, *others]) if verdicts else "no day has settled yet",
    )


def _line(
    target: TargetOptions, label: str, verdict: TargetVerdict, days: tuple[TargetDay, ...]
) -> TargetLine:
    return TargetLine(
        site=target.site,
        name=target.name,
        metric=target.metric,
        goal=target.goal,
        period=target.period,
        severity=target.severity,
        standing=verdict.standing.value,
        value=verdict.value,
        best_possible=verdict.best_possible,
        reason=verdict.reason,
        days=days,
        label=label,
    )
