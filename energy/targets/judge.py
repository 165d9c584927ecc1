"""Judges a target: where it stands so far, what it will likely come to, and whether it can still be kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from energy.figures import ALL, Figures
from energy.interval import Period, Step, day_of, month_of, quarter_year_of, year_of
from energy.kpi import FAULT
from energy.outlook.ceiling import CLOCK, Ceiling, load_ceiling
from energy.outlook.evidence import evidence
from energy.outlook.foresight import Foresight, Outlook, Question
from energy.outlook.nowcast import Nowcast
from energy.outlook.progress import Progress, progress
from energy.quantity import energy
from energy.targets.aim import Basis, metric_form, metric_words
from energy.targets.target import Standing, TargetOptions, TargetVerdict

ROUNDING = 1e-9
"""Forgives what floating-point sums lose, and nothing else: metering accuracy is no allowance.

A supply that covers the load covers it whole, so a fully green hour needs none.
"""

_SETTLING = timedelta(hours=2)
"""How long the last whole settled hour may lie back while everything runs as it should."""

_PERIODS = {"day": day_of, "month": month_of, "quarter": quarter_year_of, "year": year_of}
_NOTHING_SETTLED = "nothing of the period is settled yet"


async def judge_target(
    target: TargetOptions, figures: Figures, at: datetime, outlook: Outlook | None = None
) -> TargetVerdict:
    """How ``target`` stands ``at`` a time in the running period, up to its last settled hour.

    A period that has ended is judged until the first hour of the next is settled, so its last hour counts and
    a check every 15 minutes tells how it ended. Whoever asks again and again gives the same ``outlook``.
    Raises ValueError for a site that is not configured.
    """
    tz = _zone(target, figures)
    settled = await figures.settled_until(target.site)
    settled = None if settled is None else _whole_hour(min(settled, at))
    last = at if settled is None or at - settled > _SETTLING else settled
    period = _PERIODS[target.period](last - timedelta(microseconds=1), tz)
    until = period.start if settled is None else min(settled, period.end)
    if until <= period.start:
        standing = Standing.UNKNOWN
        return TargetVerdict(target, at, period.start, period.end, standing, None, None, _NOTHING_SETTLED)
    part = Period(period.start, until)
    (row,) = await figures.kpi(target.site, part, only={target.metric})
    (mixed,) = await figures.mix(target.site, part)
    so_far = progress(target.metric, target.aim, period, row, mixed)
    asked = Question(target.site, target.metric, target.goal, target.period, target.aim, tz)
    foreseen = await (outlook or Outlook()).foresee(asked, so_far, figures, at)
    most = await _ceiling(target, figures, so_far, foreseen)
    return _verdict(target, at, replace(so_far, ceiling=most), foreseen)


async def _ceiling(target: TargetOptions, figures: Figures, so_far: Progress, foreseen: Foresight) -> Ceiling:
    """How much an hour may use that is still to come, or was not measured."""
    if target.aim.basis is Basis.TIME:
        return CLOCK
    sites = [site for key, site in figures.sites.items() if target.site in (key, ALL)]
    hours = foreseen.account.hours.basis
    if not len(hours) and so_far.blank:  # it has ended: what was lost in it is no higher than its other hours
        part = Period(so_far.period.start, so_far.until)
        rows = await figures.kpi(target.site, part, Step.HOUR, only=())
        hours = np.array([target.aim.over(row) or 0.0 for row in rows])
    return load_ceiling(sites, float(np.nan_to_num(hours).max(initial=0.0)))


def _zone(target: TargetOptions, figures: Figures) -> ZoneInfo:
    if target.site == ALL:
        return ZoneInfo("UTC")
    if target.site not in figures.sites:
        raise ValueError(f"target {target.name!r}: no site is named {target.site!r}")
    return figures.sites[target.site].tz


def _whole_hour(at: datetime) -> datetime:
    """Energy is matched by the hour, so nothing is judged within one."""
    return at.replace(minute=0, second=0, microsecond=0)


def _verdict(target: TargetOptions, at: datetime, so_far: Progress, foreseen: Foresight) -> TargetVerdict:
    standing, reason = _Judgement(target, so_far, foreseen.nowcast).standing()
    return TargetVerdict(
        target=target,
        at=at,
        start=so_far.period.start,
        end=so_far.period.end,
        standing=standing,
        value=so_far.value,
        best_possible=so_far.best,
        reason=reason,
        evidence=evidence(so_far, foreseen, metric_form(target.metric)),
        until=so_far.until,
        foresight=foreseen,
    )


class _Judgement:
    """Where a target stands, with the reason in words."""

    def __init__(self, target: TargetOptions, so_far: Progress, nowcast: Nowcast | None) -> None:
        self._target, self._so_far, self._nowcast = target, so_far, nowcast

    def standing(self) -> tuple[Standing, str]:
        so_far, withheld = self._so_far, self._so_far.withheld
        best, value = so_far.best, so_far.value
        if best is None or (withheld or "").startswith(FAULT):
            return Standing.UNKNOWN, withheld or "no consumption is known in the period"
        if not self._good(best) and self._final():
            return Standing.MISSED, self._missed(best)
        if value is None:
            return Standing.UNKNOWN, withheld or f"{self._target.metric} is not known"
        if so_far.ended:
            return self._at_the_end(value)
        if so_far.secured is not None and self._good(so_far.secured):
            return (
                Standing.MET,
                f"{self._words(value)} so far: whatever comes{self._most}, {self._goal} is kept",
            )
        return self._open(value, best)

    def _open(self, value: float, best: float) -> tuple[Standing, str]:
        """While nothing is decided: by the range of the nowcast, or for want of it by the figure so far."""
        told = f"{self._words(value)} so far"
        if self._nowcast is None:
            standing = Standing.UNKNOWN if self._good(value) else Standing.AT_RISK
            return standing, f"{told}, {self._goal}; too little is measured yet to tell what is to come"
        low, high = (self._words(end) for end in (self._nowcast.low, self._nowcast.high))
        ahead = f"{low} to {high} are expected at the end" if low != high else f"{low} is expected at the end"
        if self._good(self._nowcast.worse):
            return Standing.ON_COURSE, f"{told}; {ahead}, {self._goal}"
        return (
            Standing.AT_RISK,
            f"{told}; {ahead}, {self._goal}; {self._best_words(best)} can still be reached",
        )

    def _at_the_end(self, value: float) -> tuple[Standing, str]:
        if self._good(value):
            return Standing.MET, f"{self._words(value)} at the end, {self._goal}"
        return (
            Standing.UNKNOWN,
            f"{self._words(value)} is proven and {self._goal}, but "
            f"{energy(self._so_far.doubt)} are not known",
        )

    def _missed(self, best: float) -> str:
        so_far, value = self._so_far, self._so_far.value
        whole = so_far.ended and value is not None and abs(best - value) < ROUNDING
        can = f"{self._best_words(best)} can be reached{self._most}"
        reached = f"{self._words(best)} at the end" if whole else can
        return f"{reached}, {self._goal}"

    @property
    def _most(self) -> str:
        """How high all that is not known is taken to be."""
        ceiling = self._so_far.ceiling
        return f" {ceiling.words}" if ceiling is not None and ceiling.words else ""

    def _best_words(self, best: float) -> str:
        share = metric_form(self._target.metric) == "share"
        return f"at most {self._words(best)}" if share else f"no less than {self._words(best)}"

    def _good(self, value: float) -> bool:
        """Whether ``value`` keeps the goal."""
        aim = self._target.aim
        return aim.cost(value) <= aim.cost(self._target.goal) + ROUNDING

    def _final(self) -> bool:
        """Whether falling short can no longer be made good: by volume, a later surplus still could."""
        return self._so_far.ended or self._target.metric != "ref"

    def _words(self, value: float) -> str:
        return metric_words(self._target.metric, value)

    @property
    def _goal(self) -> str:
        return f"the goal is {self._words(self._target.goal)}"
