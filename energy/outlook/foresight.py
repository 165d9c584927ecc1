"""What a target's period will likely come to: its nowcast, its budget, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind
from energy.figures import Figures
from energy.interval import Period
from energy.outlook.action import Action, Need, action
from energy.outlook.budget import Account, Budget, Span, budget
from energy.outlook.hours import Hours, HourSeries, Measure, hour_of
from energy.outlook.nowcast import Nowcast
from energy.outlook.profile import WEEKS, Ahead, profile
from energy.outlook.progress import Progress
from energy.targets.aim import Aim, Direction

_BACK = timedelta(weeks=WEEKS)
_NO_HOURS = HourSeries(0, np.empty(0), np.empty(0), np.empty(0), np.empty(0, dtype=np.bool_))


@dataclass(frozen=True)
class Question:
    """Whose future: a ``metric`` of ``site`` with its ``goal`` over ``span``, by clocks in ``tz``."""

    site: str
    metric: str
    goal: float
    span: Span
    aim: Aim
    tz: ZoneInfo

    @property
    def allowance(self) -> float:
        """The cost per basis that the goal leaves."""
        return max(0.0, self.aim.cost(self.goal))


@dataclass(frozen=True)
class Foresight:
    """``account`` is what ``budget`` is made of; ``ahead`` the basis still to come.

    ``nowcast`` is None where too little was measured or nothing is left to come.
    """

    account: Account
    budget: Budget
    ahead: float
    nowcast: Nowcast | None
    action: Action | None


class Outlook:
    """Looks ahead of targets. What was found is kept until another hour is settled or late data come in."""

    def __init__(self) -> None:
        self._hours = Hours()
        self._kept: dict[Question, tuple[Progress, int, Foresight]] = {}

    async def hours(self, figures: Figures, measure: Measure, period: Period) -> HourSeries:
        """Every settled hour of ``period``, whose ends are whole hours."""
        return await self._hours.read(figures, measure, period)

    async def foresee(self, asked: Question, progress: Progress, figures: Figures, at: datetime) -> Foresight:
        """What the period that has come as far as ``progress`` will likely come to, asked ``at`` a time."""
        coming = hour_of(at) + 1
        known, hour, kept = self._kept.get(asked, (None, None, None))
        if kept is not None and (known, hour) == (progress, coming):
            return kept
        hours = _NO_HOURS
        if not progress.ended:
            back = Period(progress.until - _BACK, progress.until)
            hours = await self._hours.read(figures, Measure(asked.site, asked.metric, asked.aim), back)
        found = foresight(asked, progress, hours, Means(figures.sites.get(asked.site), coming))
        self._kept[asked] = progress, coming, found
        return found


@dataclass(frozen=True)
class Means:
    """What can be done: at ``site``, from the hour of number ``coming`` on."""

    site: SiteOptions | None
    coming: int

    @property
    def battery(self) -> bool:
        """Whether there is a battery to discharge."""
        return self.site is not None and any(s.kind is SupplyKind.BATTERY for s in self.site.supply)


def foresight(asked: Question, progress: Progress, hours: HourSeries, means: Means) -> Foresight:
    """The same from the settled ``hours`` before and in the period."""
    typical = None if progress.ended else profile(hours, asked.tz)
    ahead = None
    if typical is not None:
        first, until = hour_of(progress.until), hour_of(progress.period.end)
        ahead = typical.ahead(first, until, _dearest(asked.aim, hours))
        progress = replace(progress, ahead=float(np.sum(ahead.basis)))
    nowcast = None if ahead is None else _nowcast(asked, progress, ahead)
    account = _account(asked, progress, hours)
    return Foresight(
        account=account,
        budget=budget(account, asked.span),
        ahead=progress.ahead,
        nowcast=nowcast,
        action=_action(asked, progress, nowcast, (ahead, means)) if ahead and nowcast else None,
    )


def _dearest(aim: Aim, hours: HourSeries) -> float:
    """The most that an hour costs per basis: all of a share, or as much as it ever did."""
    if aim.direction is Direction.AT_LEAST:
        return 1.0
    known = hours.measured & (hours.basis > 0)
    return float(np.max(hours.cost[known] / hours.basis[known], initial=0.0))


def _nowcast(asked: Question, progress: Progress, ahead: Ahead) -> Nowcast:
    coming = float(np.sum(ahead.cost))
    most = progress.ahead if asked.aim.direction is Direction.AT_LEAST else np.inf
    certain = progress.cost + progress.doubt
    worse = certain + min(coming + ahead.more, most)
    better = progress.cost + max(0.0, coming - ahead.less)
    allowed = asked.allowance * progress.whole

    def figure(cost: float) -> float:
        return asked.aim.value(cost / progress.whole) if progress.whole > 0 else asked.aim.value(0.0)

    return Nowcast(
        expected=figure(certain + coming),
        worse=figure(worse),
        better=figure(better),
        short=certain + coming - allowed,
        short_worse=worse - allowed,
    )


def _account(asked: Question, progress: Progress, hours: HourSeries) -> Account:
    return Account(
        period=progress.period,
        until=progress.until,
        allowance=asked.allowance,
        whole=progress.whole,
        cost=progress.cost,
        doubt=progress.doubt,
        hours=hours,
        per_unit=asked.aim.per_wh,
        unit=asked.aim.unit,
    )


def _action(
    asked: Question, progress: Progress, nowcast: Nowcast, doing: tuple[Ahead, Means]
) -> Action | None:
    """What to do so that the goal is reached; so that it surely is, where that is expected already."""
    if progress.cost > asked.allowance * progress.whole:
        return None
    ahead, means = doing
    need = Need(
        metric=asked.metric,
        basis=asked.aim.basis,
        amount=nowcast.short if nowcast.short > 0 else nowcast.short_worse,
        unit=asked.aim.unit,
        per_unit=asked.aim.per_wh,
        end=progress.period.end,
        tz=asked.tz,
        battery=means.battery,
    )
    return action(need, ahead.since(means.coming))
