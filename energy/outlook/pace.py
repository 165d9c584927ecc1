"""When a budget burns too fast: several windows and rates at once, as long as the period asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from energy.outlook.budget import Account, Burn, Span, burn, lost_within
from energy.outlook.hours import HOUR


@dataclass(frozen=True)
class Pace:
    """A window of ``hours`` and the ``rate`` (multiples of the even one) at which it is too fast.

    ``fast`` ones are urgent. The last ``recent`` hours must burn as fast: what is over needs nobody.
    """

    hours: int
    rate: float
    fast: bool

    @property
    def recent(self) -> int:
        """Hours of the short window beside it: a twelfth, but whole hours, as energy is matched."""
        return max(1, self.hours // 12)


PACES: Mapping[Span, tuple[Pace, ...]] = {
    "day": (Pace(1, 6.0, fast=True), Pace(6, 2.0, fast=False)),
    "month": (Pace(1, 14.4, fast=True), Pace(6, 6.0, fast=True), Pace(24, 3.0, fast=False)),
    "quarter": (Pace(3, 14.4, fast=True), Pace(18, 6.0, fast=True), Pace(72, 3.0, fast=False)),
    "year": (Pace(12, 14.4, fast=True), Pace(72, 6.0, fast=True), Pace(288, 3.0, fast=False)),
}
"""A month's are the customary ones of error budgets: 2 % of it in an hour, 5 % in six, 10 % in a day. Longer
periods have longer windows for the same shares. Of a day an hour is 4 %, and energy is matched by the hour:
so a quarter of its budget in one hour, or half of it in six."""

CALM = 0.75
"""Of its rate, below which every window must have come before a burn is over."""


@dataclass(frozen=True)
class Burning:
    """Whether a budget burns too fast: None where what is not known decides.

    ``calm`` tells that it has clearly stopped; ``fast`` that the window which tells so is an urgent one.
    ``hottest`` is the window that stands highest above its rate, ``lost_at`` when the budget will be used
    up at its pace.
    """

    active: bool | None
    calm: bool
    fast: bool
    hottest: tuple[Pace, Burn] | None
    lost_at: datetime | None


def burning(account: Account, span: Span) -> Burning:
    """How fast the budget of ``account`` burns.

    A window counts once the period is as old as it, and only while its pace would lose the target before
    the period ends: fast, with enough left for the rest, needs nobody. A budget that is used up burns no
    more: then the target is missed.
    """
    age = (account.until - account.period.start) / HOUR
    seen = [_Window(account, pace) for pace in PACES[span] if pace.hours <= age]
    sure = [window for window in seen if window.over]
    told = [window for window in seen if window.long.rate is not None]
    hottest = max(told, key=lambda window: window.excess, default=None)
    unsure = any(window.over is None for window in seen)
    return Burning(
        active=True if sure else None if unsure else False,
        calm=all((window.long.pessimistic or 0.0) < CALM * window.pace.rate for window in seen),
        fast=any(window.pace.fast for window in sure),
        hottest=(hottest.pace, hottest.long) if hottest else None,
        lost_at=hottest.lost_at(doubt=False) if hottest else None,
    )


class _Window:
    """One window of a burning budget, and the short one at its end."""

    def __init__(self, account: Account, pace: Pace) -> None:
        self.pace, self._account = pace, account
        self.long, self._short = burn(account, pace.hours), burn(account, pace.recent)

    @property
    def excess(self) -> float:
        """How far it stands above its rate; 1 is at it."""
        return (self.long.rate or 0.0) / self.pace.rate

    @property
    def over(self) -> bool | None:
        """Whether both burn too fast; None where what is not known decides."""
        if self.long.rate is None or self._short.rate is None:
            return None if self.long.known < self.long.hours else False
        if min(self.long.rate, self._short.rate) >= self.pace.rate and self.lost_at(doubt=False):
            return True
        worst = min(self.long.pessimistic or 0.0, self._short.pessimistic or 0.0)
        return None if worst >= self.pace.rate and self.lost_at(doubt=True) else False

    def lost_at(self, *, doubt: bool) -> datetime | None:
        """When the budget is used up at the pace of the window; None if that is not within the period."""
        account = self._account
        spent = self.long.used + (self.long.doubt if doubt else 0.0)
        left = account.allowance * account.whole - account.cost - (account.doubt if doubt else 0.0)
        return lost_within(account, spent / account.per_unit / self.pace.hours, left)
