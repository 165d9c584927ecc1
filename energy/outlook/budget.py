"""The budget of a target: what its period may cost, what was used of it and how fast it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from energy.interval import Period
from energy.outlook.hours import HOUR, HourSeries, hour_of, hour_start

Span = Literal["day", "month", "quarter", "year"]
"""Lengths of a target's period, as clocks at the site cut them."""

WINDOWS = (1, 6, 24)
"""Hours over which burn rates are told."""

PACE: Mapping[Span, int] = {"day": 6, "month": 24, "quarter": 24, "year": 24}
"""Hours whose burn rate tells when the budget will be used up."""

NOTHING = 1e-6
"""Of a budget, in its unit: what is less comes of adding binary fractions up."""


@dataclass(frozen=True)
class Burn:
    """What the last ``hours`` hours used, as a multiple of the even rate that would just use the budget up.

    ``rate`` counts what is proven, ``pessimistic`` also what is not known; None where the window is not yet
    whole, nothing of it is known, or the goal leaves no budget. ``used`` is in the unit of the budget, with
    ``known`` of ``hours`` hours behind it.
    """

    hours: int
    rate: float | None
    pessimistic: float | None
    used: float
    doubt: float
    known: int


@dataclass(frozen=True)
class Budget:
    """What the whole period may cost, in ``unit``, and what of it is used, proven and in doubt.

    ``allowed`` rests on the expected load of what is still to come. ``left`` counts what is proven only,
    ``left_pessimistic`` also what is not known; either is negative once it is overdrawn. ``lost_at`` is
    when nothing is left at the pace of the last ``pace`` hours, or when that was; None where that is not
    within the period.
    """

    unit: str
    allowed: float
    used: float
    doubt: float
    burns: tuple[Burn, ...]
    pace: int
    lost_at: datetime | None
    lost_at_pessimistic: datetime | None

    @property
    def left(self) -> float:
        """What may still be used, if all that is not known turns out to cost nothing."""
        return self.allowed - self.used

    @property
    def left_pessimistic(self) -> float:
        """What may still be used, if all that is not known turns out to cost."""
        return self.left - self.doubt

    def burn(self, hours: int) -> Burn | None:
        """The burn of the last ``hours`` hours."""
        return next((burn for burn in self.burns if burn.hours == hours), None)


@dataclass(frozen=True)
class Account:
    """What a budget is made of: in the basis of the aim, ``per_unit`` of the budget's unit to one of it.

    ``allowance`` is the cost per basis that the goal leaves, ``whole`` the expected basis of ``period``;
    ``hours`` are the settled hours, those before the period too.
    """

    period: Period
    until: datetime
    allowance: float
    whole: float
    cost: float
    doubt: float
    hours: HourSeries
    per_unit: float
    unit: str


def budget(account: Account, span: Span) -> Budget:
    """The budget of ``account`` in its unit, with the burn rates of :data:`WINDOWS`."""
    allowed = account.allowance * account.whole
    scale = account.per_unit
    pace = PACE[span]
    return Budget(
        unit=account.unit,
        allowed=allowed * scale,
        used=account.cost * scale,
        doubt=account.doubt * scale,
        burns=tuple(burn(account, hours) for hours in WINDOWS),
        pace=pace,
        lost_at=_lost(account, allowed, pace, doubt=False),
        lost_at_pessimistic=_lost(account, allowed, pace, doubt=True),
    )


def burn(account: Account, hours: int) -> Burn:
    """How fast the last ``hours`` settled hours of the period used its budget."""
    until = hour_of(account.until)
    window = account.hours.between(max(until - hours, hour_of(account.period.start)), until)
    known = int(np.count_nonzero(~np.isnan(window.basis)))
    sums = window.sum()
    # Hours that are not known at all are taken to be like the others, and to cost as much as may be.
    blank = sums.basis / known * (len(window.basis) - known) if known else 0.0
    told = len(window.basis) == hours and sums.basis > 0 and account.allowance > NOTHING
    even = account.allowance * (sums.basis + blank)
    return Burn(
        hours=hours,
        rate=sums.cost / even if told else None,
        pessimistic=(sums.cost + sums.doubt + blank) / even if told else None,
        used=sums.cost * account.per_unit,
        doubt=(sums.doubt + blank) * account.per_unit,
        known=known,
    )


def lost_within(account: Account, pace_per_hour: float, left: float) -> datetime | None:
    """When ``left`` is used up at that pace; None where the period ends before."""
    if pace_per_hour <= 0 or left < 0:
        return None
    ahead = left / pace_per_hour
    if ahead >= (account.period.end - account.until) / HOUR:
        return None
    return account.until + timedelta(hours=ahead)


def _lost(account: Account, allowed: float, pace: int, *, doubt: bool) -> datetime | None:
    """When the budget is, or was, used up: by what is proven, or with what is in ``doubt`` too."""
    used = account.cost + (account.doubt if doubt else 0.0)
    own = account.hours.since(hour_of(account.period.start))
    costs = own.cost + (own.doubt if doubt else 0.0)
    if used > allowed + NOTHING:
        over = np.flatnonzero(np.cumsum(costs) > allowed + NOTHING)
        return hour_start(own.first + int(over[0]) + 1) if len(over) else None
    last = costs[-pace:]
    if not len(last):
        return None
    return lost_within(account, float(np.sum(last)) / len(last), allowed - used)
