"""The targets: where each stands, its budget, its nowcast and what to do; and the running hour."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere, NowHere
from dashboards.panels.targets import judged, running_hour
from dashboards.problem import RESPONSES
from dashboards.then import as_known
from energy.figures import ALL
from energy.outlook.action import Action
from energy.outlook.budget import Budget
from energy.outlook.hour import HourNowcast
from energy.outlook.nowcast import HOLDS, Nowcast
from energy.targets.target import Standing, TargetVerdict

router = APIRouter(prefix="/api/v1", tags=["targets"], responses=RESPONSES)


class TargetsAsked(Asked):
    """Targets of ``site`` and those of all sites together; without it every target.

    With ``as_of`` as they were judged by what was known then.
    """

    site: str = ALL
    as_of: str | None = None


class BurnRate(BaseModel):
    """What the last ``hours`` hours used, as a multiple of the even rate.

    ``rate`` counts what is proven, ``pessimistic`` also what is not known.
    """

    hours: int
    rate: float | None
    pessimistic: float | None
    used: float


class TargetBudget(BaseModel):
    """Amounts in ``unit``. ``in_doubt`` is what is not known: it uses the budget in the pessimistic reading.

    ``lost_at`` is when nothing is left at the pace of the last ``pace_hours`` hours, or when that was; null
    where that is not within the period.
    """

    unit: str
    allowed: float
    used: float
    in_doubt: float
    left: float
    left_pessimistic: float
    burn_rates: list[BurnRate]
    pace_hours: int
    lost_at: str | None
    lost_at_pessimistic: str | None


class TargetNowcast(BaseModel):
    """The figure at the end of the period; the range holds it in at least the share ``holds`` of cases."""

    low: float
    expected: float
    high: float
    holds: float


class TargetAction(BaseModel):
    """What to do: ``amount`` in ``unit`` until the period ends, first in the hour from ``hour``."""

    kind: str
    amount: float
    unit: str
    hour: str
    to: str | None
    sentence: str


class TargetNow(BaseModel):
    """One target ``at`` a time, judged on whole settled hours up to ``until``."""

    name: str
    label: str
    site: str
    metric: str
    direction: str
    goal: float
    period: str
    severity: str
    start: str
    end: str
    until: str | None
    standing: Standing
    reason: str
    value: float | None
    best_possible: float | None
    budget: TargetBudget | None
    nowcast: TargetNowcast | None
    action: TargetAction | None


class RunningHour(BaseModel):
    """The matched share of the hour from ``start``, live and not settled; null with a ``reason``."""

    start: str
    low: float | None
    expected: float | None
    high: float | None
    load_wh: float | None
    reason: str | None


class Targets(BaseModel):
    """``at`` is the time that they are judged at; ``hour`` is the running hour of the site asked for, null
    where that is in the past."""

    at: str
    hour: RunningHour | None
    targets: list[TargetNow]


@router.get("/targets")
async def targets(house: HouseHere, now: NowHere, query: Annotated[TargetsAsked, Query()]) -> Targets:
    """How every target stands, what of its budget is left, what it will come to and what to do."""
    site, as_of = asked.site(house, query.site), asked.as_of(house, query.as_of)
    at = min(as_of or house.clock.now(), house.clock.now())
    found = await judged(as_known(house, as_of), site, at)
    return Targets(
        at=at.isoformat(),
        hour=None if as_of is not None else _hour(await running_hour(house, now, site, at)),
        targets=[_target(one, one.target.title(house.sites)) for one in found],
    )


def _hour(hour: HourNowcast) -> RunningHour:
    return RunningHour.model_validate({**vars(hour), "start": hour.start.isoformat()})


def _target(one: TargetVerdict, label: str) -> TargetNow:
    target = one.target
    return TargetNow(
        name=target.name,
        label=label,
        site=target.site,
        metric=target.metric,
        direction=str(target.aim.direction),
        goal=target.goal,
        period=target.period,
        severity=target.severity,
        start=one.start.isoformat(),
        end=one.end.isoformat(),
        until=None if one.until is None else one.until.isoformat(),
        standing=one.standing,
        reason=one.reason,
        value=one.value,
        best_possible=one.best_possible,
        budget=None if one.budget is None else _budget(one.budget),
        nowcast=None if one.nowcast is None else _nowcast(one.nowcast),
        action=None if one.action is None else _action(one.action),
    )


def _budget(budget: Budget) -> TargetBudget:
    lost, worst = budget.lost_at, budget.lost_at_pessimistic
    return TargetBudget(
        unit=budget.unit,
        allowed=budget.allowed,
        used=budget.used,
        in_doubt=budget.doubt,
        left=budget.left,
        left_pessimistic=budget.left_pessimistic,
        burn_rates=[
            BurnRate(hours=b.hours, rate=b.rate, pessimistic=b.pessimistic, used=b.used) for b in budget.burns
        ],
        pace_hours=budget.pace,
        lost_at=None if lost is None else lost.isoformat(),
        lost_at_pessimistic=None if worst is None else worst.isoformat(),
    )


def _nowcast(nowcast: Nowcast) -> TargetNowcast:
    return TargetNowcast(low=nowcast.low, expected=nowcast.expected, high=nowcast.high, holds=HOLDS)


def _action(action: Action) -> TargetAction:
    return TargetAction(
        kind=action.kind,
        amount=action.amount,
        unit=action.unit,
        hour=action.hour.isoformat(),
        to=None if action.to is None else action.to.isoformat(),
        sentence=action.sentence,
    )
