"""The targets of a page: where each stands, its budget, what it will come to, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dashboards.house import House
from dashboards.now import Now
from energy.figures import ALL
from energy.interval import Period
from energy.outlook.evidence import amount, burn_words
from energy.outlook.hour import HourNowcast, LivePower, hour_nowcast
from energy.outlook.hours import Measure
from energy.quantity import moment
from energy.targets.aim import aim_of, metric_words
from energy.targets.judge import judge_target
from energy.targets.target import Standing, TargetOptions, TargetVerdict
from runtime.clock import to_ms

MATCHED = "hourly_matched"

SEVERITIES = {Standing.MISSED: "high", Standing.AT_RISK: "medium"}
"""How a standing that needs somebody is marked; the others are told in words alone."""


@dataclass(frozen=True)
class BudgetBar:
    """A bar of a budget: ``used`` and ``doubt`` are parts of its length (0..1), together at most 1."""

    used: float
    doubt: float
    over: bool


@dataclass(frozen=True)
class TargetLine:
    """One target in words. ``severity`` marks a standing that needs somebody; empty where there is none."""

    key: str
    label: str
    standing: str
    severity: str
    reason: str
    value: str
    goal: str
    nowcast: str
    bar: BudgetBar | None
    budget: str
    left: str
    burns: Sequence[tuple[int, str]]
    lost: str
    action: str
    until: datetime | None
    end: datetime


@dataclass(frozen=True)
class TargetPanel:
    """The targets of a month, and the running hour where the month runs."""

    lines: Sequence[TargetLine]
    hour: HourNowcast | None


async def target_panel(
    house: House, now: Now, site: str, period: Period, as_of: datetime | None = None
) -> TargetPanel:
    """The panel of ``site`` (or all) for the month ``period``; ``as_of`` a time without the running hour."""
    at = min(as_of or house.clock.now(), house.clock.now())
    runs = as_of is None and period.start <= at < period.end
    return TargetPanel(
        await target_lines(house, site, period, at),
        await running_hour(house, now, site, at) if runs else None,
    )


def targets_of(house: House, site: str) -> list[TargetOptions]:
    """The targets that a page of ``site`` shows: its own and those of all sites; of ``all``, every one."""
    return [target for target in house.targets if site == ALL or target.site in (site, ALL)]


async def judged(house: House, site: str, at: datetime) -> list[TargetVerdict]:
    """Every target of ``site``, judged ``at`` a time from one look at the ledger."""
    figures = house.figures.snapshot()
    return [await judge_target(target, figures, at, house.outlook) for target in targets_of(house, site)]


async def target_lines(house: House, site: str, period: Period, at: datetime) -> list[TargetLine]:
    """The targets of the month ``period``: as they stand, or of a month that has ended how that ended.

    Of a past month, targets that are judged by other periods are left out.
    """
    ended = period.end <= at - timedelta(hours=1)
    found = await judged(house, site, min(at, period.end) if ended else at)
    return [line(one, house) for one in found if not ended or one.target.period == "month"]


_GRAVEST = (Standing.MISSED, Standing.AT_RISK, Standing.UNKNOWN, Standing.ON_COURSE, Standing.MET)


def gravest(found: Sequence[TargetVerdict], metric: str, span: str) -> str:
    """How the worst of the targets on ``metric`` over ``span`` stands, in words; empty without one."""
    standings = {one.standing for one in found if one.target.metric == metric and one.target.period == span}
    return next((standing.words for standing in _GRAVEST if standing in standings), "")


def line(one: TargetVerdict, house: House) -> TargetLine:
    """The verdict in words, times in the zone of its site."""
    target, budget = one.target, one.budget
    tz = house.sites[target.site].tz if target.site in house.sites else ZoneInfo("UTC")
    bar = None if budget is None else _bar(budget.allowed, budget.used, budget.doubt)
    unit = target.aim.unit
    return TargetLine(
        key=target.name,
        label=target.title(house.sites),
        standing=one.standing.words,
        severity=SEVERITIES.get(one.standing, ""),
        reason=one.reason[:1].upper() + one.reason[1:],
        value=metric_words(target.metric, one.value),
        goal=metric_words(target.metric, target.goal),
        nowcast=_nowcast(one),
        bar=bar,
        budget="" if budget is None else amount(budget.allowed, unit),
        left="" if budget is None else _left(budget.left, budget.left_pessimistic, unit),
        burns=[] if budget is None else [(b.hours, burn_words(b.rate, b.pessimistic)) for b in budget.burns],
        lost=_lost(one, tz),
        action="" if one.action is None else one.action.sentence,
        until=one.until,
        end=one.end,
    )


def _bar(allowed: float, used: float, doubt: float) -> BudgetBar | None:
    if allowed <= 0:
        return BudgetBar(1.0, 0.0, over=True) if used > 0 else None
    part = min(1.0, used / allowed)
    return BudgetBar(part, min(1.0 - part, doubt / allowed), over=used > allowed)


def _nowcast(one: TargetVerdict) -> str:
    if one.nowcast is None:
        return ""
    low, middle, high = (
        metric_words(one.target.metric, figure)
        for figure in (one.nowcast.low, one.nowcast.expected, one.nowcast.high)
    )
    return middle if low == high else f"{middle} ({low} to {high})"


def _left(left: float, pessimistic: float, unit: str) -> str:
    """What is left, and in brackets what is if all that is not known costs."""
    told = f"{amount(left, unit)} left" if left >= 0 else f"overdrawn by {amount(-left, unit)}"
    if round(left - pessimistic, 3) <= 0:
        return told
    worst = f"{amount(pessimistic, unit)}" if pessimistic >= 0 else f"{amount(-pessimistic, unit)} overdrawn"
    return f"{told}; {worst} if what is not known counts"


def _lost(one: TargetVerdict, tz: ZoneInfo) -> str:
    """When the budget is used up, in words; nothing where there is none."""
    budget = one.budget
    if budget is None or budget.allowed <= 0:
        return ""
    if one.until == one.end:
        return "The period has ended."
    if budget.left < 0:
        return f"Used up since {moment(budget.lost_at, tz)}." if budget.lost_at else "Used up."
    if budget.lost_at is not None:
        return f"At the pace of the last {budget.pace} h used up on {moment(budget.lost_at, tz)}."
    told = f"At the pace of the last {budget.pace} h it lasts to the end."
    if budget.lost_at_pessimistic is not None:
        return f"{told} If what is not known counts, until {moment(budget.lost_at_pessimistic, tz)}."
    return told


async def running_hour(house: House, now: Now, site: str, at: datetime) -> HourNowcast:
    """The matched share of the running hour of ``site``, or of all sites as one."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    figures = house.figures.snapshot()
    settled = await figures.settled_until(site)
    rows = []
    if settled is not None and settled > hour:
        rows = await figures.kpi(site, Period(hour, min(settled, at)), only={MATCHED})
    aim = aim_of(MATCHED)
    assert aim is not None  # a KPI of the house
    until = min(settled or hour, hour).replace(minute=0, second=0, microsecond=0)
    back = Period(until - timedelta(weeks=1), until)
    hours = await house.outlook.hours(figures, Measure(site, MATCHED, aim), back)
    return hour_nowcast(at, rows[0] if rows else None, _live(now, site, at), hours)


def _live(now: Now, site: str, at: datetime) -> LivePower | str:
    found = now.everything(to_ms(at))[site]
    if found.power_w.v is None or found.green_share.v is None:
        return found.power_w.reason or found.green_share.reason or "the live powers are not known"
    return LivePower(found.power_w.v, found.green_share.v)
